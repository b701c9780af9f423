//! Whether this process knows what was made at Square before it started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set once a pass over the directory that began in this process has ended. A
/// database put back from a backup does not know what was made since; until
/// that pass the pusher asks before it makes anything. Clones share it, and a
/// new process begins anew.
#[derive(Clone, Debug, Default)]
pub struct CaughtUp(Arc<AtomicBool>);

impl CaughtUp {
    /// Whether such a pass has ended.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Says that one has ended, or that it is not known any more what it showed.
    pub fn set(&self, caught_up: bool) {
        self.0.store(caught_up, Ordering::Release);
    }
}
