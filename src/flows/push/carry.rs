//! One call carried out: what has to be asked before it, the call itself, and
//! what became of it.

use crate::domain::Timestamp;
use crate::domain::backoff;
use crate::domain::seeded::{self, Bug};
use crate::flows::push::adopt::{self, Looked};
use crate::flows::push::look::{self, Question};
use crate::flows::push::send::{self, Reply};
use crate::flows::push::settle::{self, Settled};
use crate::flows::push::{Push, deletes, later};
use crate::square::error::{Cause, SquareError};
use crate::store::StoreResult;
use crate::store::outbox::{self, Call};

/// What came of asking before a call is made.
enum Looking {
    /// The call is to be made.
    Nobody(Call),
    /// It is not.
    Done(Settled),
    /// Nobody knows; it is asked again.
    Failed(Call, SquareError),
}

impl Push {
    /// Carries a call out that is written down.
    pub(super) async fn carry(
        &mut self,
        call: Call,
        question: Option<Question>,
        now: Timestamp,
        random: f64,
    ) -> StoreResult<Settled> {
        match self.look_first(call, question, now).await? {
            Looking::Done(settled) => Ok(settled),
            Looking::Failed(call, error) => self.end(call, Err(error), now, random).await,
            Looking::Nobody(call) => self.make(call, now, random).await,
        }
    }

    /// Asks the question there is before the call is made.
    async fn look_first(
        &self,
        call: Call,
        question: Option<Question>,
        now: Timestamp,
    ) -> StoreResult<Looking> {
        let Some(question) = question else {
            return Ok(Looking::Nobody(call));
        };
        let found = match look::look_up(&self.with.square, &question).await {
            Ok(found) => found,
            Err(_) if seeded::is_on(Bug::FailedLookupIsNotFound) => Vec::new(),
            Err(error) => return Ok(Looking::Failed(call, error)),
        };
        let (lease, with) = (self.lease.clone(), self.with.clone());
        let taken = self.with.store.write(move |db| {
            lease.hold(db)?;
            let learning = with.learning(now);
            match adopt::take(db, &learning, &call, &question, found)? {
                Looked::Done => {
                    let id = std::slice::from_ref(&call.customer_id);
                    // An application may have deleted the row meanwhile.
                    deletes::deleted(db, &learning, id, with.push_deletes)?;
                    Ok(Looking::Done(Settled::Outdated))
                }
                Looked::Later => Ok(Looking::Done(Settled::Unknown)),
                Looked::Nobody => {
                    let call = Call {
                        first_attempt: call.first_attempt.or(Some(now)),
                        ..call
                    };
                    outbox::put(db, &learning.merchant, std::slice::from_ref(&call))?;
                    Ok(Looking::Nobody(call))
                }
            }
        });
        taken.await
    }

    /// Makes the call.
    async fn make(&mut self, call: Call, now: Timestamp, random: f64) -> StoreResult<Settled> {
        let outcome = send::send(&self.with.square, &call).await;
        if !matches!(outcome, Err(SquareError::KeyReused)) {
            return self.end(call, outcome, now, random).await;
        }
        let question = Some(Question::of_key(&call));
        match self.look_first(call, question, now).await? {
            Looking::Done(settled) => Ok(settled),
            Looking::Failed(call, error) => self.end(call, Err(error), now, random).await,
            Looking::Nobody(call) => self.end(call, outcome, now, random).await,
        }
    }

    /// Takes the outcome in, and paces what follows.
    async fn end(
        &mut self,
        call: Call,
        outcome: Result<Reply, SquareError>,
        now: Timestamp,
        random: f64,
    ) -> StoreResult<Settled> {
        self.pace(&outcome, now, random);
        self.settle(call, outcome, now).await
    }

    async fn settle(
        &self,
        call: Call,
        outcome: Result<Reply, SquareError>,
        now: Timestamp,
    ) -> StoreResult<Settled> {
        let (lease, learning) = (self.lease.clone(), self.with.learning(now));
        let push_deletes = self.with.push_deletes;
        let operation = call.operation.as_str();
        let settled = self.with.store.write(move |db| {
            lease.hold(db)?;
            settle::settle(db, &learning, call, outcome, push_deletes)
        });
        let settled = settled.await?;
        match settled {
            Settled::Taken => drop(
                self.with
                    .counters
                    .pushed
                    .get_or_create(&[("operation", operation)])
                    .inc(),
            ),
            Settled::Refused => drop(self.with.counters.push_refused.inc()),
            _ => {}
        }
        Ok(settled)
    }

    /// Slows down while Square does not answer. One row for which it never
    /// does must not stop the others, so only a series of failures counts.
    fn pace(&mut self, outcome: &Result<Reply, SquareError>, now: Timestamp, random: f64) {
        let Err(SquareError::Retry { after, cause }) = outcome else {
            self.failures = 0;
            return;
        };
        self.failures = self.failures.saturating_add(1);
        let patience = if *cause == Cause::RateLimited || after.is_some() {
            0
        } else {
            2
        };
        let series = self.failures.saturating_sub(patience);
        if 0 < series {
            self.paused_until = Some(later(now, backoff::wait(series, *after, random)));
        }
    }
}
