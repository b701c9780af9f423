//! What applications wrote, turned into calls that Square has to take.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use crate::domain::backoff;
use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, SquareId};
use crate::flows::apply::{self, Learning};
use crate::flows::notice;
use crate::square::body::{create_body, update_body};
use crate::square::error::Refusal;
use crate::store::customers::{self, Row, SyncState, garbled};
use crate::store::images::{self, Held};
use crate::store::outbox::{self, Call, Operation};
use crate::store::{Db, StoreResult};

/// How many edits one transaction takes over.
const EDITS: i64 = 1000;
/// How many rows one transaction plans for: it must stay short, since applications wait for it.
const ROWS: i64 = 100;
/// How often a row may turn out to be old before its next call waits.
const HASTE: u32 = 3;

/// Said of a row that SQLite took and that would not come back from Square.
const NUL: &str = "A value holds a NUL character, which Square cannot keep; write it without";

/// What planning did.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) did_something: bool,
    pub(super) restored: u64,
    /// Rows that Square is known to refuse, and was not asked about.
    pub(super) refused: u64,
}

/// Takes over what applications did, and writes down the calls that follow.
pub(super) fn plan(db: &mut Db, learning: &Learning, push_deletes: bool) -> StoreResult<Plan> {
    images::lock(db, &learning.merchant)?;
    let noticed = notice::take(db, &learning.merchant, EDITS)?;
    let restored = deleted(db, learning, &noticed.deleted, push_deletes)?;
    let came_along = apply::catch_up(db, learning, ROWS)?;
    let pending = customers::pending(db, &learning.merchant, ROWS)?;
    let planned = owed(db, learning, &pending)?;
    Ok(Plan {
        did_something: noticed.any || came_along || planned.did_something,
        restored,
        refused: planned.refused,
    })
}

/// Plans anew for the row of a call that came too late.
pub(super) fn again(db: &mut Db, learning: &Learning, call: &Call) -> StoreResult<()> {
    let id = std::slice::from_ref(&call.customer_id);
    match &call.operation {
        Operation::Delete(square_id) => delete(db, learning, &call.customer_id, square_id)?,
        _ => {
            owed(db, learning, id)?;
        }
    }
    let mut calls = outbox::of_customers(db, id)?;
    for planned in &mut calls {
        // Somebody who keeps changing the profile must not keep us calling without a pause.
        let wait = if call.attempts < HASTE {
            Duration::ZERO
        } else {
            backoff::wait(call.attempts, None, 1.0)
        };
        planned.attempts = call.attempts;
        planned.next_attempt = learning.now + TimeDelta::from_std(wait).unwrap_or_default();
    }
    outbox::put(db, &learning.merchant, &calls)
}

