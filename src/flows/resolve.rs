//! What a person decides about a conflict.
//!
//! In: the number of an entry and what is to stand. Out: what was done, or why
//! nothing was. The promise: the row and the ledger change in one transaction,
//! or neither does, so a crash leaves the question open or answered. A value
//! is written as an application would write it, and goes to Square by the
//! ordinary way; with the answer which profile a row is, the row is given back
//! to the pusher.

use std::fmt;

use serde::Serialize;

use crate::domain::Timestamp;
use crate::domain::field::Field;
use crate::domain::id::{CustomerId, SquareId};
use crate::flows::conflicts::standing;
use crate::store::conflicts::{Entry, State, Taken};
use crate::store::customers::{Row, SyncState, by_hand};
use crate::store::{Db, Store, StoreError, StoreResult, conflicts, customers, images};

/// What a person wants to stand.
#[derive(Clone, PartialEq, Eq)]
pub enum Take {
    /// Square's value, or the only profile that the row may be.
    Square,
    /// The application's value, or a profile of its own.
    Local,
    /// This text, or the profile of this id.
    Text(String),
}

/// Before a text that is meant as it stands.
const AS_IT_STANDS: &str = "value:";

impl Take {
    /// Reads `square`, `local` or a text; `value:square` is the text `square`.
    pub fn parse(text: &str) -> Self {
        match text {
            "square" => Self::Square,
            "local" => Self::Local,
            _ => Self::Text(text.strip_prefix(AS_IT_STANDS).unwrap_or(text).to_owned()),
        }
    }
}

impl fmt::Debug for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A text is a customer's.
        f.write_str("Take(..)")
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// The entry.
    pub number: i64,
    /// The row that it was about: after a merge, the one that stays.
    pub customer_id: String,
    /// The column; none where the question was which profile the row is.
    pub field: Option<&'static str>,
    /// Whose value stands: `square`, `local` or `value`.
    pub taken: &'static str,
    /// The profile that was chosen, where that was the question.
    pub square_id: Option<String>,
    /// Whether the row was written, and so is on its way to Square.
    pub written: bool,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such entry.
    #[error("there is no conflict {0}; `squaresync conflicts list --all` shows their numbers")]
    Unknown(i64),
    /// A person decided before.
    #[error("conflict {0} is resolved already; nothing was changed")]
    Resolved(i64),
    /// The row does not wait any more.
    #[error(
        "conflict {0} is outdated: its row was written since and waits for nobody; nothing was changed"
    )]
    Outdated(i64),
    /// There is nothing to write to.
    #[error("the row of conflict {0} is gone, here or at Square; nothing was changed")]
    Gone(i64),
    /// An application has it locked.
    #[error("an application holds the row of conflict {0} right now; run this again")]
    Locked(i64),
    /// No database column can hold it.
    #[error("the value holds a NUL character, which neither side can keep; nothing was changed")]
    Nul,
    /// The person has to say which.
    #[error("say which profile the row is: --take local for one of its own, or one of {0}")]
    Which(String),
    /// It cannot become the row's.
    #[error("profile {0} is gone at Square; nothing was changed")]
    ProfileGone(SquareId),
}

/// What a look at the entry came to.
type Answer = StoreResult<Result<Resolved, ResolveError>>;

/// Does what a person decided about the entry of this number.
pub async fn resolve(
    store: &Store,
    number: i64,
    take: Take,
    now: Timestamp,
) -> Result<Resolved, ResolveError> {
    store
        .write_as_application(move |db| decide(db, number, take, now))
        .await?
}

fn decide(db: &mut Db, number: i64, take: Take, now: Timestamp) -> Answer {
    let Some(entry) = conflicts::load(db, number)? else {
        return Ok(Err(ResolveError::Unknown(number)));
    };
    // Neither a flow nor another person changes anything of this seller's until we are done.
    images::lock(db, &entry.merchant_id)?;
    let entry = conflicts::load(db, number)?.unwrap_or(entry);
    if entry.state == State::Resolved {
        return Ok(Err(ResolveError::Resolved(number)));
    }
    let row = match held(db, &entry.conflict.customer_id)? {
        Holding::Row(row) => *row,
        Holding::Locked => return Ok(Err(ResolveError::Locked(number))),
        Holding::Gone => return Ok(Err(ResolveError::Gone(number))),
    };
    match entry.conflict.field {
        Some(field) => write(db, &entry, &row, field, take, now),
        None => choose(db, &entry, &row, take, now),
    }
}

