//! What applications wrote, turned into calls that Square has to take.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::backoff;
use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, SquareId};
use crate::flows::apply::{self, Learning};
use crate::flows::notice;
use crate::flows::push::{Pushing, create, deletes};
use crate::square::body::update_body;
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

/// How often a row may turn out to be old before a person is told.
const TOO_OFTEN: u32 = 30;

/// Said of a row that SQLite took and that would not come back from Square.
const NUL: &str = "A value holds a NUL character, which Square cannot keep; write it without";

/// Said of a row whose profile is always newer than we think.
const OVERTAKEN: &str = "This customer changed at Square each time the row was sent; \
    change the row once more to send it again";

/// What planning did.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) did_something: bool,
    pub(super) restored: u64,
    /// Rows that Square is known to refuse, and was not asked about.
    pub(super) refused: u64,
}

/// Takes over what applications did.
pub(super) fn notice(db: &mut Db, learning: &Learning, with: &Pushing) -> StoreResult<Plan> {
    images::lock(db, &learning.merchant)?;
    let noticed = notice::take(db, &learning.merchant, EDITS)?;
    let restored = deletes::deleted(db, learning, &noticed.deleted, with.push_deletes)?;
    if noticed.any {
        deletes::watch(db, learning)?;
    }
    let came_along = apply::catch_up(db, learning, ROWS)?;
    Ok(Plan {
        did_something: noticed.any || came_along,
        restored,
        refused: 0,
    })
}

/// Takes over what applications did, and writes down the calls that follow.
pub(super) fn plan(db: &mut Db, learning: &Learning, with: &Pushing) -> StoreResult<Plan> {
    let noticed = notice(db, learning, with)?;
    let planned = next(db, learning)?;
    Ok(Plan {
        did_something: noticed.did_something || planned.did_something,
        refused: planned.refused,
        ..noticed
    })
}

/// Writes down the calls that follow from rows of which none is out. What
/// applications do is not taken over: a row whose call is out may be deleted, and
/// what that asks for hangs on the answer.
pub(super) fn ahead(db: &mut Db, learning: &Learning) -> StoreResult<Plan> {
    images::lock(db, &learning.merchant)?;
    next(db, learning)
}

/// Plans for the next rows that are pending.
fn next(db: &mut Db, learning: &Learning) -> StoreResult<Plan> {
    let pending = customers::pending(db, &learning.merchant, ROWS)?;
    owed(db, learning, &pending)
}

/// Plans anew for the row of a call that came too late. After too many of these
/// in a row the row says so, and waits for another edit.
pub(super) fn again(
    db: &mut Db,
    learning: &Learning,
    call: &Call,
    is_first: bool,
) -> StoreResult<()> {
    let id = std::slice::from_ref(&call.customer_id);
    // A call that was made once and was too late at once: somebody else was faster.
    let times = if is_first { call.attempts } else { 1 };
    match &call.operation {
        Operation::Delete(square_id) => {
            deletes::delete(db, learning, &call.customer_id, square_id)?;
        }
        _ if TOO_OFTEN <= times => return give_up(db, learning, id),
        _ => {
            owed(db, learning, id)?;
        }
    }
    let mut calls = outbox::of_customers(db, id)?;
    for planned in &mut calls {
        // Somebody who keeps changing the profile must not keep us calling without a pause. But Square
        // does answer: the pause does not grow as it does while nobody knows what became of a call.
        let wait = if times < HASTE {
            Duration::ZERO
        } else {
            backoff::wait(HASTE, None, 1.0)
        };
        planned.attempts = times;
        planned.next_attempt = learning.now + TimeDelta::from_std(wait).unwrap_or_default();
    }
    outbox::put(db, &learning.merchant, &calls)
}

