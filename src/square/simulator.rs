//! A Square that remembers, over real HTTP: for tests, for the `simulate`
//! command and for the demo.
//!
//! In come requests to the Customers API (and the Events API, the token's
//! status and the merchant), acts of the seller, and faults; out go answers in Square's words
//! and signed webhooks. What it promises is Square's contract and nothing
//! better: lists and searches lag behind, cursors die, events come twice, late
//! or never, an answer may be lost after the change was made. It keeps all in
//! memory: a crash forgets everything.
//!
//! It shares no code with our own client and signature, of which it is the
//! independent other side. For use by hand it has a door without a token, for
//! callers on the same machine: `POST /simulator/merge {"customer_ids":[..]}`
//! and `GET /simulator/state`.

mod api;
mod bulk;
mod check;
mod clock;
mod customers;
mod directory;
mod door;
mod event;
mod events;
mod fault;
mod faults;
mod filter;
mod keys;
mod ledger;
mod lists;
mod merge;
mod options;
mod outgoing;
mod post;
mod profile;
mod query;
mod refusal;
mod routes;
mod search;
mod seed;
mod seller;
mod server;
mod shared;
mod state;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::Timestamp;

pub use api::{Answered, Request};
pub use clock::Clock;
pub use event::signature as sign;
pub use fault::{Fault, UnknownFault};
pub use faults::{Access, Faults, Strikes};
pub use ledger::{Call, Item};
pub use options::{Options, Stale, Webhook};
pub use outgoing::Event;

use server::Serving;
use shared::Shared;

/// A running simulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    /// None for one without a socket.
    serving: Option<Serving>,
    /// For events that are posted when somebody says so; none for one without a socket.
    client: Option<reqwest::Client>,
    /// What is good as a token.
    pub token: String,
    /// The seller.
    pub merchant_id: String,
}

impl Simulator {
    /// Binds, fills the directory and serves in a thread of its own.
    pub fn start(options: Options) -> io::Result<Self> {
        let (token, merchant_id) = (options.token.clone(), options.merchant_id.clone());
        let shared = Arc::new(Shared::new(options));
        Ok(Self {
            client: Some(post::client().map_err(io::Error::other)?),
            serving: Some(server::start(&shared)?),
            shared,
            token,
            merchant_id,
        })
    }

    /// One without a socket, for callers in the same process: see [`answer`](Self::answer).
    pub fn unserved(options: Options) -> Self {
        let (token, merchant_id) = (options.token.clone(), options.merchant_id.clone());
        Self {
            client: None,
            serving: None,
            shared: Arc::new(Shared::new(options)),
            token,
            merchant_id,
        }
    }

    /// Answers a request as the server would. None where the connection is closed instead.
    pub fn answer(&self, request: Request<'_>) -> Option<Answered> {
        api::answer(&mut self.shared.lock(), request).answered()
    }

    /// Ends serving: no request is answered from now on.
    pub async fn stop(&self) {
        self.shared.lock().is_stopped = true;
        if let Some(serving) = &self.serving {
            serving.handle.stop(false).await;
        }
    }

    /// The base URL of its API; without a socket, one where nobody listens.
    pub fn url(&self) -> String {
        match &self.serving {
            Some(serving) => format!("http://{}", serving.address),
            None => "http://127.0.0.1:9".to_owned(),
        }
    }

    /// The simulator's time.
    pub fn now(&self) -> Timestamp {
        self.shared.lock().now()
    }

    /// Moves the simulator's time forward.
    pub fn advance(&self, by: Duration) {
        self.shared.lock().advance(by);
    }

    /// The seller adds a customer, of whatever fields; tells its id.
    pub fn create(&self, profile: &Value) -> String {
        seller::create(&mut self.shared.lock(), profile)
    }

    /// The seller changes a customer: null removes, absent keeps. False if it is not there.
    pub fn update(&self, id: &str, changes: &Value) -> bool {
        seller::update(&mut self.shared.lock(), id, changes)
    }

    /// The seller deletes a customer. False if it is not there.
    pub fn delete(&self, id: &str) -> bool {
        seller::delete(&mut self.shared.lock(), id)
    }

