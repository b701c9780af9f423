//! Work that may wait for the disk or the server, on a thread that it may block. A
//! panic ends that work and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task;

use crate::store::error::{StoreError, StoreResult};

/// What whoever asked is told of a panic, and what is kept: its own words may quote a customer.
const FAULT: &str = "a fault of this program ended the work on it";

/// Runs `work` on another thread, which it may block.
pub(crate) async fn blocking<T, F>(work: F) -> StoreResult<T>
where
    T: Send + 'static,
    F: FnOnce() -> StoreResult<T> + Send + 'static,
{
    match task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) if panic.is_panic() => Err(fault()),
        Err(failure) => Err(StoreError::Unavailable(failure.to_string())),
    }
}

/// Runs `work` on this thread.
pub(crate) fn caught<T>(work: impl FnOnce() -> StoreResult<T>) -> StoreResult<T> {
    // Of what a panic leaves half done only a connection is met again, and that one is closed.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_panic| Err(fault()))
}

/// The same data would find the same fault again.
fn fault() -> StoreError {
    StoreError::Rejected(FAULT.to_owned())
}
