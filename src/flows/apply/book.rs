//! All that one transaction knows and changes: images, rows and calls, changed
//! in memory and written in a few set statements; what did not change is not
//! written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::Timestamp;
use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, SquareId};
use crate::domain::image::Effect;
use crate::domain::observation::{Observation, Shown};
use crate::flows::apply::Learning;
use crate::flows::apply::place::Place;
use crate::flows::apply::row;
use crate::store::changes::{self, Change};
use crate::store::customers::{self, Row, SyncState};
use crate::store::images::{self, Held};
use crate::store::outbox::{self, Call};
use crate::store::{Db, StoreResult};

/// How long a chain of merges may be before it is taken for a ring.
pub(super) const LONGEST_CHAIN: usize = 100;

/// Of a row that no application changed.
static NEVER: BTreeMap<Field, Timestamp> = BTreeMap::new();

/// The open book of one transaction.
pub(super) struct Book<'a> {
    pub(super) learning: &'a Learning,
    /// Every profile that this is about, and those that they went into.
    pub(super) images: HashMap<SquareId, Held>,
    /// The rows that belong to them, or that may.
    pub(super) rows: HashMap<CustomerId, Row>,
    /// Rows that an application holds right now.
    pub(super) locked: HashSet<CustomerId>,
    /// Rows that an application deleted, of which Square is to be told or that are to be put back.
    pub(super) leaving: HashSet<CustomerId>,
    /// Calls about these rows.
    pub(super) calls: HashMap<CustomerId, Call>,
    /// Creates whose outcome is not known; read only where there is a new profile.
    pub(super) in_flight: Vec<Call>,
    /// When applications last changed fields of edited rows; read only where the last change is to win.
    pub(super) edited: HashMap<CustomerId, BTreeMap<Field, Timestamp>>,
    /// The call of ours that Square has just answered.
    pub(super) answered: Option<&'a Call>,
    /// What is to be written at the end.
    pub(super) changed_images: BTreeSet<SquareId>,
    pub(super) changed_rows: BTreeSet<CustomerId>,
    pub(super) settled_calls: BTreeSet<CustomerId>,
    pub(super) changes: Vec<Change>,
    /// Profiles that became a row, or went into another: rows that went into them follow.
    pub(super) survivors: BTreeSet<SquareId>,
}

