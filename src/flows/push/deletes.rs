//! Rows that applications deleted.
//!
//! In: their ids. Out: calls that delete the profiles, or the rows put back. The
//! promise: many at once are not carried to Square before a person approved,
//! since one wrong statement deletes a whole table; nothing else waits for that,
//! and while it stands nothing is written.

use crate::domain::Timestamp;
use crate::domain::cap;
use crate::domain::field::Fields;
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::domain::seeded::{self, Bug};
use crate::flows::apply::{self, Learning};
use crate::flows::push::Pushing;
use crate::flows::push::plan::new_call;
use crate::store::outbox::{self, Call, Operation};
use crate::store::{Db, StoreResult, alarms, conflicts, customers, edits, images, refusals};

/// How many rows one transaction puts back: it must stay short.
const ROWS: i64 = 100;

/// Rows that applications deleted: Square is told, or they are put back. Gives
/// how many were put back.
pub(super) fn deleted(
    db: &mut Db,
    learning: &Learning,
    ids: &[CustomerId],
    push_deletes: bool,
) -> StoreResult<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    let found = customers::lock(db, ids)?;
    let is_there =
        |id: &CustomerId| found.rows.iter().any(|row| row.id == *id) || found.locked.contains(id);
    let gone: Vec<CustomerId> = ids.iter().filter(|id| !is_there(id)).cloned().collect();
    let mut needless = outbox::of_customers(db, &gone)?;
    // A create that may have been carried out has to end before its profile can.
    needless.retain(|call| {
        call.first_attempt.is_none() || !matches!(call.operation, Operation::Create { .. })
    });
    let needless: Vec<CustomerId> = needless.into_iter().map(|call| call.customer_id).collect();
    outbox::remove(db, &needless)?;
    refusals::forget(db, &gone)?;
    conflicts::withdraw(db, &gone, learning.now)?;
    if !push_deletes && !seeded::is_on(Bug::DeleteNobodyAskedFor) {
        let restored = apply::restore(db, learning, &gone)?;
        for id in &restored {
            tracing::warn!(customer.id = %id, "a deleted row was put back; SQUARESYNC_PUSH_DELETES=true deletes at Square instead");
        }
        return Ok(u64::try_from(restored.len()).unwrap_or_default());
    }
    for (square_id, held) in images::of_customers(db, &learning.merchant, &gone)? {
        if let Some(id) = held.customer_id.filter(|_| held.image.is_live()) {
            delete(db, learning, &id, &square_id)?;
        }
    }
    Ok(0)
}

/// Writes down that a profile is to be deleted, on top of the version we know.
pub(super) fn delete(
    db: &mut Db,
    learning: &Learning,
    id: &CustomerId,
    square_id: &SquareId,
) -> StoreResult<()> {
    let held = images::load(db, &learning.merchant, std::slice::from_ref(square_id))?;
    let Some((_, held)) = held.into_iter().find(|(_, held)| held.image.is_live()) else {
        return Ok(());
    };
    let body = held.image.profile.version().to_string();
    let delete = Operation::Delete(square_id.clone());
    let call = new_call(learning, id, delete, body, Fields::default());
    outbox::put(db, &learning.merchant, &[call])
}

/// The call that is due first, leaving out deletes that wait for a person.
pub(super) fn due(db: &mut Db, with: &Pushing, now: Timestamp) -> StoreResult<Option<Call>> {
    let due = outbox::due(db, &with.merchant, now, true)?;
    if due.as_ref().is_some_and(is_delete) && 0 < held(db, with)? {
        return outbox::due(db, &with.merchant, now, false);
    }
    Ok(due)
}

/// How many deletes wait for a person.
pub(super) fn held(db: &mut Db, with: &Pushing) -> StoreResult<i64> {
    let is_held = with.push_deletes
        && !with.approved
        && alarms::is_raised(db, &with.merchant, alarms::DELETES)?;
    if is_held {
        outbox::count_deletes(db, &with.merchant)
    } else {
        Ok(0)
    }
}

/// Like [`due`], for one that is about to be called: too many deletes at once
/// are held from here on, and those that are not wanted any more are given up.
/// Gives how many rows were put back, too.
pub(super) fn next(
    db: &mut Db,
    learning: &Learning,
    with: &Pushing,
) -> StoreResult<(Option<Call>, u64)> {
    let due = self::due(db, with, learning.now)?;
    let Some(call) = due.as_ref().filter(|call| is_delete(call)) else {
        return Ok((due, 0));
    };
    let mut restored = 0;
    if !with.push_deletes && call.first_attempt.is_none() {
        let untold = outbox::untold_deletes(db, &learning.merchant, ROWS)?;
        restored = deleted(db, learning, &untold, false)?;
        lower(db, &learning.merchant)?;
    } else if with.push_deletes && !with.approved && is_too_many(db, &learning.merchant)? {
        raise(db, learning)?;
    } else {
        return Ok((due, 0));
    }
    Ok((self::due(db, with, learning.now)?, restored))
}

/// Keeps the words of an alarm that stands true, and takes it back when nothing waits any more.
pub(super) fn watch(db: &mut Db, learning: &Learning) -> StoreResult<()> {
    if !lower(db, &learning.merchant)?
        && alarms::is_raised(db, &learning.merchant, alarms::DELETES)?
    {
        raise(db, learning)?;
    }
    Ok(())
}

/// Takes the alarm back where nothing waits any more. Gives whether it did.
pub(super) fn lower(db: &mut Db, merchant: &MerchantId) -> StoreResult<bool> {
    if !alarms::is_raised(db, merchant, alarms::DELETES)? || 0 < waiting(db, merchant)? {
        return Ok(false);
    }
    tracing::info!("no deletion of a customer waits for approval any more");
    alarms::clear(db, merchant, alarms::DELETES)
}

fn raise(db: &mut Db, learning: &Learning) -> StoreResult<()> {
    let is_new = !alarms::is_raised(db, &learning.merchant, alarms::DELETES)?;
    let detail = format!(
        "{} rows were deleted here, more than Square is told of without approval. \
         squaresync push --approve deletes these customers at Square; \
         SQUARESYNC_PUSH_DELETES=false puts the rows back.",
        waiting(db, &learning.merchant)?
    );
    alarms::raise(
        db,
        &learning.merchant,
        alarms::DELETES,
        &detail,
        learning.now,
    )?;
    if is_new {
        tracing::error!("{detail}");
    }
    Ok(())
}

fn is_too_many(db: &mut Db, merchant: &MerchantId) -> StoreResult<bool> {
    let waiting = waiting(db, merchant)?;
    // Counting all rows takes a while, and is hardly ever needed.
    if waiting <= cap::allowed(0) {
        return Ok(false);
    }
    let live = customers::count::live(db, merchant)?;
    Ok(cap::allowed(u64::try_from(live).unwrap_or_default()) < waiting)
}

/// How many rows were deleted of which Square has not been told.
fn waiting(db: &mut Db, merchant: &MerchantId) -> StoreResult<u64> {
    let waiting = outbox::count_deletes(db, merchant)? + edits::count_deletes(db, merchant)?;
    Ok(u64::try_from(waiting).unwrap_or_default())
}

fn is_delete(call: &Call) -> bool {
    matches!(call.operation, Operation::Delete(_))
}
