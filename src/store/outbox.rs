//! `outbox`: the calls that Square has to take. Key and body are fixed here
//! before a call is first made, and are changed only together, so that a
//! repeated call is the same call.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::field::Fields;
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::domain::seeded::{self, Bug};
use crate::domain::{Timestamp, backoff};
use crate::store::batch;
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::json::{json, parsed};
use crate::store::lookup::Lookup;
use crate::store::schema::outbox;
use crate::store::time::{moment, stored};

/// A call to Square about one customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The row it is about; there is one call a row at a time.
    pub customer_id: CustomerId,
    /// What is asked of Square.
    pub operation: Operation,
    /// The JSON that is sent, byte for byte.
    pub body: String,
    /// What the row held when the body was made.
    pub sent: Fields,
    /// How often it was tried.
    pub attempts: u32,
    /// Not to be tried before.
    pub next_attempt: Timestamp,
    /// Since when it, or one with its key, may have been tried, by Square's clock; none before.
    pub first_attempt: Option<Timestamp>,
    /// When it was written down.
    pub created: Timestamp,
}

/// What is asked of Square.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// To make a profile, once, however often it is asked under this key.
    Create {
        /// The idempotency key.
        key: String,
    },
    /// To change a profile.
    Update(SquareId),
    /// To delete a profile.
    Delete(SquareId),
}

impl Call {
    /// A create that has not been made up: it stands for a row whose profile was found.
    pub fn nothing_yet(row: CustomerId, agreed: Fields, now: Timestamp) -> Self {
        Self {
            customer_id: row,
            operation: Operation::Create { key: String::new() },
            body: String::new(),
            sent: agreed,
            attempts: 0,
            next_attempt: now,
            first_attempt: None,
            created: now,
        }
    }
}

impl Operation {
    /// The word in the column.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update(_) => "update",
            Self::Delete(_) => "delete",
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct Row {
    customer_id: String,
    merchant_id: String,
    operation: String,
    square_id: Option<String>,
    idempotency_key: Option<String>,
    body: String,
    sent_fields: String,
    attempts: i32,
    next_attempt_at: NaiveDateTime,
    first_attempt_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
}

/// Writes calls down; a call about the same row takes the old one's place.
pub fn put(db: &mut Db, merchant: &MerchantId, calls: &[Call]) -> StoreResult<()> {
    let rows = calls
        .iter()
        .map(|call| row(merchant, call))
        .collect::<StoreResult<Vec<Row>>>()?;
    batch::write(db, |to| {
        batch::upsert!(
            to,
            outbox(customer_id; merchant_id),
            rows.as_slice(),
            Row,
            [
                operation,
                square_id,
                idempotency_key,
                body,
                sent_fields,
                attempts,
                next_attempt_at,
                first_attempt_at,
                created_at,
            ],
            indexed []
        );
        Ok(())
    })
}

/// The call that is to be tried first of those that may be tried at `now`, deletes
/// among them or not.
pub fn due(
    db: &mut Db,
    merchant: &MerchantId,
    now: Timestamp,
    with_deletes: bool,
) -> StoreResult<Option<Call>> {
    let left_out = if with_deletes { "" } else { "delete" };
    let row: Option<Row> = outbox::table
        .filter(outbox::merchant_id.eq(merchant.as_str()))
        .filter(outbox::operation.ne(left_out))
        .filter(is_due(now))
        .order((outbox::next_attempt_at, outbox::customer_id))
        .first(db)
        .optional()?;
    row.map(call).transpose()
}

/// Up to `limit` calls with this operation, those first that are to be tried first.
pub fn due_of(
    db: &mut Db,
    merchant: &MerchantId,
    operation: &str,
    now: Timestamp,
    limit: i64,
) -> StoreResult<Vec<Call>> {
    let rows: Vec<Row> = outbox::table
        .filter(outbox::merchant_id.eq(merchant.as_str()))
        .filter(outbox::operation.eq(operation))
        .filter(is_due(now))
        .order((outbox::next_attempt_at, outbox::customer_id))
        .limit(limit)
        .load(db)?;
    rows.into_iter().map(call).collect()
}

/// Calls whose wait is over, as [`backoff::is_over`] says.
#[diesel::dsl::auto_type]
fn is_due(now: Timestamp) -> _ {
    let (now, endless): (NaiveDateTime, NaiveDateTime) =
        (stored(now), stored(now + backoff::ENDLESS));
    outbox::next_attempt_at
        .le(now)
        .or(outbox::next_attempt_at.gt(endless))
}

/// How many profiles wait to be deleted.
pub fn count_deletes(db: &mut Db, merchant: &MerchantId) -> StoreResult<i64> {
    let deletes = outbox::table
        .filter(outbox::merchant_id.eq(merchant.as_str()))
        .filter(outbox::operation.eq("delete"));
    Ok(deletes.count().get_result(db)?)
}

/// Up to `limit` rows whose profiles wait to be deleted, and of which Square was never told.
pub fn untold_deletes(
    db: &mut Db,
    merchant: &MerchantId,
    limit: i64,
) -> StoreResult<Vec<CustomerId>> {
    let ids: Vec<String> = outbox::table
        .filter(outbox::merchant_id.eq(merchant.as_str()))
        .filter(outbox::operation.eq("delete"))
        .filter(outbox::first_attempt_at.is_null())
        .select(outbox::customer_id)
        .limit(limit)
        .load(db)?;
    Ok(ids.into_iter().map(CustomerId::new).collect())
}

/// The calls about these rows.
pub fn of_customers(db: &mut Db, ids: &[CustomerId]) -> StoreResult<Vec<Call>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = ids.iter().map(CustomerId::as_str);
    let lookup = Lookup::new(outbox::all_columns, "outbox", outbox::customer_id, ids);
    let rows: Vec<Row> = lookup.load_from(db)?;
    rows.into_iter().map(call).collect()
}

