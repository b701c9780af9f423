//! All that the simulator remembers, and the three ways it changes.
//!
//! In come checked profiles, out go new versions in the directory together
//! with the events that tell of them: nobody else writes the directory, so no
//! change is silent. It lives behind one mutex and is gone with the process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::SubsecRound;
use serde_json::{Value, json};

use crate::domain::Timestamp;

use super::clock::{millis, seconds};
use super::directory::{Directory, Exact, Slot, Version};
use super::event::{self, Kind};
use super::events::Events;
use super::fault::Fault;
use super::faults::Faults;
use super::keys::Keys;
use super::ledger::{Call, Item};
use super::lists::Lists;
use super::options::Options;
use super::outgoing::{Outgoing, Post};
use super::profile::{self, Profile};

/// The letters of Square's ids.
const ID_LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What the simulator remembers.
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) rng: fastrand::Rng,
    pub(super) directory: Directory,
    /// Ids of merged profiles and what they became.
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) keys: Keys,
    pub(super) lists: Lists,
    pub(super) faults: Faults,
    pub(super) outgoing: Outgoing,
    /// What the Events API lists.
    pub(super) events: Events,
    pub(super) calls: Vec<Call>,
    /// How many requests came, those that read and those that write.
    pub(super) asked: [u64; 2],
    /// What came of each customer in the bulk write that is being carried out.
    pub(super) items: Vec<Item>,
    /// How many changes were made; tells whether a request applied anything.
    pub(super) commits: u64,
    /// The server's threads end a moment after they are told to; until then
    /// nobody must get an answer.
    pub(super) is_stopped: bool,
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(options.seed),
            faults: options.faults.clone(),
            outgoing: Outgoing::new(options.webhook.clone(), options.retry_scale),
            events: Events::new(options.events_enabled),
            options,
            directory: Directory::default(),
            aliases: BTreeMap::new(),
            keys: Keys::default(),
            lists: Lists::default(),
            calls: Vec::new(),
            asked: [0; 2],
            items: Vec::new(),
            commits: 0,
            is_stopped: false,
        }
    }

    pub(super) fn now(&mut self) -> Timestamp {
        self.options.clock.now()
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.options.clock.advance(by);
    }

    /// Does a fault fire on this occasion?
    pub(super) fn fires(&mut self, fault: Fault, is_write: bool) -> bool {
        self.faults.fires(fault, is_write, &mut self.rng)
    }

    /// Takes events that are due and have to be posted.
    pub(super) fn claim(&mut self, limit: usize) -> Vec<Post> {
        let now = self.now();
        let version = &self.options.square_version;
        self.outgoing
            .claim(limit, now, version, &mut self.faults, &mut self.rng)
    }

    /// An id as Square makes them.
    pub(super) fn new_id(&mut self) -> String {
        (0..26)
            .filter_map(|_| self.rng.choice(ID_LETTERS))
            .map(|letter| char::from(*letter))
            .collect()
    }

    /// The slot and profile of a customer that is there under this very id.
    pub(super) fn live(&self, id: &str) -> Option<(Slot, i64, Profile)> {
        let slot = self.directory.find(id)?;
        let (version, text) = self.directory.record(slot)?.live()?;
        Some((slot, version.number, profile::read(text)))
    }

    /// Adds a customer and tells of it.
    pub(super) fn add(&mut self, mut customer: Profile, context: Option<&str>) -> Arc<str> {
        let now = self.now();
        // A merge has chosen the id already, since its events name it.
        let id = match profile::text(&customer, "id") {
            Some(id) => id.to_owned(),
            None => self.new_id(),
        };
        customer.insert("id".to_owned(), json!(id));
        customer.insert("created_at".to_owned(), json!(millis(now)));
        customer.insert("version".to_owned(), json!(0));
        customer
            .entry("preferences")
            .or_insert_with(|| json!({ "email_unsubscribed": false }));
        if self.options.unknown_keys && self.commits.is_multiple_of(3) {
            customer.insert("loyalty_tier".to_owned(), json!("gold"));
        }
        let version = stamped(&mut customer, now, 0);
        let text = version.text.clone().unwrap_or_default();
        let created = now.timestamp_millis();
        let slot = self.directory.add(id.into_boxed_str(), created, version);
        self.index(slot, &customer);
        self.told(Kind::Created, &customer, context, now);
        text
    }

    /// Gives a customer its next version and tells of it.
    pub(super) fn change(&mut self, slot: Slot, number: i64, mut customer: Profile) -> Arc<str> {
        let now = self.now();
        customer.insert("version".to_owned(), json!(number + 1));
        let version = stamped(&mut customer, now, number + 1);
        let text = version.text.clone().unwrap_or_default();
        self.directory.append(slot, version);
        self.index(slot, &customer);
        self.told(Kind::Updated, &customer, None, now);
        text
    }

    /// Changes what has no part in the version and raises no event: segments.
    pub(super) fn change_silently(&mut self, slot: Slot, customer: &Profile) {
        let at = self.now().timestamp_millis();
        let Some((version, _)) = self.directory.record(slot).and_then(|it| it.live()) else {
            return;
        };
        let version = Version {
            at,
            text: Some(Arc::from(profile::write(customer, &[]))),
            ..version.clone()
        };
        self.directory.append(slot, version);
    }

    /// Deletes a customer and tells of it.
    pub(super) fn remove(&mut self, slot: Slot, customer: &Profile, context: Option<&str>) {
        let now = self.now();
        let number = customer.get("version").and_then(Value::as_i64);
        self.directory.append(
            slot,
            Version {
                at: now.timestamp_millis(),
                updated: now.timestamp_millis(),
                number: number.unwrap_or_default(),
                hidden: true,
                text: None,
            },
        );
        self.told(Kind::Deleted, customer, context, now);
    }

    /// The slot, number and last profile of a customer that was deleted under this very id.
    pub(super) fn buried(&self, id: &str) -> Option<(Slot, i64, Profile)> {
        let slot = self.directory.find(id)?;
        let record = self.directory.record(slot)?;
        if record.live().is_some() || self.aliases.contains_key(id) {
            return None;
        }
        let mut last = record.versions.iter().rev();
        let (number, text) =
            last.find_map(|version| Some((version.number, version.text.as_ref()?)))?;
        Some((slot, number, profile::read(text)))
    }

    /// Gives a deleted customer its next version.
    pub(super) fn bring_back(
        &mut self,
        slot: Slot,
        number: i64,
        mut customer: Profile,
        with_event: bool,
    ) {
        let now = self.now();
        customer.insert("version".to_owned(), json!(number + 1));
        let version = stamped(&mut customer, now, number + 1);
        self.directory.append(slot, version);
        self.index(slot, &customer);
        if with_event {
            self.told(Kind::Updated, &customer, None, now);
        }
    }

    /// Lets a customer be found by the values it has now.
    pub(super) fn index(&mut self, slot: Slot, customer: &Profile) {
        for (field, key) in [
            (Exact::Email, "email_address"),
            (Exact::Reference, "reference_id"),
        ] {
            if let Some(value) = profile::text(customer, key) {
                self.directory.index(slot, field, value);
            }
        }
    }

    /// Raises an event that is about no change.
    pub(super) fn emit(&mut self, event_type: &str, data: &str) -> String {
        let now = self.now();
        let id = event::new_id(&mut self.rng);
        let seller = &self.options.merchant_id;
        let body = event::envelope(seller, event_type, &id, now, data);
        self.events.note(event_type, &id, &body, now);
        self.outgoing.emit(event_type, id.clone(), body, now, false);
        id
    }

    fn told(&mut self, kind: Kind, customer: &Profile, context: Option<&str>, now: Timestamp) {
        self.commits += 1;
        let uses_old_key = self.outgoing.is_rotated() && self.fires(Fault::WebhookOldKey, true);
        let event_id = event::new_id(&mut self.rng);
        let seller = &self.options.merchant_id;
        let body = event::body(seller, kind, &event_id, now, customer, context);
        self.events.note(kind.name(), &event_id, &body, now);
        self.outgoing
            .emit(kind.name(), event_id, body, now, uses_old_key);
    }
}

/// The version of a customer that changed now.
fn stamped(customer: &mut Profile, now: Timestamp, number: i64) -> Version {
    customer.insert("updated_at".to_owned(), json!(seconds(now)));
    Version {
        at: now.timestamp_millis(),
        updated: now.round_subsecs(0).timestamp_millis(),
        number,
        hidden: profile::is_hidden(customer),
        text: Some(Arc::from(profile::write(customer, &[]))),
    }
}
