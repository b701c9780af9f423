//! The pace of the calls to one seller: what a call is for goes in, leave to go
//! comes out, as the seller's [`Budget`] says. Shared by all clones of a client,
//! so that everything which calls Square has one budget. The promise: a call
//! waits no longer than [`PATIENCE`]; where that is not enough it is told when
//! to come back, and Square is not asked.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time;

use crate::domain::budget::{Budget, Class, Ending, Leave};
use crate::square::client::Square;
use crate::square::error::{Cause, SquareError};

/// How long a call waits for its turn. Whoever makes it can be told to stop
/// meanwhile, and holds leases that run out.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where calls wait for their turn.
#[derive(Debug)]
pub(super) struct Pace {
    /// None holds nobody back.
    budget: Option<Mutex<Budget>>,
    /// Wakes those who wait when a call has ended.
    ended: Notify,
}

impl Pace {
    /// One that holds calls back, or none.
    pub(super) fn new(is_kept: bool) -> Self {
        Self {
            budget: is_kept.then(|| Mutex::new(Budget::new(now()))),
            ended: Notify::new(),
        }
    }

    /// How many calls of this class may be under way.
    pub(super) fn width(&self, class: Class) -> usize {
        let budget = self.budget.as_ref().map(lock);
        budget.map_or(usize::MAX, |budget| budget.width(class))
    }

    /// Waits for leave to call.
    pub(super) async fn leave(&self, class: Class) -> Result<Leaving<'_>, SquareError> {
        let Some(budget) = &self.budget else {
            return Ok(Leaving::unheld(self));
        };
        let mut told = lock(budget).ask(class, now());
        if told != Leave::Go {
            let _waiting = Waiting::new(self, budget, class);
            let give_up = now() + PATIENCE;
            loop {
                // Before asking: an end in between must not be missed.
                let ended = self.ended.notified();
                told = lock(budget).ask(class, now());
                let until = match told {
                    Leave::Go => break,
                    Leave::Later(until) => until,
                    Leave::AfterOthers => give_up,
                };
                let left = give_up.saturating_duration_since(now());
                if give_up < until || left.is_zero() {
                    return Err(SquareError::Retry {
                        after: Some(until.saturating_duration_since(now())),
                        cause: Cause::RateLimited,
                    });
                }
                drop(time::timeout_at(until.into(), ended).await);
            }
        }
        Ok(Leaving {
            pace: self,
            at: now(),
            ending: Ending::Unknown,
        })
    }
}

/// A call that has left. It has ended when this is dropped.
pub(super) struct Leaving<'a> {
    pace: &'a Pace,
    at: Instant,
    ending: Ending,
}

impl<'a> Leaving<'a> {
    fn unheld(pace: &'a Pace) -> Self {
        Self {
            pace,
            at: now(),
            ending: Ending::Unknown,
        }
    }

    /// Tells how the call ended.
    pub(super) fn ends<T>(mut self, outcome: &Result<T, SquareError>) {
        self.ending = match outcome {
            Err(SquareError::Retry {
                after,
                cause: Cause::RateLimited,
            }) => Ending::Limited(*after),
            Err(SquareError::Retry {
                after: Some(after),
                cause: Cause::Server,
            }) => Ending::Limited(Some(*after)),
            Err(SquareError::Retry { .. }) => Ending::Unknown,
            _ => Ending::Answered,
        };
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(budget) = &self.pace.budget {
            lock(budget).end(self.at, self.ending, now(), fastrand::f64());
            self.pace.ended.notify_waiters();
        }
    }
}

/// A call that waits for its turn, until this is dropped.
struct Waiting<'a> {
    pace: &'a Pace,
    budget: &'a Mutex<Budget>,
    class: Class,
}

impl<'a> Waiting<'a> {
    fn new(pace: &'a Pace, budget: &'a Mutex<Budget>, class: Class) -> Self {
        lock(budget).wait(class);
        Self {
            pace,
            budget,
            class,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(self.budget).stop_waiting(self.class);
        // The less urgent may have waited for this one.
        self.pace.ended.notify_waiters();
    }
}

impl Square {
    /// The same client, whose calls are for something else.
    pub fn of_class(&self, class: Class) -> Self {
        Self {
            transport: self.transport.of_class(class),
            ..self.clone()
        }
    }

    /// How many calls it is good to have under way.
    pub fn width(&self) -> usize {
        self.transport.width()
    }
}

/// The runtime's clock, which tests can move.
pub(super) fn now() -> Instant {
    time::Instant::now().into_std()
}

/// A budget is whole at all times, so a panic elsewhere does not spoil it.
fn lock(budget: &Mutex<Budget>) -> MutexGuard<'_, Budget> {
    budget.lock().unwrap_or_else(PoisonError::into_inner)
}
