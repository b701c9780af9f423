//! What our own tables say is not yet done: rows by their state, calls, edits,
//! open questions. Looked at twice: what goes by in between is no finding.

use std::collections::BTreeMap;

use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::flows::verify::report::{Entry, Report, Side};
use crate::store::conflicts;
use crate::store::customers::{self, SyncState, look};
use crate::store::inbox;
use crate::store::{Db, StoreResult, edits, images, outbox};

/// How many entries of the ledger, or images, are read at a time.
const MANY: i64 = 500;

/// What the tables say.
#[derive(Debug, Default)]
pub(super) struct States {
    owed: BTreeMap<CustomerId, Entry>,
    failed: BTreeMap<CustomerId, Entry>,
    conflict: BTreeMap<CustomerId, Entry>,
    /// Rows that say they are synced and have no profile.
    without_profile: BTreeMap<CustomerId, Entry>,
    unmerged: BTreeMap<SquareId, Entry>,
    dead_events: i64,
    rows: u64,
}

impl States {
    /// Reads them, all as they are at one moment.
    pub(super) fn read(db: &mut Db, merchant: &MerchantId) -> StoreResult<Self> {
        let mut states = Self::default();
        for row in look::unsynced(db, merchant)? {
            let (list, reason) = match row.state {
                SyncState::Failed => (&mut states.failed, row.error),
                SyncState::Conflict => (&mut states.conflict, row.error),
                SyncState::Pending | SyncState::Synced => (&mut states.owed, None),
            };
            let reason = Entry {
                reason,
                ..about(&row.id, row.square_id)
            };
            list.insert(row.id, reason);
        }
        for (id, profile) in outbox::rows(db, merchant)? {
            states
                .owed
                .entry(id.clone())
                .or_insert_with(|| about(&id, profile));
        }
        for id in edits::rows(db, merchant)? {
            states
                .owed
                .entry(id.clone())
                .or_insert_with(|| about(&id, None));
        }
        for id in look::without_profile(db, merchant)? {
            let entry = Entry {
                fields: vec!["square_id"],
                side: Some(Side::EditNotSent),
                ..about(&id, None)
            };
            states.without_profile.insert(id, entry);
        }
        states.read_open(db, merchant)?;
        states.read_unmerged(db, merchant)?;
        let dead = inbox::counts(db)?
            .into_iter()
            .find(|(state, _)| *state == inbox::State::Dead);
        states.dead_events = dead.map_or(0, |(_, count)| count);
        let live = customers::count::all(db)?.live();
        states.rows = u64::try_from(live).unwrap_or_default();
        Ok(states)
    }

    /// Puts those into their lists that `first`, an earlier look, found too.
    pub(super) fn enter(self, first: &Self, report: &mut Report) {
        report.owed = both(self.owed, &first.owed);
        report.failed = both(self.failed, &first.failed);
        report.conflict = both(self.conflict, &first.conflict);
        report.unmerged = both(self.unmerged, &first.unmerged);
        report
            .unequal
            .extend(both(self.without_profile, &first.without_profile));
        report.dead_events = self.dead_events;
        report.rows = self.rows;
    }

    /// Questions of the ledger that wait for a person.
    fn read_open(&mut self, db: &mut Db, merchant: &MerchantId) -> StoreResult<()> {
        let mut after = 0;
        loop {
            let entries = conflicts::list(db, Some(conflicts::State::Open), after, MANY)?;
            let Some(last) = entries.last() else {
                return Ok(());
            };
            after = last.seq;
            for entry in entries
                .into_iter()
                .filter(|entry| entry.merchant_id == *merchant)
            {
                let conflict = entry.conflict;
                let id = conflict.customer_id;
                let found = self.conflict.entry(id.clone());
                let found = found.or_insert_with(|| about(&id, conflict.square_id));
                found
                    .fields
                    .extend(conflict.field.map(|field| field.column()));
            }
        }
    }

    fn read_unmerged(&mut self, db: &mut Db, merchant: &MerchantId) -> StoreResult<()> {
        let ids = images::unmerged(db, merchant, i64::MAX)?;
        for ids in ids.chunks(usize::try_from(MANY).unwrap_or(1)) {
            for (id, held) in images::load(db, merchant, ids)? {
                let entry = Entry {
                    row_id: held.customer_id,
                    square_id: Some(id.clone()),
                    ..Entry::default()
                };
                self.unmerged.insert(id, entry);
            }
        }
        Ok(())
    }
}

fn about(id: &CustomerId, square_id: Option<SquareId>) -> Entry {
    Entry {
        row_id: Some(id.clone()),
        square_id,
        ..Entry::default()
    }
}

/// The entries of the second look that the first had too.
fn both<K: Ord>(second: BTreeMap<K, Entry>, first: &BTreeMap<K, Entry>) -> Vec<Entry> {
    let seen_before = second
        .into_iter()
        .filter(|(key, _)| first.contains_key(key));
    seen_before.map(|(_, entry)| entry).collect()
}
