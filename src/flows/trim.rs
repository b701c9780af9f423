//! Events that have had their effect go in time.
//!
//! In: how long events are kept, and the time. Out: an inbox without those that
//! are older. The promise: those that a person has to see (dead) or that have
//! not had their effect (waiting) stay; Square's events that come again have no
//! effect without their old row either, since what they tell has a version that
//! was seen. Each step is one short transaction; nothing is written where
//! nothing is due. A crash leaves what the next step takes.

use chrono::TimeDelta;

use crate::domain::Timestamp;
use crate::flows::Step;
use crate::store::{Store, StoreResult, inbox};

/// How many events one step takes away: on a slow disk some milliseconds' work.
const AT_ONCE: i64 = 200;

/// Takes old events out of the inbox.
pub struct Trim {
    store: Store,
    keep: TimeDelta,
    gone: u64,
}

impl Trim {
    /// For this database, whose events are kept for `keep`.
    pub fn new(store: Store, keep: TimeDelta) -> Self {
        Self {
            store,
            keep,
            gone: 0,
        }
    }

    /// How many events were taken away.
    pub fn gone(&self) -> u64 {
        self.gone
    }

    /// Takes some of the oldest events away, if any are due.
    pub async fn step(&mut self, now: Timestamp) -> StoreResult<Step> {
        let Some(before) = now.checked_sub_signed(self.keep) else {
            return Ok(Step::Idle);
        };
        let due = move |db: &mut _| inbox::settled_before(db, before, AT_ONCE);
        if self.store.read(due).await?.is_empty() {
            return Ok(Step::Idle);
        }
        let gone = self
            .store
            .write(move |db| inbox::trim(db, before, AT_ONCE))
            .await?;
        self.gone += gone;
        Ok(Step::Worked)
    }
}
