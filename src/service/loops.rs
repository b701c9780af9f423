//! The loops of a running service: each drives its flows, waits, and begins
//! again, until the service stops.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::domain::id::MerchantId;
use crate::flows::backfill::Backfill;
use crate::flows::error::FlowError;
use crate::flows::identify;
use crate::flows::reconcile::Reconcile;
use crate::service::census::Pauses;
use crate::service::{Parts, Patience, Watch, clock, fill_the_gap, until_idle};
use crate::square::error::SquareError;
use crate::store::StoreError;

/// How long Square is left alone once it refuses the token.
const REFUSED: Duration = Duration::from_secs(60);
/// How long a loop waits after trouble that its flow could not wait out.
pub(super) const TROUBLE: Duration = Duration::from_secs(5);

/// Tells a loop to stop.
#[derive(Clone)]
pub(super) struct Stop(pub(super) watch::Receiver<bool>);

impl Stop {
    /// Waits until the service stops.
    async fn stopped(&mut self) {
        // An error says that nobody can tell it to stop any more, since it has.
        drop(self.0.wait_for(|stop| *stop).await);
    }

    /// Waits for `time`, or less if the service stops. Gives whether it does.
    pub(super) async fn within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.stopped()).await.is_ok()
    }

    pub(super) fn is_set(&self) -> bool {
        *self.0.borrow()
    }
}

/// Runs a part to its end. One that breaks off is begun again after `wait`: it
/// has nothing in memory that is not in the tables. None when the service stops first.
pub(super) async fn lasting<T, F>(
    what: &'static str,
    wait: Duration,
    mut stop: Stop,
    part: impl Fn() -> F,
) -> Option<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    loop {
        match tokio::spawn(part()).await {
            Ok(ended) => return Some(ended),
            Err(error) => tracing::error!(%error, "{what} broke off and begins again"),
        }
        if stop.within(wait).await {
            return None;
        }
    }
}

/// Asks Square for the seller until it says. None when the service stops first.
pub(super) async fn identify(
    parts: Parts,
    mut stop: Stop,
) -> Result<Option<MerchantId>, StoreError> {
    loop {
        let asked = tokio::select! {
            asked = parts.identify() => asked,
            // Nothing was begun that would have to be finished.
            () = stop.stopped() => return Ok(None),
        };
        let wait = match asked {
            Ok(merchant) => {
                tracing::info!(seller = %merchant, "Square knows the token");
                return Ok(Some(merchant));
            }
            Err(FlowError::Store(error @ StoreError::Unusable(_))) => return Err(error),
            Err(error) if error.is_refusal() => {
                tracing::error!(%error, "no call is made to Square until it takes the token; webhooks are still taken");
                REFUSED
            }
            Err(error) => {
                tracing::warn!(%error, "Square does not say whose token this is; it is asked again");
                error.asked_wait().unwrap_or(TROUBLE)
            }
        };
        if stop.within(wait).await {
            return Ok(None);
        }
    }
}

/// Reads what webhooks missed, again and again; the first time, everything. The
/// census is taken in the pauses.
pub(super) async fn read(parts: Parts, merchant: MerchantId, every: Duration, mut stop: Stop) {
    let (mut backfill, mut reconcile) = (parts.backfill(&merchant), parts.reconcile(&merchant));
    let mut events = parts.events(&merchant);
    let mut census = Pauses::new(&parts, &merchant);
    let mut standing = Standing::new(parts, "the directory could not be read");
    while !stop.is_set() {
        fill_the_gap(&mut events, &mut stop).await;
        if stop.is_set() {
            break;
        }
        let mut round = pass(&standing.parts, &mut backfill, &mut reconcile, &mut stop).await;
        let end = Instant::now() + every;
        if round.is_ok() {
            round = census.fill(end, &mut stop).await;
        }
        let left = end.saturating_duration_since(Instant::now());
        let wait = standing.after(round).await.unwrap_or(left);
        if stop.within(wait).await {
            break;
        }
    }
    given_back(events.give_back().await);
    given_back(backfill.give_back().await);
    given_back(reconcile.give_back().await);
    given_back(census.give_back().await);
}

/// A lease that cannot be given back runs out by itself.
fn given_back(outcome: Result<(), FlowError>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a lease could not be given back");
    }
}

