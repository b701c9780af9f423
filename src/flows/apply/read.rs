//! What a book holds when it is opened: read in a few set queries, however
//! many observations there are.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::Timestamp;
use crate::domain::id::{CustomerId, SquareId};
use crate::domain::image::Effect;
use crate::domain::merge::Rule;
use crate::domain::observation::{Observation, Shown};
use crate::flows::apply::Learning;
use crate::flows::apply::book::{Book, LONGEST_CHAIN};
use crate::flows::notice;
use crate::store::changes;
use crate::store::customers::{self, Found, SyncState};
use crate::store::edits;
use crate::store::images::{self, Held};
use crate::store::outbox::{self, Call};
use crate::store::{Db, StoreResult};

impl<'a> Book<'a> {
    /// Opens it for what these observations are about.
    pub(super) fn about<'o>(
        db: &mut Db,
        learning: &'a Learning,
        observations: impl Iterator<Item = &'o Observation>,
    ) -> StoreResult<Self> {
        let about = About::these(observations);
        let mut book = Self::empty(learning, about.made);
        book.read_images(db, &about.ids)?;
        book.read_their_rows(db, &about.ids, &about.candidates)?;
        Ok(book)
    }

    /// The same where no row is known beforehand to be the one that they are about:
    /// if they tell nothing new, none is looked at.
    pub(super) fn about_news<'o>(
        db: &mut Db,
        learning: &'a Learning,
        observations: impl Iterator<Item = &'o Observation> + Clone,
    ) -> StoreResult<Self> {
        let about = About::these(observations.clone());
        let mut book = Self::empty(learning, about.made);
        book.read_images(db, &about.ids)?;
        if !book.knows_all(observations) {
            book.read_their_rows(db, &about.ids, &about.candidates)?;
        }
        Ok(book)
    }

    /// Opens it for these profiles, which are known.
    pub(super) fn open(db: &mut Db, learning: &'a Learning, ids: &[SquareId]) -> StoreResult<Self> {
        let mut book = Self::empty(learning, HashMap::new());
        book.read_images(db, ids)?;
        book.read_their_rows(db, ids, &[])?;
        Ok(book)
    }

    /// Reads the rows of these profiles, whose images are read, and, beside them, `candidates`.
    fn read_their_rows(
        &mut self,
        db: &mut Db,
        ids: &[SquareId],
        candidates: &[CustomerId],
    ) -> StoreResult<()> {
        let is_new = |id: &&SquareId| {
            self.images
                .get(*id)
                .is_none_or(|held| held.customer_id.is_none())
        };
        let new: Vec<&SquareId> = ids.iter().filter(is_new).collect();
        let mut wanted: BTreeSet<CustomerId> = new.iter().map(|id| self.row_of(id)).collect();
        if !new.is_empty() {
            // Only a new profile can be the one that a row waits for.
            wanted.extend(candidates.iter().cloned());
            wanted.extend(
                new.iter()
                    .filter_map(|id| self.images.get(*id))
                    .filter_map(reference),
            );
            self.in_flight = outbox::creates_in_flight(db, &self.learning.merchant)?;
        }
        self.read_rows(db, wanted)?;
        let further = self.further_rows(&new);
        self.read_rows(db, further)
    }

    fn empty(learning: &'a Learning, made: HashMap<SquareId, Timestamp>) -> Self {
        Self {
            learning,
            // Both are large, and would be moved each time that there is no room.
            images: HashMap::with_capacity(made.len()),
            rows: HashMap::with_capacity(made.len()),
            made,
            locked: HashSet::new(),
            leaving: HashSet::new(),
            calls: HashMap::new(),
            in_flight: Vec::new(),
            edited: HashMap::new(),
            answered: None,
            is_given: false,
            changed_images: BTreeSet::new(),
            changed_rows: BTreeSet::new(),
            settled_calls: BTreeSet::new(),
            changes: Vec::new(),
            ledger: Vec::new(),
            survivors: BTreeSet::new(),
        }
    }

    /// Makes it about a row that is to get a profile which no call of ours is known to have made.
    pub(super) fn give(&mut self, db: &mut Db, call: &'a Call) -> StoreResult<()> {
        self.answered = Some(call);
        self.is_given = true;
        self.read_rows(db, BTreeSet::from([call.customer_id.clone()]))
    }

    /// Reads images that are not read yet, and those that they went into.
    pub(super) fn read_images(&mut self, db: &mut Db, ids: &[SquareId]) -> StoreResult<()> {
        let mut wanted: Vec<SquareId> = ids
            .iter()
            .filter(|id| !self.images.contains_key(*id))
            .cloned()
            .collect();
        for _ in 0..LONGEST_CHAIN {
            if wanted.is_empty() {
                break;
            }
            let found = images::load(db, &self.learning.merchant, &wanted)?;
            let next = found
                .iter()
                .filter_map(|(_, held)| held.image.merged_into.clone());
            wanted = next.filter(|id| !self.images.contains_key(id)).collect();
            self.images.extend(found);
            wanted.retain(|id| !self.images.contains_key(id));
        }
        Ok(())
    }

    /// Reads the rows of all images, and `others`, that are not read yet; what
    /// applications did to them before goes into the log first.
    pub(super) fn read_rows(
        &mut self,
        db: &mut Db,
        mut others: BTreeSet<CustomerId>,
    ) -> StoreResult<()> {
        others.extend(
            self.images
                .values()
                .filter_map(|held| held.customer_id.clone()),
        );
        others.retain(|id| !self.rows.contains_key(id) && !self.locked.contains(id));
        if others.is_empty() {
            return Ok(());
        }
        let ids: Vec<CustomerId> = others.into_iter().collect();
        let found = customers::lock(db, &ids)?;
        let edited = found
            .rows
            .iter()
            .filter(|row| row.sync_state != SyncState::Synced);
        let edited: Vec<CustomerId> = edited.map(|row| row.id.clone()).collect();
        notice::take_of(db, &self.learning.merchant, &edited)?;
        if self.learning.rule == Rule::Newest {
            for (id, field, at) in changes::last_edits(db, &edited)? {
                self.edited.entry(id).or_default().insert(field, at);
            }
        }
        self.read_leaving(db, &ids, &found)?;
        let calls = outbox::of_customers(db, &edited)?;
        self.calls.extend(
            calls
                .into_iter()
                .map(|call| (call.customer_id.clone(), call)),
        );
        self.rows
            .extend(found.rows.into_iter().map(|row| (row.id.clone(), row)));
        self.locked.extend(found.locked);
        Ok(())
    }
}

