//! Flow 3: what applications write gets to Square.
//!
//! In: rows that differ from what both sides agreed on. Out: calls, each
//! written down with its key and exact body before it is first made: one row's
//! where one waits, up to a hundred rows' together where more do. The promise: an
//! outcome that is not known is asked for again by the same call; a refusal
//! becomes words in the row and holds up nobody else; a row edited while its call
//! is out is sent again afterwards. A crash anywhere leaves the call written down,
//! and the next step makes it again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::id::{CustomerId, MerchantId};
use crate::domain::lookalike::Matching;
use crate::domain::merge::Rule;
use crate::domain::{Timestamp, backoff};
use crate::flows::Step;
use crate::flows::apply::Learning;
use crate::flows::caught_up::CaughtUp;
use crate::flows::counters::Counters;
use crate::flows::error::FlowError;
use crate::square::client::Square;
use crate::square::error::SquareError;
use crate::store::changes::Source;
use crate::store::lease::{Holder, Lease};
use crate::store::outbox::{self, Call};
use crate::store::{Db, Store, StoreResult, customers, edits, images};

mod adopt;
mod carry;
mod create;
mod deletes;
mod entries;
mod look;
mod plan;
mod prepare;
mod send;
mod settle;
mod together;

use together::Room;

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
    /// Whether a person approved that many are deleted at once.
    pub approved: bool,
    /// By what a customer is looked for at Square before it is made there.
    pub matching: Matching,
    /// Whether it is known what was made at Square before this process started.
    pub caught_up: CaughtUp,
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
    /// How many rows may go out in one call.
    room: Room,
    /// Whether the next step's rows were planned for while the last call was out.
    is_planned: bool,
    /// Of creates whose keys Square knows with other bodies: since when, by Square's clock.
    reused: HashMap<CustomerId, Timestamp>,
    /// When the step under way, or the last one, began, by Square's clock.
    began: Option<Timestamp>,
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
            room: Room::ALL,
            is_planned: false,
            reused: HashMap::new(),
            began: None,
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
        let is_paused = |until| !backoff::is_over(until, now);
        let work = match self.paused_until.is_some_and(is_paused) {
            true => Work::None,
            false => self.work(now).await?,
        };
        let square = &self.with.square;
        let began = match work {
            Work::None => {
                self.is_planned = false;
                self.give_back().await?;
                return Ok(Step::Idle);
            }
            Work::Any => square.square_time().await?,
            // Its key may be too old by now, whatever was counted meanwhile: a machine may sleep.
            Work::Repeats => square.square_time_now().await?,
        };
        self.began = Some(began);
        let (planned, (calls, question)) = self.prepare(began, now, random).await?;
        let is_idle = calls.is_empty() && !planned;
        let refused = Box::pin(self.carry(calls, question, now, random)).await?;
        if let Some(code) = refused {
            // Nothing can be sent for a while, unless by somebody with another token.
            self.give_back().await?;
            return Err(SquareError::NotAuthorised { code }.into());
        }
        Ok(if is_idle { Step::Idle } else { Step::Worked })
    }

    /// Whether there is anything to plan or a call that is due, and nobody else is at it.
    async fn work(&self, now: Timestamp) -> StoreResult<Work> {
        let (with, lease) = (self.with.clone(), self.lease.clone());
        let merchant = with.merchant.clone();
        let look = move |db: &mut Db| {
            let has_work = edits::any(db, &merchant)?
                || customers::any_pending(db, &merchant)?
                || images::any_unmerged(db, &merchant)?
                || deletes::due(db, &with, now)?.is_some();
            if !has_work {
                return Ok(Work::None);
            }
            lease.look(db)?;
            let tried = outbox::creates_in_flight(db, &merchant)?;
            let is_due = |call: &Call| backoff::is_over(call.next_attempt, now);
            Ok(match tried.iter().any(is_due) {
                true => Work::Repeats,
                false => Work::Any,
            })
        };
        self.with.store.read(look).await
    }

    /// How many deletes wait for a person.
    pub async fn held(&self) -> StoreResult<i64> {
        let with = self.with.clone();
        let held = self.with.store.read(move |db| deletes::held(db, &with));
        held.await
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

/// What there is to do.
enum Work {
    None,
    Any,
    /// Among it a create that was tried before.
    Repeats,
}

/// `now` and a wait.
fn later(now: Timestamp, wait: Duration) -> Timestamp {
    TimeDelta::from_std(wait)
        .ok()
        .and_then(|wait| now.checked_add_signed(wait))
        .unwrap_or(now)
}
