//! Events in the inbox that could not be read or stored: numbers in, what is
//! kept out, and what a person decided written down. Bodies are given only
//! where they are asked for, since they name customers.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::inbox::{Entry, State};
use crate::store::schema::inbox;
use crate::store::time::moment;
use crate::store::transaction::one_at_a_time;

/// An event, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub seq: i64,
    /// The seller it names, if that could be read.
    pub merchant_id: Option<MerchantId>,
    /// Square's id of it, or one made from its bytes.
    pub event_id: String,
    /// Its type, if that could be read.
    pub event_type: Option<String>,
    /// What became of it.
    pub state: State,
    /// Why.
    pub reason: Option<String>,
    /// When it was received.
    pub received: Timestamp,
}

/// The columns of a [`Kept`].
type Columns = (
    inbox::seq,
    inbox::merchant_id,
    inbox::event_id,
    inbox::event_type,
    inbox::state,
    inbox::reason,
    inbox::received_at,
);

const COLUMNS: Columns = (
    inbox::seq,
    inbox::merchant_id,
    inbox::event_id,
    inbox::event_type,
    inbox::state,
    inbox::reason,
    inbox::received_at,
);

#[derive(Queryable)]
struct Row {
    seq: i64,
    merchant_id: Option<String>,
    event_id: String,
    event_type: Option<String>,
    state: String,
    reason: Option<String>,
    received_at: NaiveDateTime,
}

/// Keeps others from deciding about dead events until this transaction ends.
pub fn lock(db: &mut Db) -> StoreResult<()> {
    one_at_a_time(db, "dead")
}

/// Every dead event, oldest first.
pub fn list(db: &mut Db) -> StoreResult<Vec<Kept>> {
    let rows: Vec<Row> = inbox::table
        .filter(inbox::state.eq(State::Dead.as_str()))
        .select(COLUMNS)
        .order(inbox::seq)
        .load(db)?;
    Ok(rows.into_iter().map(kept).collect())
}

/// The event of this number, dead or not, and its body.
pub fn load(db: &mut Db, seq: i64) -> StoreResult<Option<(Kept, Vec<u8>)>> {
    let found: Option<(Row, Vec<u8>)> = inbox::table
        .find(seq)
        .select((COLUMNS, inbox::body))
        .first(db)
        .optional()?;
    Ok(found.map(|(row, body)| (kept(row), body)))
}

/// Writes down what became of an event that was read again.
pub fn settle(db: &mut Db, seq: i64, entry: &Entry<'_>) -> StoreResult<()> {
    diesel::update(inbox::table.find(seq))
        .set((
            inbox::merchant_id.eq(entry.merchant_id.map(MerchantId::as_str)),
            inbox::event_type.eq(entry.event_type),
            inbox::state.eq(entry.state.as_str()),
            inbox::reason.eq(entry.reason),
        ))
        .execute(db)?;
    Ok(())
}

fn kept(row: Row) -> Kept {
    Kept {
        seq: row.seq,
        merchant_id: row.merchant_id.map(MerchantId::new),
        event_id: row.event_id,
        event_type: row.event_type,
        state: State::parse(&row.state),
        reason: row.reason,
        received: moment(row.received_at),
    }
}
