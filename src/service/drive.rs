//! Steps of a flow, taken until nothing is left to do.

use std::time::Duration;

use crate::domain::backoff;
use crate::flows::Step;
use crate::flows::backfill::Backfill;
use crate::flows::census::Census;
use crate::flows::error::FlowError;
use crate::flows::events::Events;
use crate::flows::push::Push;
use crate::flows::reconcile::Reconcile;
use crate::flows::verify::{Compare, Confirm, Mend};
use crate::service::clock;
use crate::square::error::SquareError;
use crate::store::StoreError;

/// How much trouble is waited out.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Failures in a row that may pass.
    pub failures: u32,
    /// How long another process may keep the work.
    pub held: Duration,
    /// How long Square may want fewer calls: that slows the work down, and is no failure.
    pub limited: Duration,
}

impl Patience {
    /// For a command that somebody waits for.
    pub const COMMAND: Self = Self {
        failures: 6,
        held: Duration::from_secs(60),
        limited: STORM,
    };
    /// For what must not hold up what comes after it.
    pub const NONE: Self = Self {
        failures: 0,
        held: Duration::ZERO,
        limited: Duration::ZERO,
    };
    /// For a loop, which comes back by itself.
    pub const LOOP: Self = Self {
        failures: 3,
        held: Duration::ZERO,
        limited: STORM,
    };
}

/// How long Square may refuse calls as too many before that is trouble.
const STORM: Duration = Duration::from_secs(3600);
/// How often a lease that another process holds is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A flow that is driven step by step.
pub trait Flow: Send {
    /// Takes one step, now.
    fn step(&mut self) -> impl Future<Output = Result<Step, FlowError>> + Send;
}

impl Flow for Reconcile {
    async fn step(&mut self) -> Result<Step, FlowError> {
        Self::step(self, clock()).await
    }
}

impl Flow for Events {
    async fn step(&mut self) -> Result<Step, FlowError> {
        Self::step(self, clock()).await
    }
}

impl Flow for Backfill {
    async fn step(&mut self) -> Result<Step, FlowError> {
        Self::step(self, clock()).await
    }
}

impl Flow for Census {
    async fn step(&mut self) -> Result<Step, FlowError> {
        Self::step(self, clock()).await
    }
}

impl Flow for Push {
    async fn step(&mut self) -> Result<Step, FlowError> {
        Self::step(self, clock(), fastrand::f64()).await
    }
}

impl Flow for Compare {
    async fn step(&mut self) -> Result<Step, FlowError> {
        Self::step(self).await
    }
}

impl Flow for Confirm {
    async fn step(&mut self) -> Result<Step, FlowError> {
        Self::step(self).await
    }
}

impl Flow for Mend {
    async fn step(&mut self) -> Result<Step, FlowError> {
        Self::step(self, clock()).await
    }
}

/// Who watches a flow being driven.
pub trait Watch<F>: Send {
    /// A step was taken. Gives whether to take another.
    fn stepped(&mut self, flow: &F) -> bool;
    /// A step did not get through and is taken again after a wait.
    fn waits(&mut self, error: &FlowError, wait: Duration);
    /// Waits. Gives whether to take the step then.
    fn pause(&mut self, wait: Duration) -> impl Future<Output = bool> + Send {
        async move {
            tokio::time::sleep(wait).await;
            true
        }
    }
}

/// Takes steps until one finds nothing to do, or `watch` has seen enough.
/// Trouble that may pass is waited out as far as `patience` goes.
pub async fn until_idle<F: Flow>(
    flow: &mut F,
    patience: Patience,
    watch: &mut impl Watch<F>,
) -> Result<(), FlowError> {
    let (mut failures, mut held, mut limited) = (0_u32, Duration::ZERO, Duration::ZERO);
    loop {
        let error = match flow.step().await {
            Ok(step) => {
                (failures, limited) = (0, Duration::ZERO);
                if !watch.stepped(flow) || step == Step::Idle {
                    return Ok(());
                }
                continue;
            }
            Err(error) => error,
        };
        let wait = if error.is_held() && held < patience.held {
            held += LOOK;
            LOOK
        } else if error.is_limit() && limited < patience.limited {
            let wait = backoff::wait(1, error.asked_wait(), fastrand::f64());
            limited += wait;
            wait
        } else if may_pass(&error) && failures < patience.failures {
            failures += 1;
            backoff::wait(failures, error.asked_wait(), fastrand::f64())
        } else {
            return Err(error);
        };
        watch.waits(&error, wait);
        if !watch.pause(wait).await {
            return Ok(());
        }
    }
}

/// Takes the events that webhooks missed, as far as that goes now: a trouble is
/// said and nothing waits for it, since the next pass asks again.
pub async fn fill_the_gap(events: &mut Events, watch: &mut impl Watch<Events>) {
    match until_idle(events, Patience::NONE, watch).await {
        Ok(()) if 0 < events.progress().news => {
            tracing::info!(
                events = events.progress().news,
                "events that no webhook brought were taken"
            );
        }
        Ok(()) => {}
        // Whoever reads the directory next says that the token is refused.
        Err(error) if error.is_held() || error.is_refusal() => {
            tracing::debug!(%error, "missed events are not asked for now");
        }
        Err(error) => {
            tracing::warn!(%error, "missed events could not be read; they are asked for again in the next pass");
        }
    }
}

/// Whether the same step may get through a little later.
fn may_pass(error: &FlowError) -> bool {
    matches!(
        error,
        FlowError::Square(SquareError::Retry { .. }) | FlowError::Store(StoreError::Unavailable(_))
    )
}
