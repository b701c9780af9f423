//! Calls carried out, one or several together: what has to be asked before, the
//! call itself, and what became of it.

use crate::domain::Timestamp;
use crate::domain::backoff;
use crate::domain::seeded::{self, Bug};
use crate::flows::push::adopt::{self, Looked};
use crate::flows::push::look::{self, Question};
use crate::flows::push::send::{self, Reply};
use crate::flows::push::settle::{self, Ended, Settled};
use crate::flows::push::{Push, create, deletes, later, together};
use crate::square::error::{Cause, SquareError};
use crate::store::outbox::{self, Call};
use crate::store::{Db, StoreResult};

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
    /// Carries out what is written down. Gives Square's code if it takes no calls.
    pub(super) async fn carry(
        &mut self,
        mut calls: Vec<Call>,
        question: Option<Question>,
        now: Timestamp,
        random: f64,
    ) -> StoreResult<Option<String>> {
        let settled = if 1 < calls.len() {
            let sent = send::send_together(&self.with.square, &calls);
            let (sent, ahead) = tokio::join!(sent, self.plan_ahead(calls.len(), now));
            self.is_planned = self.count(&ahead);
            self.end_together(calls, sent, now, random).await?
        } else if let Some(call) = calls.pop() {
            match self.look_first(call, question, now).await? {
                Looking::Done(settled) => vec![settled],
                Looking::Failed(call, error) => self.end(call, Err(error), now, random).await?,
                Looking::Nobody(call) => self.make(call, now, random).await?,
            }
        } else {
            Vec::new()
        };
        let mut refused = None;
        for settled in settled {
            match settled {
                Settled::Taken(_) => self.pushed.taken += 1,
                Settled::Refused => self.pushed.refused += 1,
                Settled::Unknown => self.pushed.unknown += 1,
                Settled::Outdated => {}
                Settled::NotAuthorised(code) => refused = Some(code),
            }
        }
        Ok(refused)
    }

    /// Takes in what became of calls that were made together, each of which has its
    /// own outcome.
    async fn end_together(
        &mut self,
        calls: Vec<Call>,
        sent: Result<Vec<Result<Reply, SquareError>>, SquareError>,
        now: Timestamp,
        random: f64,
    ) -> StoreResult<Vec<Settled>> {
        self.room.learn(calls.len(), &sent);
        let outcomes = match sent {
            Ok(outcomes) => {
                let mut errors = outcomes.iter().filter_map(|one| one.as_ref().err());
                let limited = errors.find(|error| is_limited(error));
                self.pace(limited, now, random);
                outcomes
            }
            Err(SquareError::Refused(_) | SquareError::KeyReused | SquareError::Stale) => {
                return self.part(calls, now).await;
            }
            Err(error) => {
                self.pace(Some(&error), now, random);
                vec![Err(error); calls.len()]
            }
        };
        let (mut ended, mut reused) = (Vec::new(), Vec::new());
        for (call, outcome) in calls.into_iter().zip(outcomes) {
            match outcome {
                Err(SquareError::KeyReused) => reused.push(call),
                outcome => ended.push((call, outcome)),
            }
        }
        let mut settled = self.settle(ended, now).await?;
        for call in reused {
            settled.extend(self.find_made(call, now, random).await?);
        }
        Ok(settled)
    }

    /// Square refuses these as a whole, and has looked at none: they are made
    /// again at once, fewer together or alone.
    async fn part(&self, calls: Vec<Call>, now: Timestamp) -> StoreResult<Vec<Settled>> {
        tracing::info!(
            rows = calls.len(),
            "Square refuses rows that were sent together; fewer are sent"
        );
        let (lease, learning) = (self.lease.clone(), self.with.learning(now));
        let due = move |db: &mut Db| {
            lease.hold(db)?;
            settle::put_back(db, &learning, calls, |call| Call {
                // Before all others, which are not to blame.
                next_attempt: call.created.min(learning.now),
                ..together::apart(call)
            })
        };
        self.with.store.write(due).await?;
        Ok(Vec::new())
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
        let (lease, with, began) = (self.lease.clone(), self.with.clone(), self.began);
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
                        first_attempt: call.first_attempt.or(began),
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
    async fn make(&mut self, call: Call, now: Timestamp, random: f64) -> StoreResult<Vec<Settled>> {
        let outcome = send::send(&self.with.square, &call).await;
        self.room.learn(1, &outcome);
        if matches!(outcome, Err(SquareError::KeyReused)) {
            return self.find_made(call, now, random).await;
        }
        self.end(call, outcome, now, random).await
    }

    /// Looks for what a create's key made of another body.
    async fn find_made(
        &mut self,
        call: Call,
        now: Timestamp,
        random: f64,
    ) -> StoreResult<Vec<Settled>> {
        let question = Some(Question::of_key(&call));
        match self.look_first(call, question, now).await? {
            Looking::Done(settled) => Ok(vec![settled]),
            Looking::Failed(call, error) => self.end(call, Err(error), now, random).await,
            Looking::Nobody(call) => Ok(vec![self.key_was_used(call, now).await?]),
        }
    }

    /// Goes on where nothing shows that a create's key made. How long it may stay out
    /// of sight is told by Square's clock: ours may be set at any moment. A process
    /// that starts counts anew.
    async fn key_was_used(&mut self, call: Call, now: Timestamp) -> StoreResult<Settled> {
        self.failures = 0;
        let id = call.customer_id.clone();
        let must_show = match self.with.square.square_time().await {
            Ok(time) => {
                let since = self.reused.entry(id.clone()).or_insert(time);
                *since = time.min(*since);
                create::SEARCH_LAG <= time.signed_duration_since(*since)
            }
            Err(_) => false,
        };
        let (lease, learning) = (self.lease.clone(), self.with.learning(now));
        let settled = self.with.store.write(move |db| {
            lease.hold(db)?;
            create::key_was_used(db, &learning, &call, must_show)
        });
        let settled = settled.await?;
        if matches!(settled, Settled::Outdated) {
            self.reused.remove(&id);
        }
        Ok(settled)
    }

    /// Takes the outcome in, and paces what follows.
    async fn end(
        &mut self,
        call: Call,
        outcome: Result<Reply, SquareError>,
        now: Timestamp,
        random: f64,
    ) -> StoreResult<Vec<Settled>> {
        self.pace(outcome.as_ref().err(), now, random);
        self.settle(vec![(call, outcome)], now).await
    }

    async fn settle(&self, ended: Vec<Ended>, now: Timestamp) -> StoreResult<Vec<Settled>> {
        let (lease, learning) = (self.lease.clone(), self.with.learning(now));
        let (push_deletes, began) = (self.with.push_deletes, self.began);
        let settled = self.with.store.write(move |db| {
            lease.hold(db)?;
            settle::settle(db, &learning, ended, began, push_deletes)
        });
        let settled = settled.await?;
        let counters = &self.with.counters;
        for settled in &settled {
            match settled {
                Settled::Taken(operation) => {
                    let pushed = counters.pushed.get_or_create(&[("operation", operation)]);
                    pushed.inc();
                }
                Settled::Refused => drop(counters.push_refused.inc()),
                _ => {}
            }
        }
        Ok(settled)
    }

    /// Slows down while Square does not answer. One row for which it never
    /// does must not stop the others, so only a series of failures counts.
    fn pace(&mut self, error: Option<&SquareError>, now: Timestamp, random: f64) {
        let Some(SquareError::Retry { after, cause }) = error else {
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

fn is_limited(error: &SquareError) -> bool {
    matches!(
        error,
        SquareError::Retry {
            cause: Cause::RateLimited,
            ..
        }
    )
}
