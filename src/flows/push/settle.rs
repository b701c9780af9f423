//! What became of calls, taken into the tables in one transaction: of one call,
//! or of all that went out together, each by its own outcome.

use chrono::TimeDelta;

use crate::domain::Timestamp;
use crate::domain::id::CustomerId;
use crate::domain::observation::Observation;
use crate::domain::seeded::{self, Bug};
use crate::flows::apply::{self, Learning};
use crate::flows::push::send::Reply;
use crate::flows::push::{adopt, deletes, plan};
use crate::square::error::{Cause, Refusal, SquareError};
use crate::store::customers::{self, Row, SyncState};
use crate::store::outbox::{self, Call, Operation};
use crate::store::{Db, StoreResult, refusals};

/// A call that was made, and what came of it.
pub(super) type Ended = (Call, Result<Reply, SquareError>);

/// How a call ended.
#[derive(Debug)]
pub(super) enum Settled {
    /// Square did what was asked, which is this.
    Taken(&'static str),
    /// Square refused; the row says why.
    Refused,
    /// The profile had changed or gone before, or was there already; what is still owed is planned anew.
    Outdated,
    /// Nobody knows; the same call is made again.
    Unknown,
    /// Square takes no calls with this token.
    NotAuthorised(String),
}

/// Takes the outcomes in of calls that were made in a step that `began` at this
/// moment of Square's clock. Gives how each call ended, in any order.
pub(super) fn settle(
    db: &mut Db,
    learning: &Learning,
    ended: Vec<Ended>,
    began: Option<Timestamp>,
    push_deletes: bool,
) -> StoreResult<Vec<Settled>> {
    let ids: Vec<CustomerId> = ended.iter().map(|(it, _)| it.customer_id.clone()).collect();
    let found = customers::lock(db, &ids)?;
    let (mut settled, mut done, mut old) = (Vec::new(), Vec::new(), Vec::new());
    let (mut refused, mut delayed) = (Vec::new(), Vec::new());
    for (call, outcome) in ended {
        let is_locked = found.locked.contains(&call.customer_id);
        match outcome {
            // An application holds the row: the same call is made again once it does not, and changes nothing more.
            Ok(_) | Err(SquareError::Refused(_)) if is_locked => {
                settled.push(Settled::Unknown);
            }
            Ok(reply) if reply.is_done => done.push((call, reply)),
            Ok(reply) => old.push((call, reply)),
            Err(SquareError::Refused(refusal)) => refused.push((call, refusal)),
            Err(SquareError::NotAuthorised { code }) => settled.push(Settled::NotAuthorised(code)),
            Err(SquareError::Retry { cause, .. }) if is_made_anew(&call, cause) => {
                settled.push(make_anew(db, learning, &call)?);
            }
            Err(error) => delayed.push((call, error)),
        }
    }
    // The rows are as they were read only until an answer is taken in.
    refuse(db, learning, &refused, &found.rows)?;
    taken(db, learning, &done, &found.rows, push_deletes)?;
    outdated(db, learning, &old, began)?;
    wait_longer(db, learning, &delayed)?;
    settled.extend(
        done.iter()
            .map(|(call, _)| Settled::Taken(call.operation.as_str())),
    );
    settled.extend(old.iter().map(|_| Settled::Outdated));
    settled.extend(refused.iter().map(|_| Settled::Refused));
    settled.extend(delayed.iter().map(|_| Settled::Unknown));
    Ok(settled)
}

/// Whether a create whose outcome is not known is made under another key: never, but by mistake.
fn is_made_anew(call: &Call, cause: Cause) -> bool {
    let is_mistaken = seeded::is_on(Bug::NewKeyForEachTry)
        || cause == Cause::RateLimited && seeded::is_on(Bug::RateLimitMeansNotDone);
    is_mistaken && matches!(call.operation, Operation::Create { .. })
}

fn make_anew(db: &mut Db, learning: &Learning, call: &Call) -> StoreResult<Settled> {
    let id = std::slice::from_ref(&call.customer_id);
    refusals::count(db, &learning.merchant, id)?;
    outbox::remove(db, id)?;
    Ok(Settled::Outdated)
}

/// Takes in what Square made of calls.
fn taken(
    db: &mut Db,
    learning: &Learning,
    done: &[(Call, Reply)],
    rows: &[Row],
    push_deletes: bool,
) -> StoreResult<()> {
    let (mut answers, mut others) = (Vec::new(), Vec::new());
    let (mut made, mut written, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let mut any_delete = false;
    for (call, reply) in done {
        let id = call.customer_id.clone();
        tracing::info!(customer.id = %id, operation = call.operation.as_str(), "Square has taken the row");
        let is_delete = matches!(call.operation, Operation::Delete(_));
        match reply.observations.as_slice() {
            [only] if !is_delete => answers.push((call, only)),
            several => others.extend_from_slice(several),
        }
        any_delete |= is_delete;
        if !is_delete && rows.iter().all(|row| row.id != id) {
            gone.push(id.clone());
        }
        match call.operation {
            Operation::Create { .. } => made.push(id),
            Operation::Update(_) | Operation::Delete(_) => written.push(id),
        }
    }
    apply::answers(db, learning, &answers)?;
    learn(db, learning, &others)?;
    outbox::remove(db, &written)?;
    adopt::settled(db, learning, &made)?;
    if any_delete {
        deletes::lower(db, &learning.merchant)?;
    }
    // An application deleted these rows while their calls were out.
    deletes::deleted(db, learning, &gone, push_deletes).map(drop)
}

/// Takes in what Square shows of profiles that had changed or gone before, and plans anew.
fn outdated(
    db: &mut Db,
    learning: &Learning,
    old: &[(Call, Reply)],
    began: Option<Timestamp>,
) -> StoreResult<()> {
    let shown: Vec<Observation> = old
        .iter()
        .flat_map(|(_, reply)| reply.observations.clone())
        .collect();
    learn(db, learning, &shown)?;
    let ids: Vec<CustomerId> = old
        .iter()
        .map(|(call, _)| call.customer_id.clone())
        .collect();
    outbox::remove(db, &ids)?;
    for (call, _) in old {
        plan::again(db, learning, call, call.first_attempt == began)?;
    }
    Ok(())
}

fn learn(db: &mut Db, learning: &Learning, shown: &[Observation]) -> StoreResult<()> {
    if shown.is_empty() {
        return Ok(());
    }
    apply::apply(db, learning, shown).map(drop)
}

/// Writes refusals into the rows, unless a row was edited since its call was made up.
fn refuse(
    db: &mut Db,
    learning: &Learning,
    refused: &[(Call, Refusal)],
    rows: &[Row],
) -> StoreResult<()> {
    let mut failed = Vec::new();
    for row in rows {
        let of_row =
            |(call, _): &&(Call, Refusal)| call.customer_id == row.id && call.sent == row.fields;
        if let Some((_, refusal)) = refused.iter().find(of_row) {
            failed.push(Row {
                sync_state: SyncState::Failed,
                sync_error: Some(refusal.sentence().to_owned()),
                ..row.clone()
            });
        }
    }
    customers::put(db, &learning.merchant, &failed)?;
    let (mut creates, mut all) = (Vec::new(), Vec::new());
    for (call, refusal) in refused {
        let id = &call.customer_id;
        tracing::warn!(customer.id = %id, code = refusal.code, "Square refuses the row; sync_error says why");
        if matches!(call.operation, Operation::Create { .. }) {
            // What is tried next is another call.
            creates.push(id.clone());
        }
        all.push(id.clone());
    }
    refusals::count(db, &learning.merchant, &creates)?;
    outbox::remove(db, &all)
}

/// Keeps the wait that Square asked for, where it is longer than ours.
fn wait_longer(
    db: &mut Db,
    learning: &Learning,
    delayed: &[(Call, SquareError)],
) -> StoreResult<()> {
    let mut longer = Vec::new();
    for (call, error) in delayed {
        tracing::warn!(customer.id = %call.customer_id, attempt = call.attempts, %error, "the call will be made again");
        let SquareError::Retry {
            after: Some(after), ..
        } = error
        else {
            continue;
        };
        let asked = learning.now + TimeDelta::from_std(*after).unwrap_or_default();
        longer.push(Call {
            next_attempt: call.next_attempt.max(asked),
            ..call.clone()
        });
    }
    put_back(db, learning, longer, |call| call)
}

/// Writes calls down with a change, but for those that were dropped while they
/// were out: their profiles have ended.
pub(super) fn put_back(
    db: &mut Db,
    learning: &Learning,
    calls: Vec<Call>,
    changed: impl Fn(Call) -> Call,
) -> StoreResult<()> {
    let ids: Vec<CustomerId> = calls.iter().map(|it| it.customer_id.clone()).collect();
    let stored = outbox::of_customers(db, &ids)?;
    let is_stored = |call: &Call| {
        let mut stored = stored.iter();
        stored.any(|it| it.customer_id == call.customer_id && it.body == call.body)
    };
    let calls = calls.into_iter().filter(is_stored).map(changed);
    outbox::put(db, &learning.merchant, &calls.collect::<Vec<_>>())
}