async fn pass(
    parts: &Parts,
    backfill: &mut Backfill,
    reconcile: &mut Reconcile,
    stop: &mut Stop,
) -> Result<(), FlowError> {
    take_waiting(parts).await?;
    if backfill.is_due().await? {
        tracing::info!("the whole directory is being read");
        until_idle(backfill, Patience::LOOP, stop).await?;
        if stop.is_set() {
            return Ok(());
        }
        tracing::info!(
            profiles = backfill.progress().read,
            "the whole directory was read"
        );
    }
    until_idle(reconcile, Patience::LOOP, stop).await?;
    let progress = reconcile.progress();
    tracing::debug!(
        read = progress.read,
        news = progress.news,
        "a pass was made"
    );
    Ok(())
}

/// Events that came before their seller was known take effect. Looked for in
/// each pass: one may have been under way while the seller became known.
async fn take_waiting(parts: &Parts) -> Result<(), StoreError> {
    loop {
        match parts.receive().take_waiting(clock()).await? {
            0 => return Ok(()),
            events => tracing::info!(events, "events that waited for their seller took effect"),
        }
    }
}

/// Carries what is owed to Square, again and again.
pub(super) async fn push(parts: Parts, merchant: MerchantId, every: Duration, mut stop: Stop) {
    let mut push = parts.push(&merchant);
    let wake = parts.store.wake();
    let mut standing = Standing::new(parts, "rows could not be sent");
    while !stop.is_set() {
        let round = until_idle(&mut push, Patience::LOOP, &mut stop).await;
        let trouble = standing.after(round).await;
        tokio::select! {
            stopped = stop.within(trouble.unwrap_or(every)) => if stopped { break },
            // Only what is owed is worth waking for, not what is in trouble.
            () = wake.notified(), if trouble.is_none() => {}
        }
    }
    given_back(push.give_back().await.map_err(FlowError::from));
}

/// A loop's flow is watched for nothing but the end of the service.
impl<F> Watch<F> for Stop {
    fn stepped(&mut self, _flow: &F) -> bool {
        !self.is_set()
    }

    fn waits(&mut self, error: &FlowError, wait: Duration) {
        tracing::info!(%error, wait_ms = wait.as_millis(), "trying again");
    }

    async fn pause(&mut self, wait: Duration) -> bool {
        !self.within(wait).await
    }
}

/// How a loop stands with Square and the database.
struct Standing {
    parts: Parts,
    /// What it is when a round does not get through, in words.
    trouble: &'static str,
    /// Whether Square refused the token in the last round.
    refused: bool,
}

impl Standing {
    fn new(parts: Parts, trouble: &'static str) -> Self {
        Self {
            parts,
            trouble,
            refused: false,
        }
    }

    /// Says what is wrong after a round, once, and gives how long to leave it;
    /// none where nothing is.
    async fn after(&mut self, round: Result<(), FlowError>) -> Option<Duration> {
        let was_refused = std::mem::take(&mut self.refused);
        let error = match round {
            Ok(()) if was_refused => self.accepted().await,
            round => round,
        }
        .err()?;
        if error.is_held() {
            tracing::debug!(%error, "another process does this");
            return Some(TROUBLE);
        }
        tracing::warn!(%error, "{}", self.trouble);
        let FlowError::Square(refusal @ SquareError::NotAuthorised { .. }) = &error else {
            return Some(TROUBLE);
        };
        self.refused = true;
        if let Err(error) = identify::note_refusal(&self.parts.store, refusal, clock()).await {
            tracing::warn!(%error, "the refusal could not be written down");
        }
        Some(REFUSED)
    }

    /// Strikes out the refusal that was written down, now that calls get through again.
    async fn accepted(&mut self) -> Result<(), FlowError> {
        self.refused = true;
        self.parts.identify().await?;
        self.refused = false;
        tracing::info!("Square takes the token again");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_part_that_breaks_off_begins_again() {
        let (_running, stop) = watch::channel(false);
        let begun = Arc::new(AtomicUsize::new(0));

        let part = || {
            let begun = Arc::clone(&begun);
            async move {
                let before = begun.fetch_add(1, Ordering::Relaxed);
                assert!(2 <= before, "it breaks off twice");
                "done"
            }
        };
        let ended = lasting("a part", Duration::from_millis(1), Stop(stop), part).await;

        assert_eq!(ended, Some("done"));
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_part_that_breaks_off_is_left_alone_once_the_service_stops() {
        let (_stopped, stop) = watch::channel(true);

        let whole = Arc::new(AtomicUsize::new(0));
        let part = || {
            let whole = Arc::clone(&whole);
            async move { assert_eq!(whole.load(Ordering::Relaxed), 1, "it breaks off") }
        };
        let ended = lasting("a part", Duration::from_secs(3600), Stop(stop), part).await;

        assert_eq!(ended, None);
    }
}
