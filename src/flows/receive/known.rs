//! Which events are here already.
//!
//! In: what the inbox holds of a batch's ids, and its deliveries one by one. Out:
//! whether each is new. A webhook is known by its id and its bytes: one id with
//! other bytes is kept too, and counted. Square's list writes other bytes than
//! its webhooks, so where either is a list's, the id alone tells.

use std::collections::{HashMap, HashSet};

use crate::domain::seeded::{self, Bug};
use crate::flows::receive::Delivery;
use crate::store::inbox;

/// The events that are here, or come earlier in the batch.
pub(super) struct Known<'a> {
    bodies: HashSet<(&'a str, &'a str)>,
    /// The ids, and whether one of each id's bodies is a list's.
    ids: HashMap<&'a str, bool>,
    /// How many ids came with other bytes than before.
    pub(super) collisions: u64,
}

impl<'a> Known<'a> {
    /// What the inbox holds.
    pub(super) fn new(rows: &'a [inbox::Known]) -> Self {
        let mut known = Self {
            bodies: HashSet::new(),
            ids: HashMap::new(),
            collisions: 0,
        };
        for row in rows {
            known.add(&row.event_id, &row.body_sha256, row.listed);
        }
        known
    }

    /// Whether this one is new. From then on it is known.
    pub(super) fn is_new(&mut self, delivery: &'a Delivery) -> bool {
        let (id, hash) = (delivery.event_id.as_str(), delivery.body_sha256.as_str());
        let is_listed = delivery.is_listed;
        let before = self.ids.get(id).copied();
        if before.is_some_and(|was_listed| {
            was_listed || is_listed || seeded::is_on(Bug::EventIdIsEnough)
        }) || self.bodies.contains(&(id, hash))
        {
            return false;
        }
        self.collisions += u64::from(before.is_some());
        self.add(id, hash, is_listed);
        true
    }

    fn add(&mut self, id: &'a str, hash: &'a str, is_listed: bool) {
        self.bodies.insert((id, hash));
        *self.ids.entry(id).or_default() |= is_listed;
    }
}
