//! `local_edits`: what applications did to `customers`, as the triggers wrote
//! it down in the applications' own transactions.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::id::{CustomerId, MerchantId};
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::schema::local_edits;
use crate::store::text::Text;
use crate::store::time::moment;

/// What an application did to a row, or to one field of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The row.
    pub customer_id: CustomerId,
    /// What was done.
    pub operation: Operation,
    /// The column; none for the row itself.
    pub field: Option<String>,
    /// What the column held before, as near as text comes to it.
    pub old: Option<String>,
    /// What it was given.
    pub new: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What an application did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It made the row.
    Insert,
    /// It changed the row.
    Update,
    /// It took the row away.
    Delete,
}

#[derive(Debug, Queryable)]
struct Row {
    seq: i64,
    customer_id: Text,
    operation: String,
    field: Option<String>,
    old_value: Option<Text>,
    new_value: Option<Text>,
    edited_at: NaiveDateTime,
}

/// Whether there is any edit of this seller's rows.
pub fn any(db: &mut Db, merchant: &MerchantId) -> StoreResult<bool> {
    let edits = local_edits::table.filter(local_edits::merchant_id.eq(merchant.as_str()));
    Ok(diesel::select(diesel::dsl::exists(edits)).get_result(db)?)
}

/// The rows of this seller, or of none yet, that there is any edit of.
pub fn rows(db: &mut Db, merchant: &MerchantId) -> StoreResult<Vec<CustomerId>> {
    let rows = local_edits::table
        .filter(
            local_edits::merchant_id
                .eq(merchant.as_str())
                .or(local_edits::merchant_id.is_null()),
        )
        .select(local_edits::customer_id)
        .distinct();
    let ids: Vec<Text> = match db {
        Db::Sqlite(connection) => rows.load(connection)?,
        Db::Postgres(connection) => rows.load(connection)?,
    };
    Ok(ids.into_iter().map(|id| CustomerId::new(id.text)).collect())
}

/// How many edits of any seller's rows there are.
pub fn count(db: &mut Db) -> StoreResult<i64> {
    Ok(local_edits::table.count().get_result(db)?)
}

/// How many deletions of this seller's rows no flow has noticed yet.
pub fn count_deletes(db: &mut Db, merchant: &MerchantId) -> StoreResult<i64> {
    let deletes = local_edits::table
        .filter(local_edits::merchant_id.eq(merchant.as_str()))
        .filter(local_edits::operation.eq("delete"));
    Ok(deletes.count().get_result(db)?)
}

/// Of these rows, those whose deletion by an application is among the edits.
pub fn deleted(db: &mut Db, ids: &[CustomerId]) -> StoreResult<Vec<CustomerId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    let deleted: Vec<String> = local_edits::table
        .filter(local_edits::customer_id.eq_any(ids))
        .filter(local_edits::operation.eq("delete"))
        .select(local_edits::customer_id)
        .load(db)?;
    Ok(deleted.into_iter().map(CustomerId::new).collect())
}

/// Takes up to `limit` of the oldest edits out of the table.
pub fn take(db: &mut Db, merchant: &MerchantId, limit: i64) -> StoreResult<Vec<Edit>> {
    let oldest = local_edits::table
        .filter(local_edits::merchant_id.eq(merchant.as_str()))
        .select(COLUMNS)
        .order(local_edits::seq)
        .limit(limit);
    let rows: Vec<Row> = match db {
        Db::Sqlite(connection) => oldest.load(connection)?,
        Db::Postgres(connection) => oldest.load(connection)?,
    };
    removed(db, rows)
}

/// Takes the edits of these rows out of the table.
pub fn take_of(db: &mut Db, ids: &[CustomerId]) -> StoreResult<Vec<Edit>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    let theirs = local_edits::table
        .filter(local_edits::customer_id.eq_any(ids))
        .select(COLUMNS)
        .order(local_edits::seq);
    let rows: Vec<Row> = match db {
        Db::Sqlite(connection) => theirs.load(connection)?,
        Db::Postgres(connection) => theirs.load(connection)?,
    };
    removed(db, rows)
}

/// The columns of a [`Row`].
type Columns = (
    local_edits::seq,
    local_edits::customer_id,
    local_edits::operation,
    local_edits::field,
    local_edits::old_value,
    local_edits::new_value,
    local_edits::edited_at,
);

const COLUMNS: Columns = (
    local_edits::seq,
    local_edits::customer_id,
    local_edits::operation,
    local_edits::field,
    local_edits::old_value,
    local_edits::new_value,
    local_edits::edited_at,
);

fn removed(db: &mut Db, rows: Vec<Row>) -> StoreResult<Vec<Edit>> {
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    if !seqs.is_empty() {
        diesel::delete(local_edits::table.filter(local_edits::seq.eq_any(seqs))).execute(db)?;
    }
    Ok(rows.into_iter().map(edit).collect())
}

fn edit(row: Row) -> Edit {
    Edit {
        customer_id: CustomerId::new(row.customer_id.text),
        operation: match row.operation.as_str() {
            "insert" => Operation::Insert,
            "delete" => Operation::Delete,
            _ => Operation::Update,
        },
        field: row.field,
        old: row.old_value.map(|value| value.text),
        new: row.new_value.map(|value| value.text),
        at: moment(row.edited_at),
    }
}
