//! The simulator's time, in and out.
//!
//! In comes the machine's clock or a start that a test chose; out goes a time
//! that never runs backwards and has no more than milliseconds, as Square's.

use std::time::Duration;

use chrono::{SecondsFormat, SubsecRound, TimeDelta, Utc};

use crate::domain::Timestamp;

/// Where the simulator takes its time from.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The time a manual clock started at; none follows the machine.
    start: Option<Timestamp>,
    /// What `advance` has added so far.
    ahead: TimeDelta,
    /// The latest time told, below which none is told again.
    latest: Timestamp,
}

impl Clock {
    /// Follows the clock of the machine.
    pub fn real() -> Self {
        Self {
            start: None,
            ahead: TimeDelta::zero(),
            latest: Timestamp::UNIX_EPOCH,
        }
    }

    /// Stands at `start` until it is advanced.
    pub fn manual(start: Timestamp) -> Self {
        Self {
            start: Some(start),
            ..Self::real()
        }
    }

    pub(super) fn now(&mut self) -> Timestamp {
        let base = self.start.unwrap_or_else(Utc::now);
        let now = base.checked_add_signed(self.ahead).unwrap_or(base);
        self.latest = self.latest.max(now.trunc_subsecs(3));
        self.latest
    }

    pub(super) fn advance(&mut self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or_default();
        self.ahead = self.ahead.checked_add(&by).unwrap_or(self.ahead);
    }
}

/// A time in Square's writing, with milliseconds.
pub(super) fn millis(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A time in Square's writing, rounded to seconds.
pub(super) fn seconds(time: Timestamp) -> String {
    time.round_subsecs(0)
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}
