//! The options of `simulate`: a local Square and what may go wrong with it.
//!
//! In come arguments; out go checked values. None of them is a setting: a
//! simulated Square keeps no secret that is worth one.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{ArgAction, Args};

use crate::cli::args::span;
use crate::config::choice;
use crate::config::fault::Complaint;

/// What webhooks are signed with when SQUARE_WEBHOOK_SIGNATURE_KEY is not set.
pub const DEFAULT_SIGNATURE_KEY: &str = "sandbox-signature-key";

/// What `simulate` takes.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    // The name is that of a setting, which this one stands in for: the setting
    // is the address of the service, and both run on one machine.
    /// Address of the simulated Square
    ///
    /// [default: 127.0.0.1:8181]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,

    /// How many customers the directory starts with
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub customers: u32,

    /// The access token that calls must carry
    #[arg(long, value_name = "TOKEN", default_value = "sandbox-token")]
    pub token: String,

    /// The seller whose directory it is
    #[arg(long, value_name = "ID", default_value = "SANDBOX-MERCHANT")]
    pub merchant_id: String,

    /// Send webhooks to this URL, signed with SQUARE_WEBHOOK_SIGNATURE_KEY
    ///
    /// Where that is not set they are signed with `sandbox-signature-key`. Without this
    /// option there are no webhooks.
    #[arg(long, value_name = "URL")]
    pub webhook_url: Option<String>,

    /// Let the Events API list what happens, as Square does once it is enabled
    #[arg(long, action = ArgAction::SetTrue)]
    pub events: bool,

    /// Make the same choices again as another run with this number
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// What goes wrong.
    #[command(flatten)]
    pub faults: FaultArgs,
}

impl SimulateArgs {
    /// Where to listen.
    pub fn listen(&self) -> Result<SocketAddr, Complaint> {
        match &self.listen {
            Some(text) => choice::listen_address(text),
            None => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, 8181))),
        }
    }
}

/// What goes wrong at the simulated Square: nothing, unless asked for.
#[derive(Args, Clone, Debug)]
#[command(
    next_help_heading = "Faults (P is a probability from 0 to 1; nothing goes wrong unless asked for)"
)]
pub struct FaultArgs {
    /// Answer each call this much later, such as 50ms
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub latency: Option<Duration>,

    /// Let the search show a change only after this time, such as 2s
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub index_lag: Option<Duration>,

    /// Refuse calls as too many, with 429
    #[arg(long, value_name = "P", default_value_t = 0.0, hide_default_value = true, value_parser = probability)]
    pub rate_limited: f64,

    /// Fail calls with 500, with nothing done
    #[arg(long, value_name = "P", default_value_t = 0.0, hide_default_value = true, value_parser = probability)]
    pub internal_errors: f64,

    /// Do what a call asks, then close the connection without an answer
    #[arg(long, value_name = "P", default_value_t = 0.0, hide_default_value = true, value_parser = probability)]
    pub answers_lost: f64,

    /// Reset the connection before anything is done
    #[arg(long, value_name = "P", default_value_t = 0.0, hide_default_value = true, value_parser = probability)]
    pub resets: f64,

    /// Never send the webhook of a change
    #[arg(long, value_name = "P", default_value_t = 0.0, hide_default_value = true, value_parser = probability)]
    pub webhooks_dropped: f64,

    /// Send the webhook of a change twice
    #[arg(long, value_name = "P", default_value_t = 0.0, hide_default_value = true, value_parser = probability)]
    pub webhooks_doubled: f64,

    /// Send each webhook this much later, such as 10s
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub webhooks_delayed: Option<Duration>,

    /// Send webhooks in another order than that of the changes
    #[arg(long, action = ArgAction::SetTrue)]
    pub webhooks_reordered: bool,
}

/// Reads a number from 0 to 1; what is no number at all is not between the two.
fn probability(text: &str) -> Result<f64, Complaint> {
    text.parse::<f64>()
        .ok()
        .filter(|probability| (0.0..=1.0).contains(probability))
        .ok_or("write a probability from 0 (never) to 1 (always), such as 0.1")
}
