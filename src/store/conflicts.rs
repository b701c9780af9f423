//! `conflicts`: the ledger of what both sides changed differently, with both
//! values and what decided, and of what only a person can decide. Entries are
//! added and settled, never taken away.

use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::field::Field;
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::store::connection::Db;
use crate::store::customers::SyncState;
use crate::store::error::StoreResult;
use crate::store::schema::{conflicts, customers};
use crate::store::time::stored;

mod row;

use row::{NewRow, Row, entry, new_row};

/// Something that two sides do not agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The row that it is about; after a merge, the one that stays.
    pub customer_id: CustomerId,
    /// Its profile, if it has one.
    pub square_id: Option<SquareId>,
    /// The field; none where the question is which profile the row is.
    pub field: Option<Field>,
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
    /// What decided, and for whom; none where a person has to.
    pub decided: Option<(Decider, Taken)>,
    /// The profiles that the row may be, where that is the question.
    pub candidates: Vec<SquareId>,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// The rule that Square wins, or that it wins in a profile that is taken for what
    /// a create made and that shows something else.
    Square,
    /// The rule that the application wins.
    Local,
    /// The rule that the last change wins.
    Newest,
    /// The profile's end: there is nothing left to write to.
    Deleted,
}

/// Whose value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Square's.
    Square,
    /// The application's.
    Local,
    /// Another one, which a person gave.
    Value,
}

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A person has to decide.
    Open,
    /// A rule decided.
    Decided,
    /// A person decided.
    Resolved,
}

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub seq: i64,
    /// The seller.
    pub merchant_id: MerchantId,
    /// What it is about.
    pub conflict: Conflict,
    /// Whose value stands; none while nobody's does.
    pub taken: Option<Taken>,
    /// How it stands.
    pub state: State,
    /// When it was found.
    pub found_at: Timestamp,
    /// When a person decided.
    pub resolved_at: Option<Timestamp>,
}

/// Adds to the ledger.
pub fn add(
    db: &mut Db,
    merchant: &MerchantId,
    all: &[Conflict],
    now: Timestamp,
) -> StoreResult<()> {
    let rows = all
        .iter()
        .map(|conflict| new_row(merchant, conflict, now))
        .collect::<StoreResult<Vec<NewRow>>>()?;
    row::insert(db, &rows)
}

/// The entry of this number.
pub fn load(db: &mut Db, seq: i64) -> StoreResult<Option<Entry>> {
    let row: Option<Row> = conflicts::table.find(seq).first(db).optional()?;
    row.map(entry).transpose()
}

/// Up to `limit` entries in this state, or in any, after the number `after`.
pub fn list(db: &mut Db, state: Option<State>, after: i64, limit: i64) -> StoreResult<Vec<Entry>> {
    let after = conflicts::table.filter(conflicts::seq.gt(after));
    let rows: Vec<Row> = match state {
        Some(state) => after
            .filter(conflicts::state.eq(state.as_str()))
            .order(conflicts::seq)
            .limit(limit)
            .load(db)?,
        None => after.order(conflicts::seq).limit(limit).load(db)?,
    };
    rows.into_iter().map(entry).collect()
}

/// The open entries whose rows still wait for a person. Of the others an
/// application has written the row since: the question is asked anew, if at all.
#[diesel::dsl::auto_type]
fn still_open() -> _ {
    let (open, conflict): (&'static str, &'static str) =
        (State::Open.as_str(), SyncState::Conflict.as_str());
    let waiting = customers::table
        .filter(customers::sync_state.eq(conflict))
        .filter(customers::deleted_at.is_null())
        .select(customers::id);
    conflicts::table
        .filter(conflicts::state.eq(open))
        .filter(conflicts::customer_id.eq_any(waiting))
}

/// Up to `limit` entries that wait for a person, after the number `after`.
pub fn waiting(db: &mut Db, after: i64, limit: i64) -> StoreResult<Vec<Entry>> {
    let rows: Vec<Row> = still_open()
        .filter(conflicts::seq.gt(after))
        .order(conflicts::seq)
        .limit(limit)
        .load(db)?;
    rows.into_iter().map(entry).collect()
}