    /// Square restores a deleted customer under its old id, as it was, at the
    /// next version; with an event or, as Square does not say, without.
    pub fn restore(&self, id: &str, with_event: bool) -> bool {
        seller::restore(&mut self.shared.lock(), id, with_event)
    }

    /// The seller merges customers, the first wins; tells the new id. None if
    /// fewer than two are there.
    pub fn merge(&self, ids: &[&str]) -> Option<String> {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        merge::merge(&mut self.shared.lock(), &ids)
    }

    /// The customer that is there under this very id.
    pub fn customer(&self, id: &str) -> Option<Value> {
        let (_, _, customer) = self.shared.lock().live(id)?;
        Some(Value::Object(customer))
    }

    /// All customers that are there, hidden ones too, in the order they came.
    pub fn customers(&self) -> Vec<Value> {
        let state = self.shared.lock();
        let slots = state.directory.slots();
        slots
            .filter_map(|slot| state.directory.record(slot)?.live())
            .map(|(_, text)| Value::Object(profile::read(text)))
            .collect()
    }

    /// How many customers are there.
    pub fn len(&self) -> usize {
        self.shared.lock().directory.live()
    }

    /// Is nobody there?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ids of merged profiles and what each became.
    pub fn aliases(&self) -> BTreeMap<String, String> {
        self.shared.lock().aliases.clone()
    }

    /// Every state of a customer, oldest first; null where it was deleted.
    pub fn history(&self, id: &str) -> Vec<Value> {
        let state = self.shared.lock();
        let slot = state.directory.find(id);
        let Some(record) = slot.and_then(|slot| state.directory.record(slot)) else {
            return Vec::new();
        };
        let text = |version: &directory::Version| version.text.clone();
        let versions = record.versions.iter().map(text);
        versions
            .map(|text| text.map_or(Value::Null, |text| Value::Object(profile::read(&text))))
            .collect()
    }

    /// Changes the faults in force.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.shared.lock().faults);
    }

    /// How often a fault fired.
    pub fn fired(&self, fault: Fault) -> u64 {
        self.shared.lock().faults.fired(fault)
    }

    /// The faults that fired, and how often.
    pub fn all_fired(&self) -> BTreeMap<Fault, u64> {
        self.shared.lock().faults.all_fired()
    }

    /// How long an API request waits before it is looked at.
    pub fn latency(&self) -> Duration {
        self.shared.lock().faults.latency
    }

    /// Forgets all idempotency keys, as Square does after a time it does not publish.
    pub fn forget_keys(&self) {
        self.shared.lock().keys.forget();
    }

    /// Changes how far lists and searches stay behind.
    pub fn set_index_lag(&self, lag: Duration) {
        self.shared.lock().options.index_lag = lag;
    }

    /// Changes where events are posted.
    pub fn post_to(&self, address: impl Into<String>) {
        let address = Some(address.into());
        self.shared.lock().outgoing.post_to(address);
    }

    /// Signs from now on with another key; events that wait keep their signature.
    pub fn rotate_key(&self, key: impl Into<String>) {
        self.shared.lock().outgoing.rotate(key.into());
    }

    /// Raises an event of any type with any `data`; tells its id.
    pub fn emit(&self, event_type: &str, data: &Value) -> String {
        self.shared.lock().emit(event_type, &data.to_string())
    }

    /// Switches the Events API, which lists what happens while it is on.
    pub fn enable_events(&self, is_on: bool) {
        self.shared.lock().events.switch(is_on);
    }

    /// All events so far, in the order they happened, signed.
    pub fn events(&self) -> Vec<Event> {
        let state = self.shared.lock();
        state.outgoing.events(&state.options.square_version)
    }

    /// Posts every event that is due now, once; tells how many.
    pub async fn deliver_due(&self) -> usize {
        match &self.client {
            Some(client) => post::post_due(&self.shared, client).await,
            None => 0,
        }
    }

    /// Events neither taken nor given up.
    pub fn outstanding(&self) -> usize {
        self.shared.lock().outgoing.outstanding()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // The command is sent at once; nobody can wait for it here.
        if let Some(serving) = &self.serving {
            drop(serving.handle.stop(false));
        }
    }
}
