//! Whether this process knows what was made at Square before it started.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;

use crate::domain::Timestamp;

/// Up to when passes over the directory that began in this process have read, by
/// Square's clock. A database put back from a backup does not know what was made
/// since; until such a pass the pusher asks before it makes anything. Clones share
/// it, and a new process begins anew.
#[derive(Clone, Debug, Default)]
pub struct CaughtUp(Arc<Mutex<Option<Passes>>>);

/// When the first one began, and the last one.
#[derive(Clone, Copy, Debug)]
struct Passes {
    first: Timestamp,
    last: Timestamp,
}

impl CaughtUp {
    /// Since when something may have been made that is not known here, where it is
    /// `moment` now and `lag` is how late a pass may show it. None where no pass has ended.
    pub fn since(&self, moment: Timestamp, lag: TimeDelta) -> Option<Timestamp> {
        let passes = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        // Whatever it was, it was made before this process started.
        let has_shown = lag <= passes.last - passes.first;
        Some(if has_shown { moment } else { passes.last - lag })
    }

    /// Says up to when a pass has read; none where that is not known any more.
    pub fn set(&self, reached: Option<Timestamp>) {
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = passes.map(|passes| passes.first);
        *passes = reached.map(|last| Passes {
            first: first.unwrap_or(last),
            last,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: TimeDelta = TimeDelta::minutes(2);

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    #[test]
    fn a_pass_right_after_the_start_may_not_show_what_was_made_before() {
        let caught_up = CaughtUp::default();
        assert_eq!(caught_up.since(at(10), LAG), None);

        caught_up.set(Some(at(10)));
        assert_eq!(caught_up.since(at(70), LAG), Some(at(8)));
        caught_up.set(Some(at(11)));
        assert_eq!(caught_up.since(at(70), LAG), Some(at(9)));
    }

    #[test]
    fn a_later_one_shows_all_that_was_made_before_the_start() {
        let caught_up = CaughtUp::default();
        caught_up.set(Some(at(10)));
        caught_up.set(Some(at(12)));

        assert_eq!(caught_up.since(at(70), LAG), Some(at(70)));
    }
}
