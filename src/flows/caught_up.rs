//! Whether this process knows what was made at Square before it started.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;

use crate::domain::Timestamp;

/// Up to when a pass over the directory that began in this process has read, by
/// Square's clock. A database put back from a backup does not know what was made
/// since; until that pass the pusher asks before it makes anything. Clones share
/// it, and a new process begins anew.
#[derive(Clone, Debug, Default)]
pub struct CaughtUp(Arc<Mutex<Option<Timestamp>>>);

impl CaughtUp {
    /// Whether a pass has read up to `time` before this moment, or further.
    pub fn is_within(&self, time: TimeDelta, moment: Timestamp) -> bool {
        let reached = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reached.is_some_and(|reached| moment.signed_duration_since(reached) <= time)
    }

    /// Says up to when a pass has read; none where that is not known any more.
    pub fn set(&self, reached: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reached;
    }
}
