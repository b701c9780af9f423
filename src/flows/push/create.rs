//! Rows that Square does not have, turned into the calls that make their
//! profiles. The promise: key and body follow from the row and from how often
//! Square refused it, so that the same row asks for the same profile again,
//! even in a database that was put back from a backup.

use std::collections::HashMap;

use chrono::TimeDelta;

use crate::domain::backoff;
use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, SquareId, create_key};
use crate::domain::seeded::{self, Bug};
use crate::domain::spelling::alike;
use crate::flows::apply::Learning;
use crate::flows::push::adopt::{self, Looked};
use crate::flows::push::later;
use crate::flows::push::plan::new_call;
use crate::flows::push::settle::Settled;
use crate::square::body::create_body;
use crate::store::customers::{self, Row};
use crate::store::outbox::{self, Call, Operation};
use crate::store::{Db, StoreResult, conflicts, images, refusals};

/// How late a search may show what was made.
pub(super) const SEARCH_LAG: TimeDelta = TimeDelta::minutes(2);

/// Plans for rows without a profile. Gives the calls that follow, and whether
/// any row needs none.
pub(super) fn plan(
    db: &mut Db,
    learning: &Learning,
    rows: &[Row],
) -> StoreResult<(Vec<Call>, bool)> {
    if rows.is_empty() {
        return Ok((Vec::new(), false));
    }
    let ids: Vec<CustomerId> = rows.iter().map(|row| row.id.clone()).collect();
    let refused: HashMap<CustomerId, i32> = refusals::of(db, &ids)?.into_iter().collect();
    let mut candidates = chosen(db, &ids)?;
    for (row, profile) in namesakes(db, learning, rows)? {
        candidates.entry(row).or_default().push(profile);
    }
    let (mut calls, mut found_any) = (Vec::new(), false);
    for row in rows {
        let looked = match candidates.get(&row.id) {
            Some(candidates) => adopt::first(db, learning, row, candidates)?,
            None => Looked::Nobody,
        };
        match looked {
            Looked::Nobody if seeded::is_on(Bug::KeyKeptForOtherBody) => {
                calls.push(call(learning, row, 0));
            }
            Looked::Nobody => {
                let refusals = refused.get(&row.id).copied().unwrap_or_default();
                calls.push(call(learning, row, refusals));
            }
            Looked::Done => found_any = true,
            Looked::Later => {}
        }
    }
    Ok((calls, found_any))
}

/// The profiles that persons said rows are, by their last word on each.
fn chosen(db: &mut Db, ids: &[CustomerId]) -> StoreResult<HashMap<CustomerId, Vec<SquareId>>> {
    let answers = conflicts::answered_of(db, ids)?.into_iter();
    let last: HashMap<CustomerId, Option<SquareId>> = answers
        .map(|entry| (entry.conflict.customer_id, entry.conflict.square_id))
        .collect();
    Ok(last
        .into_iter()
        .filter_map(|(row, profile)| Some((row, vec![profile?])))
        .collect())
}

/// Each of the rows with each profile that carries its reference.
fn namesakes(
    db: &mut Db,
    learning: &Learning,
    rows: &[Row],
) -> StoreResult<Vec<(CustomerId, SquareId)>> {
    let references: Vec<&str> = rows.iter().map(reference).collect();
    let held = images::with_reference(db, &learning.merchant, &references)?;
    let is_namesake = |row: &Row, shown: &Fields| {
        alike(
            Field::ReferenceId,
            Some(reference(row)),
            shown.get(Field::ReferenceId),
        )
    };
    let mut found = Vec::new();
    for (profile, held) in held {
        let shown = held.image.profile.fields();
        let rows = rows.iter().filter(|row| is_namesake(row, &shown));
        found.extend(rows.map(|row| (row.id.clone(), profile.clone())));
    }
    Ok(found)
}

/// The reference that the row's profile has or would have.
fn reference(row: &Row) -> &str {
    row.fields
        .get(Field::ReferenceId)
        .unwrap_or(row.id.as_str())
}

