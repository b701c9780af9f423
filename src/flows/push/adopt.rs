//! A profile that is at Square already given to the row whose it is, instead of
//! a second one.
//!
//! In: a row without a profile, and profiles that it may be. Out: the row with
//! its profile, or a question to a person, or nothing. The promise: no row of an
//! application loses its profile to another, and a question is written once. A
//! crash leaves all of a transaction or nothing.

use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, SquareId};
use crate::domain::lookalike::{Fit, Meant, fit, made_by, meant_by, named_by, without_reference};
use crate::domain::observation::{Observation, Origin, Shown};
use crate::domain::profile::Profile;
use crate::domain::spelling::alike;
use crate::flows::apply::{self, Learning};
use crate::flows::push::entries;
use crate::flows::push::look::{self, Question, Why};
use crate::store::conflicts::{self, Taken};
use crate::store::customers::{self, Row, look as look_at};
use crate::store::outbox::{self, Call};
use crate::store::{Db, StoreResult, images, refusals};

/// What came of looking.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// The row has its profile, or a person is asked.
    Done,
    /// No profile is the row's.
    Nobody,
    /// It cannot be said yet: an application holds a row.
    Later,
}

/// Takes in what Square has shown of the profiles that the call's row may be.
pub(super) fn take(
    db: &mut Db,
    learning: &Learning,
    call: &Call,
    question: &Question,
    found: Vec<Profile>,
) -> StoreResult<Looked> {
    let id = &call.customer_id;
    if !customers::lock(db, std::slice::from_ref(id))?
        .locked
        .is_empty()
    {
        return Ok(Looked::Later);
    }
    let shown: Vec<Observation> = found
        .into_iter()
        .map(|profile| Observation {
            square_id: profile.id(),
            shown: Shown::Profile(profile, Origin::Search),
        })
        .collect();
    // A profile that carries the row's id becomes the row's here.
    apply::apply(db, learning, &shown)?;
    let row = customers::lock(db, std::slice::from_ref(id))?.rows.pop();
    if row.as_ref().is_some_and(|row| row.square_id.is_some()) {
        settled(db, learning, std::slice::from_ref(id))?;
        return Ok(Looked::Done);
    }
    let mut candidates: Vec<SquareId> = shown.into_iter().map(|one| one.square_id).collect();
    candidates.sort_unstable();
    candidates.dedup();
    match (row, question.why) {
        (None, Why::First) => {
            outbox::remove(db, std::slice::from_ref(id))?;
            Ok(Looked::Done)
        }
        (Some(row), Why::First) => first(db, learning, &row, &candidates),
        (row, Why::Unknown | Why::Certain) => {
            made_before(db, learning, call, row, &candidates, question)
        }
    }
}

/// Gives the row the one of these profiles that an earlier attempt made, or may have made.
fn made_before(
    db: &mut Db,
    learning: &Learning,
    call: &Call,
    row: Option<Row>,
    candidates: &[SquareId],
    question: &Question,
) -> StoreResult<Looked> {
    let id = &call.customer_id;
    let Some(free) = free(db, learning, id, candidates, question)? else {
        return Ok(Looked::Later);
    };
    let is_certain = question.why == Why::Certain;
    let reference = question.sent.get(Field::ReferenceId);
    // No other profile carries the row's id, also where the row itself is no more.
    let is_ours = reference == Some(id.as_str());
    let meant = match made_by(&question.sent, &free, is_certain || is_ours) {
        Meant::None => changed_since(db, learning, call, row.as_ref(), &free)?,
        meant => meant,
    };
    // What is known to be made of another body agrees with the row on nothing.
    let base = if is_certain {
        Fields::default()
    } else {
        call.sent.clone()
    };
    give(db, learning, id, row, meant, base)
}

/// Which of these profiles a create made that somebody has changed a lot since. Where
/// another row that has no profile may have made it, a person has to say.
fn changed_since(
    db: &mut Db,
    learning: &Learning,
    call: &Call,
    row: Option<&Row>,
    free: &[(SquareId, Fields)],
) -> StoreResult<Meant> {
    let sent = look::sent(call);
    let meant = match named_by(&sent, free) {
        Meant::None => without_reference(&sent, free),
        named => named,
    };
    let Meant::This(profile) = meant else {
        return Ok(meant);
    };
    if may_be_anothers(db, learning, &call.customer_id, &sent)? {
        return Ok(Meant::OneOf(vec![profile]));
    }
    let shown = free.iter().find(|(id, _)| *id == profile);
    if let (Some((_, shown)), Some(row)) = (shown, row) {
        entries::replaced(db, learning, row, &call.sent, &profile, shown)?;
    }
    Ok(Meant::This(profile))
}

/// Whether another row may have made what this one's create was to make: one with
/// the same reference that has no profile, or had it when it was sent.
fn may_be_anothers(
    db: &mut Db,
    learning: &Learning,
    id: &CustomerId,
    sent: &Fields,
) -> StoreResult<bool> {
    let reference = sent.get(Field::ReferenceId).unwrap_or_default();
    if look_at::any_unlinked_with(db, &learning.merchant, id, reference)? {
        return Ok(true);
    }
    let others = others_in_flight(db, learning, id, false)?;
    let has_it = |theirs: &Fields| {
        alike(
            Field::ReferenceId,
            theirs.get(Field::ReferenceId),
            Some(reference),
        )
    };
    Ok(others.iter().any(has_it))
}

