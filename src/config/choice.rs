//! Settings with a few known values: conflicts, matching, yes or no, the log.
//!
//! In comes text; out goes one of the choices, or the list of them.

use std::net::SocketAddr;

use tracing_subscriber::EnvFilter;

use crate::config::fault::Complaint;
use crate::domain::lookalike::Matching;
use crate::domain::merge::Rule;

/// Reads who wins a field that was changed on both sides.
pub fn conflict_rule(text: &str) -> Result<Rule, Complaint> {
    match text {
        "square" => Ok(Rule::Square),
        "local" => Ok(Rule::Local),
        "newest" => Ok(Rule::Newest),
        _ => Err("is not a rule: write square, local or newest"),
    }
}

/// Reads by what a customer is looked for at Square before it is made there.
pub fn matching(text: &str) -> Result<Matching, Complaint> {
    match text {
        "off" => Ok(Matching::Off),
        "email" => Ok(Matching::Email),
        "phone" => Ok(Matching::Phone),
        "both" => Ok(Matching::Both),
        _ => Err("is no way to look for a customer: write off, email, phone or both"),
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For a log collector: one object a line.
    Json,
}

impl LogFormat {
    /// Reads `text` or `json`.
    pub fn parse(text: &str) -> Result<Self, Complaint> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("is not a format: write text or json"),
        }
    }
}

/// Reads `true` or `false`.
pub fn yes_or_no(text: &str) -> Result<bool, Complaint> {
    text.parse()
        .ok()
        .ok_or("is neither yes nor no: write true or false")
}

/// Reads an address to listen on. Names are refused, because what they stand
/// for decides who can reach the server.
pub fn listen_address(text: &str) -> Result<SocketAddr, Complaint> {
    text.parse().ok().ok_or(
        "is not an address to listen on: write ADDRESS:PORT, such as 127.0.0.1:8080 or [::]:8080",
    )
}

/// Reads a tracing filter and hands it on as text.
pub fn log_filter(text: &str) -> Result<String, Complaint> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("is not a filter: write error, warn, info, debug or trace, \
             or several such as info,squaresync=debug"),
    }
}