/// Says in the row that its edits do not get through.
fn give_up(db: &mut Db, learning: &Learning, id: &[CustomerId]) -> StoreResult<()> {
    let rows = customers::lock(db, id)?.rows.into_iter();
    let failed: Vec<Row> = rows
        .filter(|row| row.sync_state == SyncState::Pending)
        .map(|row| Row {
            sync_state: SyncState::Failed,
            sync_error: Some(OVERTAKEN.to_owned()),
            ..row
        })
        .collect();
    for row in &failed {
        tracing::warn!(customer.id = %row.id, "the customer changed at Square each time the row was sent; sync_error says what to do");
    }
    customers::put(db, &learning.merchant, &failed)
}

/// Plans for pending rows.
fn owed(db: &mut Db, learning: &Learning, ids: &[CustomerId]) -> StoreResult<Plan> {
    if ids.is_empty() {
        return Ok(Plan::default());
    }
    let sorted = sort(db, learning, ids)?;
    outbox::put(db, &learning.merchant, &sorted.updates)?;
    customers::put(db, &learning.merchant, &sorted.settled)?;
    let (creates, found_any) = create::plan(db, learning, &sorted.new)?;
    outbox::put(db, &learning.merchant, &creates)?;
    let linked = apply::bring_along(db, learning, &sorted.unlinked)?;
    let moved = apply::given_up(db, learning, &sorted.given_up)?;
    let refused = sorted
        .settled
        .iter()
        .filter(|row| row.sync_state == SyncState::Failed);
    Ok(Plan {
        did_something: linked
            || moved
            || found_any
            || !sorted.updates.is_empty()
            || !creates.is_empty()
            || !sorted.settled.is_empty(),
        refused: u64::try_from(refused.count()).unwrap_or_default(),
        ..Plan::default()
    })
}

/// Pending rows, by what they ask for.
#[derive(Default)]
struct Sorted {
    updates: Vec<Call>,
    settled: Vec<Row>,
    new: Vec<Row>,
    unlinked: Vec<SquareId>,
    given_up: Vec<Row>,
}

fn sort(db: &mut Db, learning: &Learning, ids: &[CustomerId]) -> StoreResult<Sorted> {
    let rows = customers::lock(db, ids)?.rows.into_iter();
    let images = images::of_customers(db, &learning.merchant, ids)?;
    let mut by_row: HashMap<&CustomerId, Vec<(&SquareId, &Held)>> = HashMap::new();
    for (square_id, held) in &images {
        if let Some(customer) = &held.customer_id {
            by_row.entry(customer).or_default().push((square_id, held));
        }
    }
    let mut sorted = Sorted::default();
    for row in rows.filter(|row| row.sync_state == SyncState::Pending) {
        let profiles = by_row.get(&row.id).map(Vec::as_slice).unwrap_or_default();
        match owed_by(learning, &row, profiles) {
            Owed::Call(call) => sorted.updates.push(*call),
            Owed::Profile => sorted.new.push(row),
            Owed::Nothing => sorted.settled.push(Row {
                sync_state: SyncState::Synced,
                sync_error: None,
                ..row
            }),
            Owed::Refused(why) => sorted.settled.push(Row {
                sync_state: SyncState::Failed,
                sync_error: Some(why),
                ..row
            }),
            Owed::Link(square_id) => sorted.unlinked.push(square_id),
            Owed::GivenUp => sorted.given_up.push(row),
            Owed::Later => {}
        }
    }
    Ok(sorted)
}

/// What a pending row asks for.
enum Owed {
    /// A call.
    Call(Box<Call>),
    /// A profile of its own.
    Profile,
    /// Nothing: Square has it all.
    Nothing,
    /// Something that Square is known to refuse.
    Refused(String),
    /// To be told its profile again: an application put a new row in the old one's place,
    /// or edited a row whose profile is gone.
    Link(SquareId),
    /// To go where its profile went: the row gave it up to another one.
    GivenUp,
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
        None if row.square_id.is_some() && row.deleted_at.is_some() => Owed::GivenUp,
        None if !row.fields.identifies_somebody() => Owed::Refused(Refusal::of_nobody()),
        None => Owed::Profile,
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

pub(super) fn new_call(
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
