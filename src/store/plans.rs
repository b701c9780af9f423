//! How long a connection to PostgreSQL keeps the plans of its statements. To make
//! one for each execution takes longer than to carry most of them out; one that was
//! made while a table was small looks at every row of a seller once it is not,
//! until the server counts the rows, minutes later.
//!
//! In: transactions that are about to begin, and the time. Out: whether the plans
//! are to be made anew. The promise: no transaction begins with one that is older
//! than a second, or that more transactions have used than had been since the
//! tables may have been empty. Nothing is kept on disk.

use std::time::{Duration, Instant};

/// How long plans are kept.
const KEPT: Duration = Duration::from_secs(1);
/// How many transactions use them at most: the price of making them is small then.
const MOST: u32 = 64;

/// The age of a connection's plans.
#[derive(Debug)]
pub(crate) struct Plans {
    made: Instant,
    /// How many transactions have used them, and how many may.
    uses: u32,
    most: u32,
}

impl Plans {
    /// Of a connection that has none yet.
    pub(crate) fn none(now: Instant) -> Self {
        Self {
            made: now,
            uses: 0,
            most: 1,
        }
    }

    /// Whether the plans are too old for a transaction that begins now. If so, it makes new ones.
    pub(crate) fn are_old(&mut self, now: Instant) -> bool {
        let is_late = KEPT <= now.saturating_duration_since(self.made);
        if !is_late && self.uses < self.most {
            self.uses += 1;
            return false;
        }
        *self = Self {
            made: now,
            uses: 1,
            most: if is_late { 1 } else { MOST.min(self.most * 2) },
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_kept_longer_the_more_often_they_are_used() {
        let now = Instant::now();
        let mut plans = Plans::none(now);

        let old = (0..300).filter(|_| plans.are_old(now)).count();
        let kept = (0..640).filter(|_| plans.are_old(now)).count();

        // After 1, 3, 7, 15, 31, 63, 127, 191 and 255.
        assert_eq!((old, kept), (9, 10));
    }

    #[test]
    fn plans_of_a_second_ago_are_old_and_the_next_are_soon() {
        let now = Instant::now();
        let mut plans = Plans::none(now);
        assert_eq!((0..100).filter(|_| plans.are_old(now)).count(), 6);

        let later = now + KEPT;
        let old = [later, later, later, later].map(|now| plans.are_old(now));

        assert_eq!(old, [true, true, false, true]);
    }
}