/// The rows that a call is about, each with the profile it names.
pub fn rows(
    db: &mut Db,
    merchant: &MerchantId,
) -> StoreResult<Vec<(CustomerId, Option<SquareId>)>> {
    let rows: Vec<(String, Option<String>)> = outbox::table
        .filter(outbox::merchant_id.eq(merchant.as_str()))
        .select((outbox::customer_id, outbox::square_id))
        .load(db)?;
    let named =
        |(id, profile): (String, Option<String>)| (CustomerId::new(id), profile.map(SquareId::new));
    Ok(rows.into_iter().map(named).collect())
}

/// The creates that were tried and whose outcome is not known.
pub fn creates_in_flight(db: &mut Db, merchant: &MerchantId) -> StoreResult<Vec<Call>> {
    let in_flight = outbox::table
        .filter(outbox::merchant_id.eq(merchant.as_str()))
        .filter(outbox::operation.eq("create"))
        .filter(outbox::first_attempt_at.is_not_null());
    // Each batch of events asks; for both databases as one, diesel writes the text anew each time.
    let rows: Vec<Row> = match db {
        Db::Sqlite(connection) => in_flight.load(connection)?,
        Db::Postgres(connection) => in_flight.load(connection)?,
    };
    rows.into_iter().map(call).collect()
}

/// Takes the calls about these rows away.
pub fn remove(db: &mut Db, ids: &[CustomerId]) -> StoreResult<()> {
    if ids.is_empty() || seeded::is_on(Bug::ClaimNotReleased) {
        return Ok(());
    }
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    diesel::delete(outbox::table.filter(outbox::customer_id.eq_any(ids))).execute(db)?;
    Ok(())
}

/// How many calls wait, and since when the oldest does, from `outbox_by_operation` alone.
pub fn backlog(db: &mut Db) -> StoreResult<(i64, Option<Timestamp>)> {
    let (count, oldest): (i64, Option<NaiveDateTime>) = outbox::table
        .select((
            diesel::dsl::count_star(),
            diesel::dsl::min(outbox::created_at),
        ))
        .first(db)?;
    Ok((count, oldest.map(moment)))
}

fn row(merchant: &MerchantId, call: &Call) -> StoreResult<Row> {
    let (square_id, key) = match &call.operation {
        Operation::Create { key } => (None, Some(key.clone())),
        Operation::Update(id) | Operation::Delete(id) => (Some(id.as_str().to_owned()), None),
    };
    Ok(Row {
        customer_id: call.customer_id.as_str().to_owned(),
        merchant_id: merchant.as_str().to_owned(),
        operation: call.operation.as_str().to_owned(),
        square_id,
        idempotency_key: key,
        body: call.body.clone(),
        sent_fields: json(&call.sent)?,
        attempts: i32::try_from(call.attempts).unwrap_or(i32::MAX),
        next_attempt_at: stored(call.next_attempt),
        first_attempt_at: call.first_attempt.map(stored),
        created_at: stored(call.created),
    })
}

fn call(row: Row) -> StoreResult<Call> {
    let square_id = SquareId::new(row.square_id.unwrap_or_default());
    Ok(Call {
        customer_id: CustomerId::new(row.customer_id),
        operation: match row.operation.as_str() {
            "update" => Operation::Update(square_id),
            "delete" => Operation::Delete(square_id),
            _ => Operation::Create {
                key: row.idempotency_key.unwrap_or_default(),
            },
        },
        body: row.body,
        sent: parsed(&row.sent_fields)?,
        attempts: u32::try_from(row.attempts).unwrap_or(0),
        next_attempt: moment(row.next_attempt_at),
        first_attempt: row.first_attempt_at.map(moment),
        created: moment(row.created_at),
    })
}