/// How many entries wait for a person, as [`waiting`] has them.
pub fn count_waiting(db: &mut Db) -> StoreResult<i64> {
    Ok(still_open().count().get_result(db)?)
}

/// The entries about these rows that wait for a person.
pub fn open_of(db: &mut Db, ids: &[CustomerId]) -> StoreResult<Vec<Entry>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    let rows: Vec<Row> = conflicts::table
        .filter(conflicts::customer_id.eq_any(ids))
        .filter(conflicts::state.eq(State::Open.as_str()))
        .order(conflicts::seq)
        .load(db)?;
    rows.into_iter().map(entry).collect()
}

/// What a person said of these rows, where the question was which profile each is: the latest word.
pub fn answered_of(db: &mut Db, ids: &[CustomerId]) -> StoreResult<Vec<Entry>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    let rows: Vec<Row> = conflicts::table
        .filter(conflicts::customer_id.eq_any(ids))
        .filter(conflicts::field.is_null())
        .filter(conflicts::state.eq(State::Resolved.as_str()))
        .order(conflicts::seq)
        .load(db)?;
    rows.into_iter().map(entry).collect()
}

/// The edits of these rows that are in the ledger because a profile ended
/// before they were sent: row, field and value.
pub fn unsent_of(
    db: &mut Db,
    ids: &[CustomerId],
) -> StoreResult<Vec<(CustomerId, Field, Option<String>)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    let rows: Vec<(String, Option<String>, Option<String>)> = conflicts::table
        .filter(conflicts::customer_id.eq_any(ids))
        .filter(conflicts::rule.eq(Decider::Deleted.as_str()))
        .select((
            conflicts::customer_id,
            conflicts::field,
            conflicts::local_value,
        ))
        .load(db)?;
    let of_field = |(id, column, local): (String, Option<String>, _)| {
        let field = column.as_deref().and_then(Field::of_column)?;
        Some((CustomerId::new(id), field, local))
    };
    Ok(rows.into_iter().filter_map(of_field).collect())
}

/// Writes down what a person decided, or that the question has gone: then nobody's value is `taken`.
pub fn resolve(db: &mut Db, seq: i64, taken: Option<Taken>, now: Timestamp) -> StoreResult<()> {
    diesel::update(conflicts::table.find(seq))
        .set((
            conflicts::taken.eq(taken.map(Taken::as_str)),
            conflicts::state.eq(State::Resolved.as_str()),
            conflicts::resolved_at.eq(stored(now)),
        ))
        .execute(db)?;
    Ok(())
}

/// Strikes out the questions which profiles these rows are, where they are open: they have gone.
pub fn withdraw(db: &mut Db, ids: &[CustomerId], now: Timestamp) -> StoreResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    let question = conflicts::table
        .filter(conflicts::customer_id.eq_any(ids))
        .filter(conflicts::field.is_null())
        .filter(conflicts::state.eq(State::Open.as_str()));
    diesel::update(question)
        .set((
            conflicts::state.eq(State::Resolved.as_str()),
            conflicts::resolved_at.eq(stored(now)),
        ))
        .execute(db)?;
    Ok(())
}

/// Writes down which of the candidates a person said the row is.
pub fn choose(db: &mut Db, seq: i64, profile: &SquareId, now: Timestamp) -> StoreResult<()> {
    diesel::update(conflicts::table.find(seq))
        .set(conflicts::square_id.eq(profile.as_str()))
        .execute(db)?;
    resolve(db, seq, Some(Taken::Square), now)
}

impl Decider {
    const ALL: [Self; 4] = [Self::Square, Self::Local, Self::Newest, Self::Deleted];

    /// The word in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Square => "square",
            Self::Local => "local",
            Self::Newest => "newest",
            Self::Deleted => "deleted",
        }
    }
}

impl Taken {
    const ALL: [Self; 3] = [Self::Square, Self::Local, Self::Value];

    /// The word in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Square => "square",
            Self::Local => "local",
            Self::Value => "value",
        }
    }
}

impl State {
    const ALL: [Self; 3] = [Self::Open, Self::Decided, Self::Resolved];

    /// The word in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Decided => "decided",
            Self::Resolved => "resolved",
        }
    }
}