impl Book<'_> {
    /// Folds one observation in and brings its row along.
    pub(super) fn take(&mut self, observation: &Observation) -> Effect {
        let id = &observation.square_id;
        let held = self.images.entry(id.clone()).or_default();
        let before = agreed(held);
        let effect = held.image.observe(&observation.shown);
        if effect == Effect::News {
            self.changed_images.insert(id.clone());
        }
        if effect == Effect::News && matches!(observation.shown, Shown::Merged(_)) {
            self.survivors.insert(id.clone());
        }
        if effect == Effect::News || held.unmerged || self.answered.is_some() {
            self.settle(id, before);
        }
        effect
    }

    /// Brings along the row of an image that had to wait.
    pub(super) fn bring_along(&mut self, id: &SquareId) -> bool {
        let before = self.images.get(id).and_then(agreed);
        self.settle(id, before);
        self.images.get(id).is_some_and(|held| !held.unmerged)
    }

    /// Makes the row of an image anew.
    pub(super) fn restore(&mut self, id: &SquareId) -> Option<CustomerId> {
        let customer = self.images.get(id)?.customer_id.clone()?;
        if self.rows.contains_key(&customer) || self.locked.contains(&customer) {
            return None;
        }
        self.put_row(id, &customer, None);
        Some(customer)
    }

    /// Writes what changed.
    pub(super) fn close(mut self, db: &mut Db) -> StoreResult<()> {
        self.follow_survivors(db)?;
        let merchant = &self.learning.merchant;
        let mut rows: Vec<Row> = self
            .changed_rows
            .into_iter()
            .filter_map(|id| self.rows.remove(&id))
            .collect();
        // A row that gives its profile up is written before the one that takes it.
        rows.sort_by_key(|row| row.deleted_at.is_none());
        let held: Vec<(SquareId, Held)> = self
            .changed_images
            .into_iter()
            .filter_map(|id| self.images.remove_entry(&id))
            .collect();
        images::put(db, merchant, &held, self.learning.now)?;
        customers::put(db, merchant, &rows)?;
        changes::add(db, merchant, &self.changes)?;
        for id in &self.settled_calls {
            outbox::remove(db, id)?;
        }
        Ok(())
    }

    /// Finds the image's row, or its place, and brings it along.
    fn settle(&mut self, id: &SquareId, before: Option<Fields>) {
        match self.place(id) {
            Place::Row(customer) => self.put_row(id, &customer, before),
            Place::Nowhere => self.mark(id, false, before),
            Place::Gone(customer) => {
                self.link(id, &customer);
                self.mark(id, false, before);
            }
            Place::Later => self.mark(id, true, before),
        }
    }

    /// Writes down that the image's row has to wait, or that it need not.
    fn mark(&mut self, id: &SquareId, unmerged: bool, before: Option<Fields>) {
        let Some(held) = self.images.get_mut(id) else {
            return;
        };
        let base = if unmerged { before } else { None };
        if held.unmerged != unmerged || held.base != base {
            held.unmerged = unmerged;
            held.base = base;
            self.changed_images.insert(id.clone());
        }
    }

    fn put_row(&mut self, id: &SquareId, customer: &CustomerId, before: Option<Fields>) {
        let survivor = self.survivor_of(id);
        // What another row agreed on with Square is not what this one did.
        let before = before.filter(|_| !self.displace(id, customer));
        let Some(held) = self.images.get(id) else {
            return;
        };
        let call = self.answered.or_else(|| self.calls.get(customer));
        let old = self.rows.get(customer);
        let is_answered = self.answered.is_some();
        let context = row::Context {
            base: before,
            call,
            answered: is_answered,
            edited: self.edited.get(customer).unwrap_or(&NEVER),
            survivor,
        };
        let new = row::settled(self.learning, customer, old, id, &held.image, &context);
        let is_owed = matches!(new.sync_state, SyncState::Pending);
        if call.is_some()
            && (is_answered || old.is_none_or(|old| old.square_id.is_none()) || !is_owed)
        {
            self.settled_calls.insert(customer.clone());
        }
        if let Some(change) = row::change(self.learning, old, &new) {
            self.changes.push(change);
            self.changed_rows.insert(customer.clone());
            self.rows.insert(customer.clone(), new);
        }
        self.link(id, customer);
        self.mark(id, false, None);
    }

    /// Lets a row that was made for the profile before anybody knew whose it is
    /// go into the one whose it is. Gives whether there was such a row.
    fn displace(&mut self, id: &SquareId, customer: &CustomerId) -> bool {
        let Some(held) = self.images.get(id) else {
            return false;
        };
        let Some(other) = held.customer_id.as_ref().filter(|other| *other != customer) else {
            return false;
        };
        if let Some(old) = self.rows.get(other) {
            let new = row::displaced(self.learning, old, &held.image, customer);
            let other = other.clone();
            self.changes
                .extend(row::change(self.learning, Some(old), &new));
            self.changed_rows.insert(other.clone());
            self.rows.insert(other, new);
        }
        true
    }

    /// Writes down that the row is this image's.
    fn link(&mut self, id: &SquareId, customer: &CustomerId) {
        let Some(held) = self.images.get_mut(id) else {
            return;
        };
        if held.customer_id.as_ref() != Some(customer) {
            held.customer_id = Some(customer.clone());
            self.changed_images.insert(id.clone());
            self.survivors.insert(id.clone());
        }
    }

    /// The row at the end of the chain of merges that starts here.
    fn survivor_of(&self, id: &SquareId) -> Option<CustomerId> {
        let mut next = self.images.get(id)?.image.merged_into.as_ref()?;
        for _ in 0..LONGEST_CHAIN {
            let held = self.images.get(next)?;
            match &held.image.merged_into {
                Some(further) => next = further,
                None => return held.customer_id.clone(),
            }
        }
        None
    }

    /// Points rows that went into a profile to where that one is, or went.
    fn follow_survivors(&mut self, db: &mut Db) -> StoreResult<()> {
        let mut frontier: Vec<SquareId> = std::mem::take(&mut self.survivors).into_iter().collect();
        for _ in 0..LONGEST_CHAIN {
            if frontier.is_empty() {
                break;
            }
            let stored = images::merged_into(db, &self.learning.merchant, &frontier)?;
            let stored: Vec<SquareId> = stored.into_iter().map(|(id, _)| id).collect();
            self.read_images(db, &stored)?;
            self.read_rows(db, BTreeSet::new())?;
            let went = |held: &Held| {
                held.image
                    .merged_into
                    .as_ref()
                    .is_some_and(|into| frontier.contains(into))
            };
            let followers: Vec<SquareId> = self
                .images
                .iter()
                .filter(|(_, held)| went(held))
                .map(|(id, _)| id.clone())
                .collect();
            for id in &followers {
                let before = self.images.get(id).and_then(agreed);
                self.settle(id, before);
            }
            frontier = followers;
        }
        Ok(())
    }
}

/// What both sides agreed on before; none for a profile without a row.
fn agreed(held: &Held) -> Option<Fields> {
    held.customer_id.as_ref()?;
    Some(
        held.base
            .clone()
            .unwrap_or_else(|| held.image.profile.fields()),
    )
}
