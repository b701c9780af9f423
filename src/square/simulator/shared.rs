//! The state as its users share it: the server's threads, the deliverer and
//! the test that plays the seller.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::options::Options;
use super::seed;
use super::state::State;

/// The state behind its mutex. Nobody waits for anything while holding it.
#[derive(Debug)]
pub(super) struct Shared(Mutex<State>);

impl Shared {
    pub(super) fn new(options: Options) -> Self {
        let mut state = State::new(options);
        seed::fill(&mut state);
        Self(Mutex::new(state))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
