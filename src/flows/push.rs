//! Flow 3: what applications write gets to Square.
//!
//! In: rows that differ from what both sides agreed on. Out: calls, each
//! written down with its key and exact body before it is first made. The
//! promise: an outcome that is not known is asked for again by the same call; a
//! refusal becomes words in the row and holds up nobody else; a row edited
//! while its call is out is sent again afterwards. A crash anywhere leaves the
//! call written down, and the next step makes it again.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::id::MerchantId;
use crate::domain::merge::Rule;
use crate::domain::{Timestamp, backoff};
use crate::flows::Step;
use crate::flows::apply::Learning;
use crate::flows::counters::Counters;
use crate::flows::error::FlowError;
use crate::square::client::Square;
use crate::square::error::{Cause, SquareError};
use crate::store::changes::Source;
use crate::store::lease::{Holder, Lease};
use crate::store::outbox::{self, Call};
use crate::store::{Db, Store, StoreResult, customers, edits, images};

mod plan;
mod send;
mod settle;

use send::Reply;
use settle::Settled;

/// What the pusher works with.
#[derive(Clone)]
pub struct Pushing {
    /// The tables.
    pub store: Store,
    /// The seller's directory.
    pub square: Square,
    /// The seller.
    pub merchant: MerchantId,
    /// Who wins a field that both sides changed.
    pub rule: Rule,
    /// Whether a row that an application deletes is deleted at Square, rather than put back.
    pub push_deletes: bool,
    /// Who does the work, for people who ask.
    pub holder: Holder,
    /// What is counted.
    pub counters: Arc<Counters>,
}

/// What the pusher has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Calls that Square took.
    pub taken: u64,
    /// Rows that Square refused.
    pub refused: u64,
    /// Calls whose outcome is not known yet.
    pub unknown: u64,
}

/// The pusher. One [`step`](Self::step) makes at most one call.
pub struct Push {
    with: Pushing,
    lease: Lease,
    pushed: Pushed,
    /// Square wants to be left alone until then.
    paused_until: Option<Timestamp>,
    /// Calls in a row that got no answer.
    failures: u32,
}

impl Push {
    /// A pusher that has done nothing yet.
    pub fn new(with: Pushing) -> Self {
        let lease = Lease::new(&with.merchant, "push", &with.holder);
        Self {
            with,
            lease,
            pushed: Pushed::default(),
            paused_until: None,
            failures: 0,
        }
    }

    /// What has been done since [`new`](Self::new).
    pub fn pushed(&self) -> Pushed {
        self.pushed
    }

    /// Plans what is owed and makes the call that is due first. `random`, in
    /// [0, 1), spreads the waits between attempts. [`Step::Idle`] says that
    /// nothing can be done now; finding that out writes nothing.
    pub async fn step(&mut self, now: Timestamp, random: f64) -> Result<Step, FlowError> {
        if self.paused_until.is_some_and(|until| now < until) || !self.has_work(now).await? {
            self.give_back().await?;
            return Ok(Step::Idle);
        }
        let prepared = self.prepare(now, random).await?;
        let Some(call) = prepared.call else {
            return Ok(if prepared.planned {
                Step::Worked
            } else {
                Step::Idle
            });
        };
        let outcome = send::send(&self.with.square, &call, now).await;
        self.pace(&outcome, now, random);
        let settled = self.settle(call, outcome, now).await?;
        match settled {
            Settled::Taken => self.pushed.taken += 1,
            Settled::Refused => self.pushed.refused += 1,
            Settled::Unknown => self.pushed.unknown += 1,
            Settled::Outdated => {}
            Settled::NotAuthorised(code) => {
                // Nothing can be sent for a while, unless by somebody with another token.
                self.give_back().await?;
                return Err(SquareError::NotAuthorised { code }.into());
            }
        }
        Ok(Step::Worked)
    }

    /// Whether there is anything to plan or a call that is due, and nobody else is at it.
    async fn has_work(&self, now: Timestamp) -> StoreResult<bool> {
        let (merchant, lease) = (self.with.merchant.clone(), self.lease.clone());
        let look = move |db: &mut Db| {
            let has_work = edits::any(db, &merchant)?
                || customers::any_pending(db, &merchant)?
                || images::any_unmerged(db, &merchant)?
                || outbox::due(db, &merchant, now)?.is_some();
            if has_work {
                lease.look(db)?;
            }
            Ok(has_work)
        };
        self.with.store.read(look).await
    }

    /// Commits what is planned, and that the next call is about to be made.
    async fn prepare(&mut self, now: Timestamp, random: f64) -> StoreResult<Prepared> {
        let (lease, learning) = (self.lease.clone(), self.with.learning(now));
        let push_deletes = self.with.push_deletes;
        let prepare = move |db: &mut Db| {
            let lease = lease.hold(db)?;
            let plan = plan::plan(db, &learning, push_deletes)?;
            let call =
                outbox::due(db, &learning.merchant, now)?.map(|call| attempted(call, now, random));
            outbox::put(db, &learning.merchant, call.as_slice())?;
            Ok((lease, plan, call))
        };
        let (lease, plan, call) = self.with.store.write(prepare).await?;
        self.lease = lease;
        self.with.counters.restored.inc_by(plan.restored);
        self.with.counters.push_refused.inc_by(plan.refused);
        self.pushed.refused += plan.refused;
        Ok(Prepared {
            planned: plan.did_something,
            call,
        })
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

    /// Gives the lease back, if it was taken, so that another process need not
    /// wait for its end. The next step takes it again.
    pub async fn give_back(&mut self) -> StoreResult<()> {
        if !self.lease.is_taken() {
            return Ok(());
        }
        let lease = std::mem::replace(
            &mut self.lease,
            Lease::new(&self.with.merchant, "push", &self.with.holder),
        );
        self.with.store.write(move |db| lease.release(db)).await
    }
}

impl Pushing {
    fn learning(&self, now: Timestamp) -> Learning {
        Learning {
            merchant: self.merchant.clone(),
            source: Source::Push,
            rule: self.rule,
            now,
        }
    }
}

/// What one transaction made ready.
struct Prepared {
    planned: bool,
    call: Option<Call>,
}

/// The call as it is written down before it is made: should the answer never
/// come, it is made again then.
fn attempted(call: Call, now: Timestamp, random: f64) -> Call {
    let attempts = call.attempts.saturating_add(1);
    Call {
        attempts,
        first_attempt: call.first_attempt.or(Some(now)),
        next_attempt: later(now, backoff::wait(attempts, None, random)),
        ..call
    }
}

/// `now` and a wait.
fn later(now: Timestamp, wait: Duration) -> Timestamp {
    TimeDelta::from_std(wait)
        .ok()
        .and_then(|wait| now.checked_add_signed(wait))
        .unwrap_or(now)
}
