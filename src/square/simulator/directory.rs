//! All customers with all their versions, and the indexes over them.
//!
//! In come profiles at a moment, out go the profiles as they were seen at any
//! later moment, since lists and searches look at the past. Nothing is ever
//! removed: a deleted customer is a last version without text. It lives in
//! memory and is gone with the process.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Where a customer stands in the directory.
pub(super) type Slot = usize;

/// One state of a customer.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// When it came to be, in milliseconds.
    pub(super) at: i64,
    /// Its `updated_at`, in milliseconds.
    pub(super) updated: i64,
    /// Its `version`.
    pub(super) number: i64,
    /// Has it no public field?
    pub(super) hidden: bool,
    /// The profile as written; none once deleted.
    pub(super) text: Option<Arc<str>>,
}

/// A customer.
#[derive(Debug)]
pub(super) struct Record {
    /// Its `created_at`, in milliseconds.
    pub(super) created: i64,
    /// From the first to the present one; never empty.
    pub(super) versions: Vec<Version>,
}

impl Record {
    /// The present text; none once deleted.
    pub(super) fn live(&self) -> Option<(&Version, &Arc<str>)> {
        let version = self.versions.last()?;
        Some((version, version.text.as_ref()?))
    }

    /// The state that an index shows which knows of changes up to `at`.
    pub(super) fn shown(&self, at: i64) -> Option<(&Version, &Arc<str>)> {
        let version = self.versions.iter().rev().find(|it| it.at <= at)?;
        let text = version.text.as_ref()?;
        (!version.hidden).then_some((version, text))
    }
}

/// A field with an index of its own, since callers look one value up.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) enum Exact {
    Email,
    Reference,
}

/// Every customer there ever was.
#[derive(Debug, Default)]
pub(super) struct Directory {
    records: Vec<Record>,
    by_id: HashMap<Box<str>, Slot>,
    by_created: BTreeSet<(i64, Slot)>,
    /// Each version's `updated_at`; who reads it asks which version is shown.
    by_updated: BTreeSet<(i64, Slot)>,
    /// Hashes of values that a customer has or had.
    by_value: BTreeSet<(u64, Slot)>,
    /// When changes happened, oldest first: lists are stale once it grows.
    changes: Vec<i64>,
    live: usize,
}

impl Directory {
    /// How many customers are not deleted.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// The slots of all customers, in the order they came.
    pub(super) fn slots(&self) -> std::ops::Range<Slot> {
        0..self.records.len()
    }

    pub(super) fn find(&self, id: &str) -> Option<Slot> {
        self.by_id.get(id).copied()
    }

    pub(super) fn record(&self, slot: Slot) -> Option<&Record> {
        self.records.get(slot)
    }

    /// How many changes an index knows that knows of changes up to `at`.
    pub(super) fn generation(&self, at: i64) -> usize {
        self.changes.partition_point(|change| *change <= at)
    }

    /// Adds a customer.
    pub(super) fn add(&mut self, id: Box<str>, created: i64, version: Version) -> Slot {
        let slot = self.records.len();
        self.by_id.insert(id, slot);
        self.by_created.insert((created, slot));
        self.records.push(Record {
            created,
            versions: Vec::new(),
        });
        self.live += 1;
        self.append(slot, version);
        slot
    }

    /// Adds a state to a customer.
    pub(super) fn append(&mut self, slot: Slot, version: Version) {
        let Some(record) = self.records.get_mut(slot) else {
            return;
        };
        let was_deleted = record.versions.last().is_some_and(|it| it.text.is_none());
        if version.text.is_some() {
            self.by_updated.insert((version.updated, slot));
            self.live += usize::from(was_deleted);
        } else {
            self.live = self.live.saturating_sub(1);
        }
        self.changes.push(version.at);
        if record.versions.is_empty() {
            record.versions.reserve_exact(1);
        }
        record.versions.push(version);
    }

    /// Lets a customer be found by the value of a field.
    pub(super) fn index(&mut self, slot: Slot, field: Exact, value: &str) {
        self.by_value.insert((hash(field, value), slot));
    }

    /// Customers by `created_at`.
    pub(super) fn created_in(&self, range: RangeInclusive<i64>) -> impl Iterator<Item = Slot> + '_ {
        within(&self.by_created, range)
    }

    /// Customers of which some version has its `updated_at` here, perhaps more than once.
    pub(super) fn updated_in(&self, range: RangeInclusive<i64>) -> impl Iterator<Item = Slot> + '_ {
        within(&self.by_updated, range)
    }

    /// Customers that have or had this value, perhaps with a few others.
    pub(super) fn valued(&self, field: Exact, value: &str) -> impl Iterator<Item = Slot> + '_ {
        let hash = hash(field, value);
        self.by_value
            .range((hash, 0)..=(hash, Slot::MAX))
            .map(|(_, slot)| *slot)
    }
}

fn within(
    index: &BTreeSet<(i64, Slot)>,
    range: RangeInclusive<i64>,
) -> impl Iterator<Item = Slot> + '_ {
    // A range that ends before it starts would make the set panic.
    let end = *range.end().max(range.start());
    let is_empty = range.is_empty();
    index
        .range((*range.start(), 0)..=(end, Slot::MAX))
        .map(|(_, slot)| *slot)
        .take_while(move |_| !is_empty)
}

fn hash(field: Exact, value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    field.hash(&mut hasher);
    value.to_lowercase().hash(&mut hasher);
    hasher.finish()
}
