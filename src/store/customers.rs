//! `customers`, the table that applications use: the local image of each
//! customer, and what Square last told us beside it.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::store::batch;
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::lookup::Lookup;
use crate::store::schema::{customers, outbox};
use crate::store::text::Text;

pub mod by_hand;
mod columns;
pub mod count;
pub mod garbled;
mod lock;
pub mod look;

pub(super) use columns::{Columns, write};
pub use lock::{Found, lock};

/// Lists rows in the state that follows, for a person to run.
pub const LIST_BY_STATE: &str =
    "SELECT id, square_id, sync_error FROM customers WHERE sync_state =";

/// How a row stands with Square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// It holds something that Square does not have yet.
    Pending,
    /// Both sides are the same.
    Synced,
    /// Square refused what it holds.
    Failed,
    /// A person has to decide.
    Conflict,
}

impl SyncState {
    /// Every state, in the order in which reports list them.
    pub const ALL: [Self; 4] = [Self::Synced, Self::Pending, Self::Failed, Self::Conflict];

    /// The word in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Synced => "synced",
            Self::Failed => "failed",
            Self::Conflict => "conflict",
        }
    }

    fn parse(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .unwrap_or(Self::Pending)
    }
}

/// One row of `customers`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Ours; never changes.
    pub id: CustomerId,
    /// Square's id, once it has one.
    pub square_id: Option<SquareId>,
    /// What applications may edit.
    pub fields: Fields,
    /// What the columns of some fields hold, where it is no text: SQLite takes
    /// any bytes. It stays there until the field gets another value.
    pub garbled: BTreeMap<Field, Vec<u8>>,
    /// What is Square's alone.
    pub square: SquareColumns,
    /// How the row stands.
    pub sync_state: SyncState,
    /// Square's reason for a refusal, for a person.
    pub sync_error: Option<String>,
    /// When we learnt that it is gone at Square.
    pub deleted_at: Option<NaiveDateTime>,
    /// The surviving row, where it went into another one.
    pub merged_into: Option<CustomerId>,
    /// When the row was made.
    pub created_at: NaiveDateTime,
    /// When the row was last written.
    pub updated_at: NaiveDateTime,
}

/// The columns that Square alone writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SquareColumns {
    /// Whether the person wants no marketing mail.
    pub email_unsubscribed: Option<bool>,
    /// Where the profile comes from.
    pub creation_source: Option<String>,
    /// JSON array.
    pub group_ids: Option<String>,
    /// JSON array.
    pub segment_ids: Option<String>,
    /// The profile's version.
    pub version: Option<i64>,
    /// When Square made the profile.
    pub created_at: Option<NaiveDateTime>,
    /// When the profile was last changed at Square.
    pub updated_at: Option<NaiveDateTime>,
}

/// The rows with these ids, to be looked at only.
pub fn load(db: &mut Db, ids: &[CustomerId]) -> StoreResult<Vec<Row>> {
    let rows: Vec<Columns> = with_ids(ids).load_from(db)?;
    Ok(rows.into_iter().map(Columns::into_row).collect())
}

fn with_ids(
    ids: &[CustomerId],
) -> Lookup<'_, <customers::table as Table>::AllColumns, customers::id> {
    let ids = ids.iter().map(CustomerId::as_str);
    Lookup::new(customers::all_columns, "customers", customers::id, ids)
}

/// Writes rows, new ones and changed ones.
pub fn put(db: &mut Db, merchant: &MerchantId, rows: &[Row]) -> StoreResult<()> {
    let columns = columns(merchant, rows);
    batch::write(db, |to| write(to, &columns))?;
    garbled::keep(db, rows)
}

/// Rows as their table has them.
pub(super) fn columns(merchant: &MerchantId, rows: &[Row]) -> Vec<Columns> {
    rows.iter().map(|row| Columns::of(merchant, row)).collect()
}

/// Rows that hold something for Square and that no call in the outbox is about.
#[diesel::dsl::auto_type]
fn unplanned<'a>(merchant: &'a str) -> _ {
    let planned = outbox::table.filter(outbox::customer_id.eq(customers::id));
    let pending: &'static str = SyncState::Pending.as_str();
    customers::table
        .filter(customers::merchant_id.eq(merchant))
        .filter(customers::sync_state.eq(pending))
        .filter(diesel::dsl::not(diesel::dsl::exists(planned)))
        .select(customers::id)
}

/// Up to `limit` pending rows that no call in the outbox is about, by id, but
/// for those that an application holds right now. Those whose id is no text
/// are refused, and counted in the limit.
pub fn pending(db: &mut Db, merchant: &MerchantId, limit: i64) -> StoreResult<Vec<CustomerId>> {
    let ids: Vec<Text> = match db {
        Db::Sqlite(connection) => unplanned(merchant.as_str()).limit(limit).load(connection)?,
        Db::Postgres(connection) => unplanned(merchant.as_str())
            .limit(limit)
            .for_update()
            .skip_locked()
            .load(connection)?,
    };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for id in ids {
        match id.garbled {
            None => good.push(CustomerId::new(id.text)),
            Some(bytes) => bad.push(bytes),
        }
    }
    garbled::refuse(db, &bad)?;
    Ok(good)
}

/// Whether any row is pending that no call in the outbox is about.
pub fn any_pending(db: &mut Db, merchant: &MerchantId) -> StoreResult<bool> {
    let pending = diesel::dsl::exists(unplanned(merchant.as_str()));
    Ok(diesel::select(pending).get_result(db)?)
}

/// Up to `limit` rows that are not gone at Square, by id, after the row `after`.
pub fn live(db: &mut Db, merchant: &MerchantId, after: &str, limit: i64) -> StoreResult<Vec<Row>> {
    let live = customers::table
        .filter(customers::merchant_id.eq(merchant.as_str()))
        .filter(customers::deleted_at.is_null())
        .filter(customers::id.gt(after))
        .order(customers::id)
        .limit(limit);
    let rows: Vec<Columns> = match db {
        Db::Sqlite(connection) => live.load(connection)?,
        Db::Postgres(connection) => live.load(connection)?,
    };
    Ok(rows.into_iter().map(Columns::into_row).collect())
}
