//! The outcome of a call, taken into the tables in one transaction.

use chrono::TimeDelta;

use crate::domain::id::MerchantId;
use crate::domain::seeded::{self, Bug};
use crate::flows::apply::{self, Learning};
use crate::flows::push::send::Reply;
use crate::flows::push::{adopt, create, deletes, plan};
use crate::square::error::{Cause, SquareError};
use crate::store::customers::{self, Row, SyncState};
use crate::store::outbox::{self, Call, Operation};
use crate::store::{Db, StoreResult, refusals};

/// How a call ended.
#[derive(Debug)]
pub(super) enum Settled {
    /// Square did what was asked.
    Taken,
    /// Square refused; the row says why.
    Refused,
    /// The profile had changed or gone before, or was there already; what is still owed is planned anew.
    Outdated,
    /// Nobody knows; the same call is made again.
    Unknown,
    /// Square takes no calls with this token.
    NotAuthorised(String),
}

/// Takes the outcome in.
pub(super) fn settle(
    db: &mut Db,
    learning: &Learning,
    call: Call,
    outcome: Result<Reply, SquareError>,
    push_deletes: bool,
) -> StoreResult<Settled> {
    let id = &call.customer_id;
    let found = customers::lock(db, std::slice::from_ref(id))?;
    match outcome {
        // An application holds the row: the same call is made again once it does not, and changes nothing more.
        Ok(_) | Err(SquareError::Refused(_) | SquareError::KeyReused)
            if !found.locked.is_empty() =>
        {
            Ok(Settled::Unknown)
        }
        Ok(reply) if reply.is_done => {
            taken(db, learning, &call, &reply)?;
            if found.rows.is_empty() && !matches!(call.operation, Operation::Delete(_)) {
                // An application deleted the row while the call was out.
                deletes::deleted(db, learning, std::slice::from_ref(id), push_deletes)?;
            }
            Ok(Settled::Taken)
        }
        Ok(reply) => {
            apply::apply(db, learning, &reply.observations)?;
            outbox::remove(db, id)?;
            plan::again(db, learning, &call)?;
            Ok(Settled::Outdated)
        }
        Err(SquareError::Refused(refusal)) => {
            let sentence = refusal.sentence();
            refuse(db, &learning.merchant, &call, found.rows, sentence)?;
            tracing::warn!(customer.id = %id, code = refusal.code, "Square refuses the row; sync_error says why");
            Ok(Settled::Refused)
        }
        Err(SquareError::NotAuthorised { code }) => Ok(Settled::NotAuthorised(code)),
        Err(SquareError::KeyReused) => {
            create::key_was_used(db, learning, &call, found.rows.first())
        }
        Err(SquareError::Retry { cause, .. }) if is_made_anew(&call, cause) => {
            make_anew(db, learning, &call)
        }
        Err(error) => {
            wait_longer(db, learning, &call, &error)?;
            tracing::warn!(customer.id = %id, attempt = call.attempts, %error, "the call will be made again");
            Ok(Settled::Unknown)
        }
    }
}

/// Whether a create whose outcome is not known is made under another key: never, but by mistake.
fn is_made_anew(call: &Call, cause: Cause) -> bool {
    let is_mistaken = seeded::is_on(Bug::NewKeyForEachTry)
        || cause == Cause::RateLimited && seeded::is_on(Bug::RateLimitMeansNotDone);
    is_mistaken && matches!(call.operation, Operation::Create { .. })
}

fn make_anew(db: &mut Db, learning: &Learning, call: &Call) -> StoreResult<Settled> {
    refusals::count(db, &learning.merchant, &call.customer_id)?;
    outbox::remove(db, &call.customer_id)?;
    Ok(Settled::Outdated)
}

/// Takes in what Square made of a call.
fn taken(db: &mut Db, learning: &Learning, call: &Call, reply: &Reply) -> StoreResult<()> {
    match reply.observations.as_slice() {
        [only] if !matches!(call.operation, Operation::Delete(_)) => {
            apply::answer(db, learning, call, only)?;
        }
        several => drop(apply::apply(db, learning, several)?),
    }
    tracing::info!(customer.id = %call.customer_id, operation = call.operation.as_str(), "Square has taken the row");
    match call.operation {
        Operation::Create { .. } => adopt::settled(db, learning, &call.customer_id),
        Operation::Update(_) => outbox::remove(db, &call.customer_id),
        Operation::Delete(_) => {
            outbox::remove(db, &call.customer_id)?;
            deletes::lower(db, &learning.merchant).map(drop)
        }
    }
}

/// Writes a refusal into the row, unless the row was edited since the call was made up.
fn refuse(
    db: &mut Db,
    merchant: &MerchantId,
    call: &Call,
    rows: Vec<Row>,
    sentence: &str,
) -> StoreResult<()> {
    let refused = rows
        .into_iter()
        .filter(|row| row.fields == call.sent)
        .map(|mut row| {
            row.sync_state = SyncState::Failed;
            row.sync_error = Some(sentence.to_owned());
            row
        });
    customers::put(db, merchant, &refused.collect::<Vec<_>>())?;
    if matches!(call.operation, Operation::Create { .. }) {
        // What is tried next is another call.
        refusals::count(db, merchant, &call.customer_id)?;
    }
    outbox::remove(db, &call.customer_id)
}

/// Keeps the wait that Square asked for, where it is longer than ours.
fn wait_longer(
    db: &mut Db,
    learning: &Learning,
    call: &Call,
    error: &SquareError,
) -> StoreResult<()> {
    let SquareError::Retry {
        after: Some(after), ..
    } = error
    else {
        return Ok(());
    };
    let stored = outbox::of_customers(db, std::slice::from_ref(&call.customer_id))?;
    if stored.iter().all(|stored| stored.body != call.body) {
        // It was dropped while it was out: its profile has ended.
        return Ok(());
    }
    let asked = learning.now + TimeDelta::from_std(*after).unwrap_or_default();
    let next_attempt = call.next_attempt.max(asked);
    let call = Call {
        next_attempt,
        ..call.clone()
    };
    outbox::put(db, &learning.merchant, &[call])
}
