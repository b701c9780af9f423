//! All that one transaction knows and changes: images, rows and calls, changed
//! in memory and written in a few set statements; what did not change is not
//! written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::Timestamp;
use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, SquareId};
use crate::domain::image::Effect;
use crate::domain::observation::{Observation, Shown};
use crate::domain::seeded::{self, Bug};
use crate::flows::apply::Learning;
use crate::flows::apply::ledger::{self, Entry};
use crate::flows::apply::place::{Place, is_still_as_made, may_be_older, may_have_shown};
use crate::flows::apply::row;
use crate::store::changes::Change;
use crate::store::customers::{Row, SyncState};
use crate::store::images::Held;
use crate::store::outbox::{self, Call};
use crate::store::{Db, StoreResult, effects, inbox};

/// How long a chain of merges may be before it is taken for a ring.
pub(crate) const LONGEST_CHAIN: usize = 100;

/// Of a row that no application changed.
pub(super) static NEVER: BTreeMap<Field, Timestamp> = BTreeMap::new();

/// The open book of one transaction.
pub(super) struct Book<'a> {
    pub(super) learning: &'a Learning,
    /// When profiles came to be, as far as observations tell.
    pub(super) made: HashMap<SquareId, Timestamp>,
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
    /// The call of ours whose answer is being taken in, or that stands for a row to be given its profile.
    pub(super) answered: Option<&'a Call>,
    /// Whether the profile is somebody else's work, given to the row.
    pub(super) is_given: bool,
    /// What is to be written at the end.
    pub(super) changed_images: BTreeSet<SquareId>,
    pub(super) changed_rows: BTreeSet<CustomerId>,
    pub(super) settled_calls: BTreeSet<CustomerId>,
    pub(super) changes: Vec<Change>,
    pub(super) ledger: Vec<Entry>,
    /// Profiles that became a row, ended or live again: rows that went into them follow.
    pub(super) survivors: BTreeSet<SquareId>,
}

/// What a book changed. Nobody may read what it is about before it is written.
#[must_use]
pub(crate) struct Learnt {
    learning: Learning,
    held: Vec<(SquareId, Held)>,
    rows: Vec<Row>,
    changes: Vec<Change>,
    ledger: Vec<Entry>,
    settled_calls: Vec<CustomerId>,
}

