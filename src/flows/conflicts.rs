//! The ledger of conflicts, for a person to look at.
//!
//! In: the number of an entry, or which of them are wanted. Out: what the
//! ledger and the tables say of it, as text for people and as JSON for
//! programs. The promise: only [`show`] gives values of customers, and nothing
//! is written.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::Timestamp;
use crate::domain::field::{Field, Fields, PUBLIC};
use crate::domain::id::{CustomerId, SquareId};
use crate::store::conflicts::{Entry, State, Taken};
use crate::store::customers::{Row, by_hand};
use crate::store::{Db, Store, StoreResult, conflicts, customers, images};

mod text;

/// How many entries one query reads.
const TOGETHER: i64 = 1000;

/// An entry, without values of customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What a person calls it by.
    pub number: i64,
    /// The row.
    pub customer_id: String,
    /// Its profile, if it has one, or the one that a person chose.
    pub square_id: Option<String>,
    /// The seller.
    pub merchant_id: String,
    /// The column; none where the question is which profile the row is.
    pub field: Option<&'static str>,
    /// `open`, `outdated` (open, but the row was written since), `decided` (by a rule) or `resolved`.
    pub state: &'static str,
    /// The rule that decided, if one did.
    pub rule: Option<&'static str>,
    /// Whose value stands: `square`, `local` or `value`; none while nobody's does.
    pub taken: Option<&'static str>,
    /// The profiles that the row may be, where that is the question.
    pub candidates: Vec<String>,
    /// When it was found.
    pub found_at: Timestamp,
    /// When a person decided.
    pub resolved_at: Option<Timestamp>,
}

/// The entries that were asked for.
#[derive(Clone, Debug, Serialize)]
pub struct List {
    /// Oldest first.
    pub conflicts: Vec<Line>,
    /// Whether decided, resolved and outdated ones are among them.
    pub all: bool,
}

/// Everything about one entry.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The entry.
    #[serde(flatten)]
    pub line: Line,
    /// What both sides last agreed on.
    pub base: Option<String>,
    /// Square's value.
    pub square: Option<String>,
    /// The application's value.
    pub local: Option<String>,
    /// When Square's side was last changed.
    pub square_at: Option<Timestamp>,
    /// When an application last changed the field, where that is known.
    pub local_at: Option<Timestamp>,
    /// The row as it is now; none where it is not there any more.
    pub row: Option<Now>,
    /// The profiles that the row may be.
    pub profiles: Vec<Candidate>,
}

/// A row as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct Now {
    /// Its id: after a merge, that of the row that stays.
    pub customer_id: String,
    /// Its `sync_state`.
    pub sync_state: &'static str,
    /// Whether it is gone at Square.
    pub deleted: bool,
    /// The field in question, or those that tell who it is.
    pub fields: BTreeMap<&'static str, String>,
}

/// A profile that a row may be.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// Square's id of it.
    pub square_id: String,
    /// Whether it is gone at Square.
    pub deleted: bool,
    /// Whose row it is already, if it is one's.
    pub customer_id: Option<String>,
    /// When it was last changed at Square.
    pub updated_at: Option<Timestamp>,
    /// The fields that tell who it is.
    pub fields: BTreeMap<&'static str, String>,
}

/// Lists the entries that wait for a person, or all there ever were.
pub async fn list(store: &Store, all: bool) -> StoreResult<List> {
    let conflicts = store.read(move |db| lines(db, all)).await?;
    Ok(List { conflicts, all })
}

/// Shows the entry of this number; none where there is none.
pub async fn show(store: &Store, number: i64) -> StoreResult<Option<Shown>> {
    store.read(move |db| look(db, number)).await
}

/// The row that this one stands for: after a merge, the one that it went into.
/// None where it is not there any more.
pub(crate) fn standing(db: &mut Db, id: &CustomerId) -> StoreResult<Option<Row>> {
    let mut next = id.clone();
    // A ring cannot come about; should it, it is not followed for ever.
    for _ in 0..100 {
        let found = customers::load(db, std::slice::from_ref(&next))?;
        let Some(row) = found.into_iter().next() else {
            break;
        };
        match row.merged_into.clone() {
            Some(into) => next = into,
            None => return Ok(Some(row)),
        }
    }
    Ok(None)
}

