//! Why a step of a flow did not get through, sorted by what its driver does next.

use std::time::Duration;

use crate::square::error::{Cause, SquareError};
use crate::store::StoreError;

/// What stopped a step. What was committed before it stays, and the next step
/// goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Square.
    #[error(transparent)]
    Square(#[from] SquareError),
}

impl FlowError {
    /// How long Square asks to be left alone, where it does.
    pub fn asked_wait(&self) -> Option<Duration> {
        match self {
            Self::Square(SquareError::Retry { after, .. }) => *after,
            _ => None,
        }
    }

    /// Whether Square wants fewer calls.
    pub fn is_limit(&self) -> bool {
        let limited = Cause::RateLimited;
        matches!(self, Self::Square(SquareError::Retry { cause, .. }) if *cause == limited)
    }

    /// Whether another process does this work.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Store(StoreError::Held { .. }))
    }

    /// Whether Square refuses the token.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Square(SquareError::NotAuthorised { .. }))
    }
}
