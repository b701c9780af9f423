//! Square's clock. In: the times that its answers carry. Out: what it shows by
//! now. The promise: it is not behind because the machine slept, and does not
//! move when somebody sets ours. Nothing is known before the first answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use chrono::TimeDelta;

use crate::domain::Timestamp;
use crate::square::client::pace;

/// By how much the time of day may be ahead of the time that was counted: what counts
/// stands still while the machine sleeps.
const SLEPT: Duration = Duration::from_secs(60);

/// Shared by all clones.
#[derive(Clone, Default)]
pub(super) struct Clock(Arc<Mutex<Option<Heard>>>);

#[derive(Clone, Copy)]
struct Heard {
    time: Timestamp,
    at: Instant,
    day: SystemTime,
}

impl Clock {
    /// An answer says that it is `time`.
    pub(super) fn hear(&self, time: Timestamp) {
        let heard = Heard {
            time,
            at: pace::now(),
            day: SystemTime::now(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }

    /// What it shows by now; none where that has to be heard first.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let heard = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        heard.shown(pace::now(), SystemTime::now())
    }
}

impl Heard {
    fn shown(self, at: Instant, day: SystemTime) -> Option<Timestamp> {
        let counted = at.saturating_duration_since(self.at);
        let passed = day.duration_since(self.day).unwrap_or_default();
        if counted + SLEPT < passed {
            return None;
        }
        self.time
            .checked_add_signed(TimeDelta::from_std(counted).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_on_unless_the_machine_slept() {
        let (at, day) = (Instant::now(), SystemTime::now());
        let time = Timestamp::UNIX_EPOCH;
        let heard = Heard { time, at, day };
        let second = Duration::from_secs(1);

        let shown = |counted, day| heard.shown(at + counted, day);
        let later = Some(time + TimeDelta::seconds(9));
        assert_eq!(shown(9 * second, day + 9 * second), later);
        // Somebody set our clock back.
        assert_eq!(shown(9 * second, day - 3600 * second), later);
        assert_eq!(shown(9 * second, day + 3600 * second), None);
    }
}