fn lines(db: &mut Db, all: bool) -> StoreResult<Vec<Line>> {
    let mut lines = Vec::new();
    let mut after = 0;
    loop {
        let entries = if all {
            conflicts::list(db, None, after, TOGETHER)?
        } else {
            conflicts::waiting(db, after, TOGETHER)?
        };
        let Some(last) = entries.last() else {
            return Ok(lines);
        };
        after = last.seq;
        let ids: Vec<CustomerId> = entries
            .iter()
            .map(|entry| entry.conflict.customer_id.clone())
            .collect();
        let waiting = by_hand::in_conflict(db, &ids)?;
        let waits = |entry: &Entry| waiting.contains(&entry.conflict.customer_id);
        lines.extend(entries.iter().map(|entry| line(entry, waits(entry))));
    }
}

fn look(db: &mut Db, number: i64) -> StoreResult<Option<Shown>> {
    let Some(entry) = conflicts::load(db, number)? else {
        return Ok(None);
    };
    let conflict = &entry.conflict;
    let id = std::slice::from_ref(&conflict.customer_id);
    let waits = !by_hand::in_conflict(db, id)?.is_empty();
    let row = standing(db, &conflict.customer_id)?;
    let known = images::load(db, &entry.merchant_id, &conflict.candidates)?;
    let profiles = conflict.candidates.iter().map(|id| {
        let held = known.iter().find(|(known, _)| known == id);
        candidate(id, held.map(|(_, held)| held))
    });
    Ok(Some(Shown {
        line: line(&entry, waits),
        base: conflict.base.clone(),
        square: conflict.square.clone(),
        local: conflict.local.clone(),
        square_at: conflict.square_at,
        local_at: conflict.local_at,
        row: row.map(|row| now(&row, conflict.field)),
        profiles: profiles.collect(),
    }))
}

fn line(entry: &Entry, waits: bool) -> Line {
    let conflict = &entry.conflict;
    let state = match entry.state {
        State::Open if !waits => "outdated",
        state => state.as_str(),
    };
    let candidates = conflict.candidates.iter();
    Line {
        number: entry.seq,
        customer_id: conflict.customer_id.as_str().to_owned(),
        square_id: conflict.square_id.as_ref().map(|id| id.as_str().to_owned()),
        merchant_id: entry.merchant_id.as_str().to_owned(),
        field: conflict.field.map(Field::column),
        state,
        rule: conflict.decided.map(|(decider, _)| decider.as_str()),
        taken: entry.taken.map(Taken::as_str),
        candidates: candidates.map(|id| id.as_str().to_owned()).collect(),
        found_at: entry.found_at,
        resolved_at: entry.resolved_at,
    }
}

fn now(row: &Row, field: Option<Field>) -> Now {
    Now {
        customer_id: row.id.as_str().to_owned(),
        sync_state: row.sync_state.as_str(),
        deleted: row.deleted_at.is_some(),
        fields: match field {
            Some(field) => values(&row.fields, &[field]),
            None => who(&row.fields),
        },
    }
}

fn candidate(id: &SquareId, held: Option<&images::Held>) -> Candidate {
    let profile = held.map(|held| &held.image.profile);
    let row = held.and_then(|held| held.customer_id.as_ref());
    Candidate {
        square_id: id.as_str().to_owned(),
        deleted: held.is_some_and(|held| !held.image.is_live()),
        customer_id: row.map(|id| id.as_str().to_owned()),
        updated_at: profile.and_then(|profile| profile.moment("updated_at")),
        fields: profile
            .map(|profile| who(&profile.fields()))
            .unwrap_or_default(),
    }
}

/// The fields that tell who somebody is.
fn who(fields: &Fields) -> BTreeMap<&'static str, String> {
    let mut who = values(fields, &PUBLIC);
    who.extend(values(fields, &[Field::Birthday, Field::ReferenceId]));
    who
}

fn values(fields: &Fields, wanted: &[Field]) -> BTreeMap<&'static str, String> {
    let value = |field: &Field| Some((field.column(), fields.get(*field)?.to_owned()));
    wanted.iter().filter_map(value).collect()
}