/// A row that is to be written.
enum Holding {
    /// It is there, and ours until the transaction ends.
    Row(Box<Row>),
    /// An application holds it.
    Locked,
    /// It is gone, here or at Square.
    Gone,
}

fn held(db: &mut Db, id: &CustomerId) -> StoreResult<Holding> {
    let Some(row) = standing(db, id)?.filter(|row| row.deleted_at.is_none()) else {
        return Ok(Holding::Gone);
    };
    let found = customers::lock(db, &[row.id])?;
    Ok(match found.rows.into_iter().next() {
        Some(row) => Holding::Row(Box::new(row)),
        None if found.locked.is_empty() => Holding::Gone,
        None => Holding::Locked,
    })
}

/// Writes the value that is to stand into the row, where it is not there already.
fn write(
    db: &mut Db,
    entry: &Entry,
    row: &Row,
    field: Field,
    take: Take,
    now: Timestamp,
) -> Answer {
    let (taken, value) = match take {
        Take::Square => (Taken::Square, entry.conflict.square.clone()),
        Take::Local => (Taken::Local, entry.conflict.local.clone()),
        Take::Text(text) => (Taken::Value, Some(text)),
    };
    let value = value.filter(|value| !value.is_empty());
    if value.as_ref().is_some_and(|value| value.contains('\0')) {
        return Ok(Err(ResolveError::Nul));
    }
    let is_there = row.fields.get(field) == value.as_deref() && !row.garbled.contains_key(&field);
    let waits = row.sync_state == SyncState::Conflict;
    if !is_there {
        by_hand::write(db, &row.id, field, value.as_deref())?;
    } else if waits {
        by_hand::set_pending(db, &row.id)?;
    }
    conflicts::resolve(db, entry.seq, Some(taken), now)?;
    Ok(Ok(Resolved {
        field: Some(field.column()),
        written: !is_there,
        ..resolved(entry, row, taken)
    }))
}

/// Writes down which profile the row is, and lets the pusher act on it.
fn choose(db: &mut Db, entry: &Entry, row: &Row, take: Take, now: Timestamp) -> Answer {
    if row.sync_state != SyncState::Conflict {
        return Ok(Err(ResolveError::Outdated(entry.seq)));
    }
    let candidates = &entry.conflict.candidates;
    let chosen = match (&take, candidates.as_slice()) {
        (Take::Local, _) => None,
        (Take::Square, [only]) => Some(only.clone()),
        (Take::Text(id), all) if all.iter().any(|one| one.as_str() == id) => {
            Some(SquareId::new(id.as_str()))
        }
        _ => {
            let ids: Vec<&str> = candidates.iter().map(SquareId::as_str).collect();
            return Ok(Err(ResolveError::Which(ids.join(", "))));
        }
    };
    let taken = match &chosen {
        Some(profile) => {
            let known = images::load(db, &entry.merchant_id, std::slice::from_ref(profile))?;
            if known.iter().any(|(_, held)| !held.image.is_live()) {
                return Ok(Err(ResolveError::ProfileGone(profile.clone())));
            }
            conflicts::choose(db, entry.seq, profile, now)?;
            Taken::Square
        }
        None => {
            conflicts::resolve(db, entry.seq, Some(Taken::Local), now)?;
            Taken::Local
        }
    };
    by_hand::set_pending(db, &row.id)?;
    Ok(Ok(Resolved {
        square_id: chosen.map(|id| id.as_str().to_owned()),
        written: true,
        ..resolved(entry, row, taken)
    }))
}

fn resolved(entry: &Entry, row: &Row, taken: Taken) -> Resolved {
    Resolved {
        number: entry.seq,
        customer_id: row.id.as_str().to_owned(),
        field: None,
        taken: taken.as_str(),
        square_id: None,
        written: false,
    }
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, row) = (self.number, &self.customer_id);
        write!(f, "Conflict {number} is resolved: ")?;
        match (self.field, &self.square_id) {
            (None, Some(profile)) => write!(f, "row {row} is profile {profile}"),
            (None, None) => write!(f, "row {row} becomes a profile of its own"),
            (Some(field), _) if self.written => {
                write!(
                    f,
                    "{field} of row {row} was written and goes to Square with the next push"
                )
            }
            (Some(field), _) => write!(f, "{field} of row {row} holds the value already"),
        }
    }
}
