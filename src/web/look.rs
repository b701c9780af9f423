//! Looks at the database that anybody may ask for: one at a time, however many
//! ask, and its outcome shared for a moment. The promise: an
//! answer within [`LIMIT`], and never more than one connection busy with it. One
//! that [spares](Look::sparing) the database keeps it busy for a twentieth of the
//! time at most, however large the tables are.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};

use crate::store::StoreResult;

/// How long a look may take.
pub(super) const LIMIT: Duration = Duration::from_secs(2);
/// How long an outcome is shared.
const FRESH: Duration = Duration::from_millis(500);

/// How many times as long as it took an outcome is shared where the database is spared.
const SPARED: u32 = 20;

/// The last look, shared by all who ask.
pub(super) struct Look<T> {
    last: Mutex<Option<Last<T>>>,
    /// How many times as long as it took an outcome is shared.
    spared: u32,
    /// Held by a look until it really ends, also when nobody waits for it any more.
    alone: Arc<Semaphore>,
}

struct Last<T> {
    outcome: Option<T>,
    /// Until when it is shared.
    fresh: Instant,
}

impl<T: Clone + Send + 'static> Look<T> {
    /// One whose outcome is always of this moment.
    pub(super) fn new() -> Self {
        Self::spared(0)
    }

    /// One that reads much where the tables are large: the longer it took the longer it is shared.
    pub(super) fn sparing() -> Self {
        Self::spared(SPARED)
    }

    fn spared(spared: u32) -> Self {
        Self {
            last: Mutex::new(None),
            spared,
            alone: Arc::new(Semaphore::new(1)),
        }
    }

    /// The outcome of a look that is fresh; none where the database failed or took too long.
    pub(super) async fn at<F>(&self, look: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let mut last = self.last.lock().await;
        if let Some(last) = &*last
            && Instant::now() < last.fresh
        {
            return last.outcome.clone();
        }
        let began = Instant::now();
        let outcome = self.look(look).await;
        // One that failed is tried again soon.
        let spared = if outcome.is_some() { self.spared } else { 0 };
        *last = Some(Last {
            outcome: outcome.clone(),
            fresh: Instant::now() + FRESH.max(began.elapsed() * spared),
        });
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

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;
    use crate::store::StoreError;

    /// Seconds from the start to when a look ended, or that it failed.
    async fn at(look: &Look<u64>, start: Instant, takes: Duration, works: bool) -> Option<u64> {
        let outcome = async move {
            sleep(takes).await;
            let failure = StoreError::Unavailable("no database".to_owned());
            works.then(|| start.elapsed().as_secs()).ok_or(failure)
        };
        look.at(|| outcome).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_a_sparing_look_took_the_longer_its_outcome_is_shared() {
        let (sparing, plain) = (Look::sparing(), Look::new());
        let (start, second) = (Instant::now(), Duration::from_secs(1));

        assert_eq!(at(&sparing, start, second, true).await, Some(1));
        assert_eq!(at(&plain, start, second, true).await, Some(2));
        advance(Duration::from_secs(15)).await;
        assert_eq!(at(&sparing, start, second, true).await, Some(1));
        assert_eq!(at(&plain, start, second, true).await, Some(18));
        advance(Duration::from_secs(4)).await;
        assert_eq!(at(&sparing, start, second, true).await, Some(23));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_failed_is_soon_tried_again() {
        let sparing = Look::sparing();
        let (start, second) = (Instant::now(), Duration::from_secs(1));

        assert_eq!(at(&sparing, start, second, false).await, None);
        assert_eq!(at(&sparing, start, second, true).await, None);
        advance(second).await;
        assert_eq!(at(&sparing, start, second, true).await, Some(3));
    }
}
