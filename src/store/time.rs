//! Moments as both databases hold them: UTC, cut to microseconds, since
//! PostgreSQL keeps no more and the two must not differ.

use chrono::{DateTime, NaiveDateTime, SubsecRound};

use crate::domain::Timestamp;

/// For a column.
pub fn stored(moment: Timestamp) -> NaiveDateTime {
    moment.naive_utc().trunc_subsecs(6)
}

/// From a column.
pub fn moment(stored: NaiveDateTime) -> Timestamp {
    DateTime::from_naive_utc_and_offset(stored, chrono::Utc)
}
