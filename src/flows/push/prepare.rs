//! What is written down before a call is made.
//!
//! In: pending rows. Out: the calls they ask for, and those of them that go out
//! next. While a call with several rows is out, which is Square's time and not
//! ours, the rows after them are planned for. A crash forgets only that they are
//! planned: looking again finds nothing more to plan.

use crate::domain::seeded::{self, Bug};
use crate::domain::{Timestamp, backoff};
use crate::flows::push::look::Question;
use crate::flows::push::plan::{self, Plan};
use crate::flows::push::{Push, create, deletes, later, together};
use crate::store::outbox::{self, Call, Operation};
use crate::store::{Db, StoreResult};

/// What goes out next: nothing, one row's call and what to ask before it is
/// made, or several rows' calls together.
pub(super) type Due = (Vec<Call>, Option<Question>);

impl Push {
    /// Commits what is planned, and that the next call is about to be made.
    /// Gives whether anything was planned, and the call.
    pub(super) async fn prepare(
        &mut self,
        began: Timestamp,
        now: Timestamp,
        random: f64,
    ) -> StoreResult<(bool, Due)> {
        let (lease, with, room) = (self.lease.clone(), self.with.clone(), self.room);
        let since = with.caught_up.since(began, create::SEARCH_LAG);
        let is_planned = std::mem::take(&mut self.is_planned);
        let prepare = move |db: &mut Db| {
            let (lease, learning) = (lease.hold(db)?, with.learning(now));
            let mut plan = match is_planned {
                true => plan::notice(db, &learning, &with)?,
                false => plan::plan(db, &learning, &with)?,
            };
            plan.did_something |= is_planned;
            let (due, restored) = deletes::next(db, &learning, &with)?;
            plan.restored += restored;
            let is_due = due.is_some();
            let (mut calls, question) = match due {
                Some(due) => together::gather(db, &learning, &with, due, room, since, began)?,
                None => (Vec::new(), None),
            };
            plan.did_something |= is_due && calls.is_empty();
            for call in &mut calls {
                attempt(call, now, random);
                // One before which something is asked is not made yet.
                if question.is_none() {
                    call.first_attempt = call.first_attempt.or(Some(first(call, since, began)));
                }
            }
            if seeded::is_on(Bug::SentBeforeSaved) {
                let ids: Vec<_> = calls.iter().map(|call| call.customer_id.clone()).collect();
                outbox::remove(db, &ids)?;
            } else {
                outbox::put(db, &learning.merchant, &calls)?;
            }
            Ok((lease, plan, (calls, question)))
        };
        let (lease, plan, due) = self.with.store.write(prepare).await?;
        self.lease = lease;
        Ok((self.count(&plan), due))
    }

    /// Plans for the next rows while so many calls are out, unless there was room for
    /// more of them. Trouble is the next step's, which plans then.
    pub(super) async fn plan_ahead(&self, out: usize, now: Timestamp) -> Plan {
        if self.room.is_left(out) {
            return Plan::default();
        }
        let (lease, with) = (self.lease.clone(), self.with.clone());
        let ahead = self.with.store.write(move |db: &mut Db| {
            lease.hold(db)?;
            plan::ahead(db, &with.learning(now))
        });
        ahead.await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the next rows are not planned for yet");
            Plan::default()
        })
    }

    /// Counts what a plan did, and says whether that was anything.
    pub(super) fn count(&mut self, plan: &Plan) -> bool {
        self.with.counters.restored.inc_by(plan.restored);
        self.with.counters.push_refused.inc_by(plan.refused);
        self.pushed.refused += plan.refused;
        plan.did_something || 0 < plan.restored
    }
}

/// When a call that `began` now was first made. A create that nobody looked for may be
/// one of an earlier life of the database, from `since` on, and its key as old as that.
fn first(call: &Call, since: Option<Timestamp>, began: Timestamp) -> Timestamp {
    match call.operation {
        Operation::Create { .. } => since.map_or(began, |since| since.min(began)),
        Operation::Update(_) | Operation::Delete(_) => began,
    }
}

/// Makes the call what is written down before it is made: should the answer never
/// come, it is made again then.
fn attempt(call: &mut Call, now: Timestamp, random: f64) {
    call.attempts = call.attempts.saturating_add(1);
    call.next_attempt = later(now, backoff::wait(call.attempts, None, random));
}