/// What observations are about.
struct About {
    ids: Vec<SquareId>,
    /// Rows that they name.
    candidates: Vec<CustomerId>,
    /// When profiles came to be, as far as they tell.
    made: HashMap<SquareId, Timestamp>,
}

impl About {
    fn these<'o>(observations: impl Iterator<Item = &'o Observation>) -> Self {
        let mut ids: BTreeSet<SquareId> = BTreeSet::new();
        let mut candidates: BTreeSet<CustomerId> = BTreeSet::new();
        let mut made = HashMap::new();
        for observation in observations {
            ids.insert(observation.square_id.clone());
            match &observation.shown {
                Shown::Merged(into) | Shown::Leads(into) => {
                    ids.insert(into.clone());
                }
                Shown::Profile(profile, _) => {
                    candidates.extend(profile.text("reference_id").map(CustomerId::new));
                    let id = observation.square_id.clone();
                    made.extend(profile.made().map(|moment| (id, moment)));
                }
                Shown::Deleted(..) => {}
            }
        }
        Self {
            ids: ids.into_iter().collect(),
            candidates: candidates.into_iter().collect(),
            made,
        }
    }
}

impl Book<'_> {
    /// Whether none of these tells anything new, and no row waits to be brought along.
    fn knows_all<'o>(&self, mut observations: impl Iterator<Item = &'o Observation>) -> bool {
        observations.all(|observation| {
            self.images.get(&observation.square_id).is_some_and(|held| {
                !held.unmerged && held.image.clone().observe(&observation.shown) != Effect::News
            })
        })
    }

    /// The rows that profiles may get whose own rows, or those that would be made
    /// for `new` ones, have, or had, other ones by now.
    fn further_rows(&self, new: &[&SquareId]) -> BTreeSet<CustomerId> {
        let linked = self.images.iter();
        let linked = linked.filter_map(|(id, held)| Some((id, held.customer_id.clone()?)));
        // Nobody has a row where there is none.
        let unlinked = if self.rows.is_empty() { &[] } else { new };
        let unlinked = unlinked.iter().map(|id| (*id, self.row_of(id)));
        let has_another = |(id, customer): &(&SquareId, CustomerId)| match self.rows.get(customer) {
            Some(row) => row.square_id.as_ref().is_some_and(|own| own != *id),
            // It was deleted, and may be a later profile's.
            None => self.is_superseded(id),
        };
        linked
            .chain(unlinked)
            .filter(has_another)
            .flat_map(|(id, _)| self.rows_of(id))
            .collect()
    }

    /// The row that was made for this profile, or would be.
    pub(super) fn row_of(&self, id: &SquareId) -> CustomerId {
        CustomerId::of_profile(&self.learning.merchant, id, self.made(id))
    }

    /// The rows that were made for this profile, or may be: its own, and the next.
    pub(super) fn rows_of(&self, id: &SquareId) -> [CustomerId; 2] {
        CustomerId::all_of_profile(&self.learning.merchant, id, self.made(id))
    }

    fn made(&self, id: &SquareId) -> Option<Timestamp> {
        let known = || self.images.get(id)?.image.profile.made();
        self.made.get(id).copied().or_else(known)
    }

    /// Reads which of the rows that images had, and that are not there, are still to be told of.
    fn read_leaving(&mut self, db: &mut Db, ids: &[CustomerId], found: &Found) -> StoreResult<()> {
        let linked: HashSet<&CustomerId> = self
            .images
            .values()
            .filter_map(|held| held.customer_id.as_ref())
            .collect();
        let is_missing = |id: &&CustomerId| {
            linked.contains(id)
                && !found.locked.contains(id)
                && found.rows.iter().all(|row| row.id != **id)
        };
        let missing: Vec<CustomerId> = ids.iter().filter(is_missing).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        // One that was deleted and made anew had several profiles.
        for (id, held) in images::of_customers(db, &self.learning.merchant, &missing)? {
            self.images.entry(id).or_insert(held);
        }
        let calls = outbox::of_customers(db, &missing)?;
        self.leaving
            .extend(calls.into_iter().map(|call| call.customer_id));
        self.leaving.extend(edits::deleted(db, &missing)?);
        Ok(())
    }
}

/// The row that a profile says it is of.
fn reference(held: &Held) -> Option<CustomerId> {
    held.image.profile.text("reference_id").map(CustomerId::new)
}
