//! Everything about a simulator that is settled before it starts.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::clock::Clock;
use super::faults::Faults;

/// How a stale `version` is answered; what Square does is not published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stale {
    /// 400 `VERSION_MISMATCH`.
    #[default]
    VersionMismatch,
    /// 409 `CONFLICT`.
    Conflict,
}

/// A webhook subscription.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The registered text, which is signed byte for byte.
    pub notification_url: String,
    /// Where events are really posted; none keeps them waiting.
    pub post_to: Option<String>,
    /// Signature keys, the present one first, older ones after it.
    pub keys: Vec<String>,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            notification_url: "https://localhost/webhooks/square".to_owned(),
            post_to: None,
            keys: vec!["simulator-signature-key".to_owned()],
        }
    }
}

/// How the simulator plays.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one token that is good.
    pub token: String,
    /// The seller.
    pub merchant_id: String,
    /// The API version of requests without `Square-Version` and of webhooks.
    pub square_version: String,
    /// Time.
    pub clock: Clock,
    /// Where ids, faults and the first directory come from.
    pub seed: u64,
    /// How many customers the directory starts with.
    pub customers: usize,
    /// How long lists and searches stay behind.
    pub index_lag: Duration,
    /// How long a cursor lives.
    pub cursor_life: Duration,
    /// How long an idempotency key is remembered; none is for ever.
    pub key_life: Option<Duration>,
    /// The answer to a stale version.
    pub stale: Stale,
    /// Do time windows include their end?
    pub closed_windows: bool,
    /// Does what callers write come back trimmed, addresses in lower case and numbers bare?
    pub respells: bool,
    /// Is somebody who was merged away answered with 404 instead of the survivor?
    pub forgets_merged: bool,
    /// Do some customers carry a key that no document names?
    pub unknown_keys: bool,
    /// Does a retrieved customer carry `cards`?
    pub cards: bool,
    /// Who is told of changes; with none, no event is even recorded.
    pub webhook: Option<Webhook>,
    /// Does the Events API list events from the start?
    pub events_enabled: bool,
    /// Are events posted without anybody calling `deliver_due`?
    pub deliver: bool,
    /// How many events are under way at a time.
    pub deliveries_at_once: usize,
    /// Multiplies the waits between attempts to deliver.
    pub retry_scale: f64,
    /// The faults to begin with.
    pub faults: Faults,
    /// Is each request kept for `calls`?
    pub keep_calls: bool,
    /// Threads that answer requests.
    pub workers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: "sandbox-token".to_owned(),
            merchant_id: "SIMULATEDSELLER".to_owned(),
            square_version: "2025-08-20".to_owned(),
            clock: Clock::real(),
            seed: 1,
            customers: 0,
            index_lag: Duration::from_secs(2),
            cursor_life: Duration::from_secs(300),
            key_life: None,
            stale: Stale::default(),
            closed_windows: false,
            respells: false,
            forgets_merged: false,
            unknown_keys: false,
            cards: false,
            webhook: Some(Webhook::default()),
            events_enabled: false,
            deliver: false,
            deliveries_at_once: 16,
            retry_scale: 1.0,
            faults: Faults::default(),
            keep_calls: true,
            workers: 1,
        }
    }
}