/// The call that makes the row's profile.
fn call(learning: &Learning, row: &Row, refusals: i32) -> Call {
    let key = create_key(&learning.merchant, &row.id, row.created_at, refusals);
    let body = create_body(&row.fields, Some(row.id.as_str()), &key);
    let create = Operation::Create { key };
    new_call(learning, &row.id, create, body, row.fields.clone())
}

/// Leaves out of `calls`, which are to be made now, creates whose profiles have
/// shown since they were planned: their rows are given them. What cannot be said
/// while an application holds a row is put off.
pub(super) fn still_missing(
    db: &mut Db,
    learning: &Learning,
    calls: Vec<Call>,
) -> StoreResult<Vec<Call>> {
    let is_new = |call: &Call| {
        matches!(call.operation, Operation::Create { .. }) && call.first_attempt.is_none()
    };
    let new = calls.iter().filter(|call| is_new(call));
    let ids: Vec<CustomerId> = new.map(|call| call.customer_id.clone()).collect();
    if ids.is_empty() {
        return Ok(calls);
    }
    let found = customers::lock(db, &ids)?;
    let mut candidates: HashMap<CustomerId, Vec<SquareId>> = HashMap::new();
    for (row, profile) in namesakes(db, learning, &found.rows)? {
        candidates.entry(row).or_default().push(profile);
    }
    let mut known: HashMap<CustomerId, Looked> = HashMap::new();
    known.extend(found.locked.into_iter().map(|id| (id, Looked::Later)));
    for row in &found.rows {
        if let Some(profiles) = candidates.get(&row.id) {
            known.insert(row.id.clone(), adopt::first(db, learning, row, profiles)?);
        }
    }
    let (mut left, mut put_off) = (Vec::new(), Vec::new());
    for call in calls {
        match known.get(&call.customer_id).unwrap_or(&Looked::Nobody) {
            Looked::Nobody => left.push(call),
            Looked::Done => {}
            Looked::Later => put_off.push(Call {
                next_attempt: later(learning.now, backoff::wait(1, None, 1.0)),
                ..call
            }),
        }
    }
    outbox::put(db, &learning.merchant, &put_off)?;
    Ok(left)
}

/// Goes on with a create whose key Square knows with another body, where nothing
/// was found that the key made. It may not show yet: until it `must_show`, the same
/// call is made again. Then it is not there, and the row gets another key.
pub(super) fn key_was_used(
    db: &mut Db,
    learning: &Learning,
    call: &Call,
    must_show: bool,
) -> StoreResult<Settled> {
    let found = customers::lock(db, std::slice::from_ref(&call.customer_id))?;
    if !found.locked.is_empty() {
        // The same call is made again once no application holds the row.
        return Ok(Settled::Unknown);
    }
    if !must_show {
        if call.sent != Fields::default() {
            tracing::warn!(customer.id = %call.customer_id, "Square knows the call's key with another body; what it made is looked for");
            // Whatever was made, it was not made of this.
            let unsent = Call {
                sent: Fields::default(),
                ..call.clone()
            };
            outbox::put(db, &learning.merchant, &[unsent])?;
        }
        return Ok(Settled::Unknown);
    }
    let Some(row) = found.rows.first() else {
        outbox::remove(db, std::slice::from_ref(&call.customer_id))?;
        return Ok(Settled::Outdated);
    };
    tracing::warn!(customer.id = %row.id, "Square knows the call's key with another body and has nothing of it; it is made under a new one");
    let id = std::slice::from_ref(&row.id);
    refusals::count(db, &learning.merchant, id)?;
    let refused = refusals::of(db, id)?;
    let refusals = refused.first().map_or(0, |(_, times)| *times);
    let renewed = Call {
        // More than none, so that it is looked for once more before it is made.
        attempts: call.attempts,
        ..self::call(learning, row, refusals)
    };
    outbox::put(db, &learning.merchant, &[renewed])?;
    Ok(Settled::Outdated)
}
