//! Which windows of a backfill are still to be read, and which of that the
//! database knows.
//!
//! In: windows that were cut or read. Out: what has to be written for the
//! database to know the same. The promise: it is written together with what the
//! windows showed, so a window that is not on disk any more is on disk itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::domain::window::Window;
use crate::store::{Db, StoreResult, marks, windows};

/// What is still to be read.
pub(super) struct Remaining {
    /// The windows by their starts, each with its end.
    windows: BTreeMap<Timestamp, Timestamp>,
    /// Whether the database knows of the backfill at all.
    is_on_disk: bool,
    /// Starts of windows that the database knows otherwise, or not.
    changed: BTreeSet<Timestamp>,
}

impl Remaining {
    /// Of a backfill of which the database knows nothing.
    pub(super) fn of(all: Window) -> Self {
        Self {
            windows: BTreeMap::from([(all.start, all.end)]),
            is_on_disk: false,
            changed: BTreeSet::from([all.start]),
        }
    }

    /// Of a backfill as the database knows it.
    pub(super) fn on_disk(left: &[Window]) -> Self {
        Self {
            windows: left.iter().map(|it| (it.start, it.end)).collect(),
            is_on_disk: true,
            changed: BTreeSet::new(),
        }
    }

    pub(super) fn is_on_disk(&self) -> bool {
        self.is_on_disk
    }

    /// Windows were cut into these; the first begins where the whole did.
    pub(super) fn cut(&mut self, pieces: Vec<Window>) {
        self.changed.extend(pieces.iter().map(|it| it.start));
        self.windows
            .extend(pieces.iter().map(|it| (it.start, it.end)));
    }

    /// A window has been read.
    pub(super) fn done(&mut self, start: Timestamp) {
        self.windows.remove(&start);
        self.changed.insert(start);
    }

    /// What lets the database know the same.
    pub(super) fn note(
        &self,
        merchant: &MerchantId,
        began: Timestamp,
    ) -> impl FnOnce(&mut Db) -> StoreResult<()> + Send + 'static {
        let (merchant, is_new) = (merchant.clone(), !self.is_on_disk);
        let (mut added, mut gone) = (Vec::new(), Vec::new());
        for start in &self.changed {
            match self.windows.get(start) {
                Some(&end) => added.push(Window { start: *start, end }),
                None => gone.push(*start),
            }
        }
        move |db| {
            if is_new {
                marks::set(db, &merchant, marks::BACKFILL_BEGAN, began)?;
                windows::clear(db, &merchant)?;
            }
            windows::done(db, &merchant, &gone)?;
            windows::add(db, &merchant, &added)
        }
    }

    /// The database knows the same.
    pub(super) fn noted(&mut self) {
        self.is_on_disk = true;
        self.changed.clear();
    }
}
