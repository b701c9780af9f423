//! The gate before Square: closed once the token was refused, it lets one call
//! through after each pause to see whether that still holds. Outcomes and times
//! in, leave to call out.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::square::error::SquareError;

/// Open until the token is refused. Shared by all clones of a client.
#[derive(Debug)]
pub(super) struct Gate {
    pause: Duration,
    closed: Mutex<Option<Closed>>,
}

#[derive(Clone, Debug)]
struct Closed {
    /// Square's code.
    code: String,
    /// When one call may try again.
    until: Instant,
}

impl Gate {
    /// A gate that stays closed for `pause` after each refusal.
    pub(super) fn new(pause: Duration) -> Self {
        let closed = Mutex::new(None);
        Self { pause, closed }
    }

    /// Leave to call, or the refusal that still holds.
    pub(super) fn enter(&self, now: Instant) -> Result<(), SquareError> {
        let mut state = self.lock();
        match &mut *state {
            Some(closed) if now < closed.until => Err(SquareError::NotAuthorised {
                code: closed.code.clone(),
            }),
            Some(closed) => {
                // This one tries; the others wait for its answer or the next pause.
                closed.until = now + self.pause;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Leave for a call that nothing depends on: it waits until another one has
    /// shown that Square takes the token, and does not try in its place.
    pub(super) fn enter_extra(&self) -> Result<(), SquareError> {
        match self.refusal() {
            Some(code) => Err(SquareError::NotAuthorised { code }),
            None => Ok(()),
        }
    }

    /// Learns from the outcome of a call. Any answer but a refusal of the token
    /// shows that Square takes it; no answer, and one about a call that need not
    /// be offered, show nothing.
    pub(super) fn learn<T>(&self, outcome: &Result<T, SquareError>, now: Instant) {
        match outcome {
            Err(SquareError::NotAuthorised { code }) => {
                *self.lock() = Some(Closed {
                    code: code.clone(),
                    until: now + self.pause,
                });
            }
            Err(SquareError::Retry { .. } | SquareError::Unavailable { .. }) => {}
            _ => *self.lock() = None,
        }
    }

    /// Square's code while the gate is closed.
    pub(super) fn refusal(&self) -> Option<String> {
        self.lock().as_ref().map(|closed| closed.code.clone())
    }

    /// The state is one value, whole at all times, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Option<Closed>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::square::error::Cause;

    const PAUSE: Duration = Duration::from_secs(60);

    fn refused() -> Result<(), SquareError> {
        Err(SquareError::NotAuthorised {
            code: "UNAUTHORIZED".to_owned(),
        })
    }

    #[test]
    fn a_refused_token_closes_it_and_one_call_a_pause_tries_again() {
        let (gate, start) = (Gate::new(PAUSE), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);

        gate.learn(&refused(), at(0));

        assert_eq!(gate.enter(at(59)), refused());
        assert_eq!(gate.enter_extra(), refused());
        assert_eq!(gate.enter(at(60)), Ok(()));
        assert_eq!(gate.enter(at(60)), refused());
        assert_eq!(gate.enter(at(119)), refused());
        assert_eq!(gate.enter(at(120)), Ok(()));
    }

    #[test]
    fn an_answer_opens_it_and_silence_does_not() {
        let (gate, now) = (Gate::new(PAUSE), Instant::now());

        gate.learn(&refused(), now);
        gate.learn::<()>(&Err(SquareError::retry(Cause::Timeout)), now);
        gate.learn::<()>(&refused().map_err(SquareError::of_extra), now);
        assert_eq!(gate.refusal().as_deref(), Some("UNAUTHORIZED"));

        gate.learn::<()>(&Err(SquareError::NotFound), now);
        assert_eq!(gate.refusal(), None);
        assert_eq!(gate.enter_extra(), Ok(()));
        assert_eq!(gate.enter(now), Ok(()));
    }
}