/// Gives a row that was never sent the one of these profiles that it is.
pub(super) fn first(
    db: &mut Db,
    learning: &Learning,
    row: &Row,
    candidates: &[SquareId],
) -> StoreResult<Looked> {
    let question = Question::of_row(row);
    let Some(free) = free(db, learning, &row.id, candidates, &question)? else {
        return Ok(Looked::Later);
    };
    let meant = match chosen(db, &row.id)?.filter(|id| free.iter().any(|(one, _)| one == id)) {
        Some(chosen) => Meant::This(chosen),
        None => meant_by(&row.fields, &free),
    };
    give(
        db,
        learning,
        &row.id,
        Some(row.clone()),
        meant,
        Fields::default(),
    )
}

/// The profile that a person said the row is.
pub(super) fn chosen(db: &mut Db, id: &CustomerId) -> StoreResult<Option<SquareId>> {
    let answer = conflicts::answered_of(db, std::slice::from_ref(id))?.pop();
    Ok(answer
        .filter(|entry| entry.taken == Some(Taken::Square))
        .and_then(|entry| entry.conflict.square_id))
}

fn give(
    db: &mut Db,
    learning: &Learning,
    id: &CustomerId,
    row: Option<Row>,
    meant: Meant,
    base: Fields,
) -> StoreResult<Looked> {
    match (meant, row) {
        (Meant::None, _) => return Ok(Looked::Nobody),
        (Meant::This(profile), _) => {
            apply::adopt(db, learning, id, base, &profile)?;
            tracing::info!(customer.id = %id, square.id = %profile, "the row's customer was at Square already");
            settled(db, learning, std::slice::from_ref(id))?;
        }
        (Meant::OneOf(profiles), Some(row)) => entries::ask(db, learning, row, profiles)?,
        (Meant::OneOf(_), None) => outbox::remove(db, std::slice::from_ref(id))?,
    }
    Ok(Looked::Done)
}

/// Strikes out what there was to ask, and to make, for rows that have their profiles.
pub(super) fn settled(db: &mut Db, learning: &Learning, ids: &[CustomerId]) -> StoreResult<()> {
    outbox::remove(db, ids)?;
    refusals::forget(db, ids)?;
    conflicts::withdraw(db, ids, learning.now)
}

/// Of these profiles, those that are there and no application's row has, nor
/// may get by a call of its own, nor a person turned down for this row. None
/// while an application holds one of their rows.
fn free(
    db: &mut Db,
    learning: &Learning,
    id: &CustomerId,
    candidates: &[SquareId],
    question: &Question,
) -> StoreResult<Option<Vec<(SquareId, Fields)>>> {
    let mut held = images::load(db, &learning.merchant, candidates)?;
    held.retain(|(_, held)| held.image.is_live());
    held.sort_by(|(one, _), (other, _)| one.cmp(other));
    let theirs: Vec<CustomerId> = held
        .iter()
        .filter_map(|(_, held)| held.customer_id.clone())
        .filter(|theirs| theirs != id)
        .collect();
    let found = customers::lock(db, &theirs)?;
    if !found.locked.is_empty() {
        return Ok(None);
    }
    // A row that began as this very profile is nobody's yet.
    let is_live = |theirs: &CustomerId| {
        let mut rows = found.rows.iter();
        rows.any(|row| row.id == *theirs && row.deleted_at.is_none())
    };
    held.retain(|(profile, held)| match &held.customer_id {
        Some(theirs) if theirs != id => {
            theirs.began_as(&learning.merchant, profile) && is_live(theirs)
        }
        _ => true,
    });
    let turned_down = turned_down(db, id)?;
    let others = others_in_flight(db, learning, id, held.is_empty())?;
    let free = held
        .into_iter()
        .map(|(profile, held)| (profile, held.image.profile.fields()))
        .filter(|(profile, shown)| {
            !turned_down.contains(profile)
                && !others.iter().any(|sent| is_of(sent, shown, question))
        });
    Ok(Some(free.collect()))
}

/// What creates of other rows were made of whose outcome is not known.
fn others_in_flight(
    db: &mut Db,
    learning: &Learning,
    id: &CustomerId,
    is_needless: bool,
) -> StoreResult<Vec<Fields>> {
    if is_needless {
        return Ok(Vec::new());
    }
    let in_flight = outbox::creates_in_flight(db, &learning.merchant)?;
    let others = in_flight.iter().filter(|call| call.customer_id != *id);
    Ok(others.map(look::sent).collect())
}

/// Whether the profile `shown` is rather that of another row, whose create sent `theirs`.
fn is_of(theirs: &Fields, shown: &Fields, question: &Question) -> bool {
    match question.why {
        Why::First => theirs.get(Field::ReferenceId) == shown.get(Field::ReferenceId),
        Why::Unknown | Why::Certain => {
            fit(theirs, shown) == Fit::Whole && fit(&question.sent, shown) != Fit::Whole
        }
    }
}

/// The profiles of which a person said that the row is none.
fn turned_down(db: &mut Db, id: &CustomerId) -> StoreResult<Vec<SquareId>> {
    let answered = conflicts::answered_of(db, std::slice::from_ref(id))?;
    Ok(answered
        .into_iter()
        .filter(|entry| entry.taken == Some(Taken::Local))
        .flat_map(|entry| entry.conflict.candidates)
        .collect())
}