impl Learnt {
    /// Writes it, and keeps the events that it was learnt from.
    pub(crate) fn write(self, db: &mut Db, events: &[inbox::Entry<'_>]) -> StoreResult<()> {
        let (merchant, now) = (&self.learning.merchant, self.learning.now);
        let (held, rows, changes) = (&self.held, &self.rows, &self.changes);
        effects::put(db, merchant, held, rows, changes, events, now)?;
        ledger::write(db, &self.learning, self.ledger)?;
        outbox::remove(db, &self.settled_calls)
    }
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
        if effect == Effect::News && !matches!(observation.shown, Shown::Profile(..)) {
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
        let is_taken = self.rows.contains_key(&customer) || self.locked.contains(&customer);
        if is_taken || self.is_superseded(id) {
            return None;
        }
        self.put_row(id, &customer, None);
        Some(customer)
    }

    /// Writes what changed.
    pub(super) fn close(self, db: &mut Db) -> StoreResult<()> {
        self.learnt(db)?.write(db, &[])
    }

    /// What changed, to be written.
    pub(super) fn learnt(mut self, db: &mut Db) -> StoreResult<Learnt> {
        // Square's answer was about one profile, and not about those that went into it.
        self.answered = None;
        self.is_given = false;
        self.follow_survivors(db)?;
        self.forget_moved();
        let mut rows = Vec::with_capacity(self.changed_rows.len());
        let changed = self.changed_rows.iter();
        rows.extend(changed.filter_map(|id| self.rows.remove(id)));
        // A row that gives its profile up is written before the one that takes it.
        rows.sort_by_key(|row: &Row| row.deleted_at.is_none());
        let mut held = Vec::with_capacity(self.changed_images.len());
        let changed = self.changed_images.iter();
        held.extend(changed.filter_map(|id| self.images.remove_entry(id)));
        Ok(Learnt {
            learning: self.learning.clone(),
            held,
            rows,
            changes: self.changes,
            ledger: self.ledger,
            settled_calls: self.settled_calls.into_iter().collect(),
        })
    }

    /// Finds the image's row, or its place, and brings it along.
    pub(super) fn settle(&mut self, id: &SquareId, before: Option<Fields>) {
        match self.place(id) {
            Place::Row(customer) => self.put_row(id, &customer, before),
            // A row made anew under the old id knows what its old row showed.
            Place::Nowhere => self.mark(id, false, before),
            Place::Gone(customer) => {
                self.link(id, &customer);
                self.mark(id, false, None);
            }
            Place::Later => self.mark(id, true, before),
        }
    }

    /// Writes down whether the image's row has to wait, and what both sides agree
    /// on if that is not the profile itself.
    fn mark(&mut self, id: &SquareId, unmerged: bool, base: Option<Fields>) {
        let Some(held) = self.images.get_mut(id) else {
            return;
        };
        let base = base.filter(|base| *base != held.image.profile.fields());
        if held.unmerged != unmerged || held.base != base {
            held.unmerged = unmerged;
            held.base = base;
            self.changed_images.insert(id.clone());
        }
    }

    fn put_row(&mut self, id: &SquareId, customer: &CustomerId, before: Option<Fields>) {
        let displaced = self.displace(id, customer, before.as_ref());
        let Some(held) = self.images.get(id) else {
            return;
        };
        let call = self.answered.or_else(|| self.calls.get(customer));
        let old = self.rows.get(customer);
        let known = old
            .filter(|old| old.square_id.as_ref() == Some(id))
            .and_then(|old| old.square.version);
        let made = call.filter(|call| self.answered.is_some() || may_have_shown(call, held, known));
        let is_answered = self.answered.is_some();
        // What another row agreed on with Square is not what this one did; one that
        // Square did not have agrees with it on what was sent to make the profile.
        let has_agreed = old.is_none_or(|old| old.square_id.is_some());
        let base = before
            .filter(|_| displaced.is_none() && has_agreed)
            .or_else(|| made.map(|call| call.sent.clone()))
            .unwrap_or_default();
        let context = row::Context {
            base: &base,
            call: made,
            answered: is_answered && !self.is_given && is_still_as_made(call, &held.image)
                || seeded::is_on(Bug::EchoById),
            unsure: !is_answered && made.is_some_and(|call| may_be_older(call, &held.image)),
            edited: self.edited.get(customer).unwrap_or(&NEVER),
            survivor: self.survivor_of(id),
        };
        let (new, decision) = row::settled(self.learning, customer, old, id, &held.image, &context);
        let is_owed = matches!(new.sync_state, SyncState::Pending);
        let is_new = old.is_none_or(|old| old.square_id.is_none());
        if call.is_some() && (is_answered || is_new || !is_owed) {
            self.settled_calls.insert(customer.clone());
        }
        if old.is_none_or(|old| old.deleted_at.is_some() != new.deleted_at.is_some()) {
            self.survivors.insert(id.clone());
        }
        let (waits, agreed) = if held.image.is_live() {
            self.put(new);
            self.decided(id, customer, customer, decision.conflicts);
            (false, None)
        } else {
            self.end(id, new, &base, decision)
        };
        self.link(id, customer);
        self.mark(id, waits, agreed);
        if let Some(unsent) = displaced {
            self.hand_over(&unsent, id, customer);
        }
    }

    /// Puts a row in the place of what it was, if it differs.
    pub(super) fn put(&mut self, new: Row) {
        if let Some(change) = row::change(self.learning, self.rows.get(&new.id), &new) {
            self.changes.push(change);
            self.changed_rows.insert(new.id.clone());
            self.rows.insert(new.id.clone(), new);
        }
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
}

/// What both sides agreed on before; none for a profile without a row.
pub(super) fn agreed(held: &Held) -> Option<Fields> {
    held.customer_id.as_ref()?;
    Some(
        held.base
            .clone()
            .unwrap_or_else(|| held.image.profile.fields()),
    )
}
