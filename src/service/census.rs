//! The census beside the reconciler, in one loop: it does its steps in the
//! pauses between the passes, so that one which takes hours holds up no pass.
//!
//! In: the flow and its pause. Out: the same, a few steps further, or an error
//! after which it goes on where it was. A crash begins the census again.

use std::time::{Duration, Instant};

use crate::domain::id::MerchantId;
use crate::flows::census::Census;
use crate::flows::error::FlowError;
use crate::service::loops::Stop;
use crate::service::{Parts, Patience, Watch, until_idle};

/// After a census that raised an alarm the next one waits so long: what it waits
/// for is a person, or a list that is whole again, and it costs many calls.
const AFTER_ALARM: Duration = Duration::from_secs(3600);

/// The census of a running service.
pub(super) struct Pauses {
    census: Census,
    parts: Parts,
    /// Not before; none where that hangs on the mark alone.
    not_before: Option<Instant>,
}

impl Pauses {
    pub(super) fn new(parts: &Parts, merchant: &MerchantId) -> Self {
        Self {
            census: parts.census(merchant),
            parts: parts.clone(),
            not_before: None,
        }
    }

    /// Does what there is to do until `end`, if a census is due.
    pub(super) async fn fill(&mut self, end: Instant, stop: &mut Stop) -> Result<(), FlowError> {
        if self.not_before.is_some_and(|wait| Instant::now() < wait)
            || stop.is_set()
            || !self.census.is_due(self.parts.census_every).await?
        {
            return Ok(());
        }
        let mut turn = Turn { stop, end };
        until_idle(&mut self.census, Patience::LOOP, &mut turn).await?;
        self.not_before = None;
        if !self.census.is_under_way() && self.census.found().alarm.is_some() {
            let every = self.parts.census_every.to_std().unwrap_or_default();
            self.not_before = Some(Instant::now() + every.min(AFTER_ALARM));
        }
        Ok(())
    }

    /// Gives its lease back. The next census begins anew.
    pub(super) async fn give_back(&mut self) -> Result<(), FlowError> {
        self.census.give_back().await
    }
}

/// One pause.
struct Turn<'a> {
    stop: &'a mut Stop,
    end: Instant,
}

impl Watch<Census> for Turn<'_> {
    fn stepped(&mut self, _census: &Census) -> bool {
        Instant::now() < self.end && !self.stop.is_set()
    }

    fn waits(&mut self, error: &FlowError, wait: Duration) {
        Watch::<Census>::waits(self.stop, error, wait);
    }

    async fn pause(&mut self, wait: Duration) -> bool {
        Watch::<Census>::pause(self.stop, wait).await
    }
}
