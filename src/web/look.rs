//! Looks at the database that anybody may ask for: one at a time, however many
//! ask, and its outcome shared for a moment. The promise: an
//! answer within [`LIMIT`], and never more than one connection busy with it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use crate::store::StoreResult;

/// How long a look may take.
pub(super) const LIMIT: Duration = Duration::from_secs(2);
/// How long an outcome is shared.
const FRESH: Duration = Duration::from_millis(500);

/// The last look, shared by all who ask.
pub(super) struct Look<T> {
    last: Mutex<Option<(Instant, Option<T>)>>,
    /// Held by a look until it really ends, also when nobody waits for it any more.
    alone: Arc<Semaphore>,
}

impl<T: Clone + Send + 'static> Look<T> {
    pub(super) fn new() -> Self {
        Self {
            last: Mutex::new(None),
            alone: Arc::new(Semaphore::new(1)),
        }
    }

    /// The outcome of a look that is fresh; none where the database failed or took too long.
    pub(super) async fn at<F>(&self, look: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let mut last = self.last.lock().await;
        if let Some((at, outcome)) = &*last
            && at.elapsed() < FRESH
        {
            return outcome.clone();
        }
        let outcome = self.look(look).await;
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }

    async fn look<F>(&self, look: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let alone = Arc::clone(&self.alone);
        let look = look();
        let task = async {
            let alone = alone.acquire_owned().await.ok();
            let looked = tokio::spawn(async move {
                let outcome = look.await;
                drop(alone);
                outcome
            });
            looked.await.ok()
        };
        match timeout(LIMIT, task).await.ok()?? {
            Ok(outcome) => Some(outcome),
            Err(error) => {
                tracing::warn!(%error, "the database failed when somebody asked how it is");
                None
            }
        }
    }
}