/// Rows that applications deleted: Square is told, or they are put back.
pub(super) fn deleted(
    db: &mut Db,
    learning: &Learning,
    ids: &[CustomerId],
    push_deletes: bool,
) -> StoreResult<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    let there = customers::lock(db, ids)?.rows;
    let gone: Vec<CustomerId> = ids
        .iter()
        .filter(|id| there.iter().all(|row| row.id != **id))
        .cloned()
        .collect();
    for call in outbox::of_customers(db, &gone)? {
        // A create that may have been carried out has to end before its profile can.
        if call.first_attempt.is_none() || !matches!(call.operation, Operation::Create { .. }) {
            outbox::remove(db, &call.customer_id)?;
        }
    }
    if !push_deletes {
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
fn delete(
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
    let call = new_call(
        learning,
        id,
        Operation::Delete(square_id.clone()),
        body,
        Fields::default(),
    );
    outbox::put(db, &learning.merchant, &[call])
}

/// Plans for pending rows.
fn owed(db: &mut Db, learning: &Learning, ids: &[CustomerId]) -> StoreResult<Plan> {
    if ids.is_empty() {
        return Ok(Plan::default());
    }
    let rows = customers::lock(db, ids)?.rows;
    let rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| row.sync_state == SyncState::Pending)
        .collect();
    let images = images::of_customers(db, &learning.merchant, ids)?;
    let mut by_row: HashMap<&CustomerId, Vec<(&SquareId, &Held)>> = HashMap::new();
    for (square_id, held) in &images {
        if let Some(customer) = &held.customer_id {
            by_row.entry(customer).or_default().push((square_id, held));
        }
    }
    let (mut calls, mut settled, mut unlinked) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let profiles = by_row.get(&row.id).map(Vec::as_slice).unwrap_or_default();
        match owed_by(learning, &row, profiles) {
            Owed::Call(call) => calls.push(*call),
            Owed::Nothing => settled.push(Row {
                sync_state: SyncState::Synced,
                sync_error: None,
                ..row
            }),
            Owed::Refused(why) => settled.push(Row {
                sync_state: SyncState::Failed,
                sync_error: Some(why),
                ..row
            }),
            Owed::Link(square_id) => unlinked.push(square_id),
            Owed::Later => {}
        }
    }
    outbox::put(db, &learning.merchant, &calls)?;
    customers::put(db, &learning.merchant, &settled)?;
    let linked = apply::bring_along(db, learning, &unlinked)?;
    let refused = settled
        .iter()
        .filter(|row| row.sync_state == SyncState::Failed);
    Ok(Plan {
        did_something: linked || !calls.is_empty() || !settled.is_empty(),
        refused: u64::try_from(refused.count()).unwrap_or_default(),
        ..Plan::default()
    })
}

/// What a pending row asks for.
enum Owed {
    /// A call.
    Call(Box<Call>),
    /// Nothing: Square has it all.
    Nothing,
    /// Something that Square is known to refuse.
    Refused(String),
    /// To be told its profile again: an application put a new row in the old one's place,
    /// or edited a row whose profile is gone.
    Link(SquareId),
    /// Something that cannot be said yet.
    Later,
}

fn owed_by(learning: &Learning, row: &Row, profiles: &[(&SquareId, &Held)]) -> Owed {
    let own = profiles
        .iter()
        .find(|(id, _)| row.square_id.as_ref() == Some(*id));
    let live = || profiles.iter().find(|(_, held)| held.image.is_live());
    if let Some(field) = row.garbled.keys().next() {
        return Owed::Refused(garbled::sentence(field.column()));
    }
    // A profile that has ended is no row's that was made since.
    match own.or_else(live) {
        _ if row.fields.holds_nul() => Owed::Refused(NUL.to_owned()),
        None if !row.fields.identifies_somebody() => Owed::Refused(Refusal::of_nobody()),
        None => {
            let key = new_key();
            let body = create_body(&row.fields, Some(row.id.as_str()), &key);
            Owed::Call(Box::new(new_call(
                learning,
                &row.id,
                Operation::Create { key },
                body,
                row.fields.clone(),
            )))
        }
        Some((_, held)) if held.unmerged => Owed::Later,
        Some((id, _)) if row.square_id.is_none() => Owed::Link((*id).clone()),
        Some((id, held)) if !held.image.is_live() => Owed::Link((*id).clone()),
        Some((id, held)) => {
            let remote = held.image.profile.fields();
            let differing: Vec<Field> = row.fields.differing(&remote).collect();
            if differing.is_empty() {
                return Owed::Nothing;
            }
            let body = update_body(&row.fields, &differing, held.image.profile.version());
            Owed::Call(Box::new(new_call(
                learning,
                &row.id,
                Operation::Update((*id).clone()),
                body,
                row.fields.clone(),
            )))
        }
    }
}

fn new_call(
    learning: &Learning,
    id: &CustomerId,
    operation: Operation,
    body: String,
    sent: Fields,
) -> Call {
    Call {
        customer_id: id.clone(),
        operation,
        body,
        sent,
        attempts: 0,
        next_attempt: learning.now,
        first_attempt: None,
        created: learning.now,
    }
}

/// A key that no call had before.
pub(super) fn new_key() -> String {
    Uuid::new_v4().to_string()
}
