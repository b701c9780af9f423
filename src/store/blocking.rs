//! Work that may wait for the disk or the server, on a thread of its own. A panic
//! ends that work and nothing else.

use tokio::task;

use crate::store::error::{StoreError, StoreResult};

/// What whoever asked is told of a panic, and what is kept: its own words may quote a customer.
const FAULT: &str = "a fault of this program ended the work on it";

/// Runs `work` where it may block.
pub(crate) async fn blocking<T, F>(work: F) -> StoreResult<T>
where
    T: Send + 'static,
    F: FnOnce() -> StoreResult<T> + Send + 'static,
{
    match task::spawn_blocking(work).await {
        Ok(result) => result,
        // The same data would find the same fault again.
        Err(fault) if fault.is_panic() => Err(StoreError::Rejected(FAULT.to_owned())),
        Err(failure) => Err(StoreError::Unavailable(failure.to_string())),
    }
}
