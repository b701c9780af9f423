//! The outcome of a call, taken into the tables in one transaction.

use chrono::TimeDelta;

use crate::domain::id::MerchantId;
use crate::flows::apply::{self, Learning};
use crate::flows::push::plan;
use crate::flows::push::send::Reply;
use crate::square::body::create_body;
use crate::square::error::SquareError;
use crate::store::customers::{self, Row, SyncState};
use crate::store::outbox::{self, Call, Operation};
use crate::store::{Db, StoreResult};

/// How a call ended.
#[derive(Debug)]
pub(super) enum Settled {
    /// Square did what was asked.
    Taken,
    /// Square refused; the row says why.
    Refused,
    /// The profile had changed or gone before; what is still owed is planned anew.
    Outdated,
    /// Nobody knows; the same call is made again.
    Unknown,
    /// Square takes no calls with this token.
    NotAuthorised(String),
}

/// How long a call waits under a new key for what the old one may have made to show up in searches.
const SEARCH_LAG: TimeDelta = TimeDelta::minutes(2);

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
        Ok(_) | Err(SquareError::Refused(_)) if !found.locked.is_empty() => Ok(Settled::Unknown),
        Ok(reply) if reply.is_done => {
            taken(db, learning, &call, &reply)?;
            if found.rows.is_empty() && !matches!(call.operation, Operation::Delete(_)) {
                // An application deleted the row while the call was out.
                plan::deleted(db, learning, std::slice::from_ref(id), push_deletes)?;
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
            refuse(
                db,
                &learning.merchant,
                &call,
                found.rows,
                refusal.sentence(),
            )?;
            tracing::warn!(customer.id = %id, code = refusal.code, "Square refuses the row; sync_error says why");
            Ok(Settled::Refused)
        }
        Err(SquareError::NotAuthorised { code }) => Ok(Settled::NotAuthorised(code)),
        Err(SquareError::KeyReused) => {
            renew(db, learning, &call)?;
            Ok(Settled::Outdated)
        }
        Err(error) => {
            wait_longer(db, learning, &call, &error)?;
            tracing::warn!(customer.id = %id, attempt = call.attempts, %error, "the call will be made again");
            Ok(Settled::Unknown)
        }
    }
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
    outbox::remove(db, &call.customer_id)
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
    let asked = learning.now + TimeDelta::from_std(*after).unwrap_or_default();
    let next_attempt = call.next_attempt.max(asked);
    let call = Call {
        next_attempt,
        ..call.clone()
    };
    outbox::put(db, &learning.merchant, &[call])
}

/// Gives a create a new key, since Square knows the old one with other bytes
/// and nothing that carries our row's id.
fn renew(db: &mut Db, learning: &Learning, call: &Call) -> StoreResult<()> {
    let key = plan::new_key();
    let body = create_body(&call.sent, Some(call.customer_id.as_str()), &key);
    let renewed = Call {
        operation: Operation::Create { key },
        body,
        next_attempt: learning.now + SEARCH_LAG,
        ..call.clone()
    };
    tracing::warn!(customer.id = %call.customer_id, "Square knows the call's key with another body; it is made under a new one");
    outbox::put(db, &learning.merchant, &[renewed])
}
