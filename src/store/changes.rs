//! `changes`: every effect on a customer, in order, for ever. Only ever added to.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::domain::Timestamp;
use crate::domain::field::Field;
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::store::batch::{self, To};
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::json::{json, parsed};
use crate::store::schema::changes;
use crate::store::time::{At, moment, stored};

/// What an effect came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A webhook.
    Event,
    /// A pass of the reconciler, the backfill or the census.
    Pass,
    /// The answer to a call of ours.
    Push,
    /// An application's own write.
    Application,
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Pass => "pass",
            Self::Push => "push",
            Self::Application => "application",
        }
    }
}

/// One effect on one customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The row.
    pub customer_id: CustomerId,
    /// Its profile, once it has one.
    pub square_id: Option<SquareId>,
    /// What it came from.
    pub source: Source,
    /// The profile's version afterwards.
    pub version: Option<i64>,
    /// Column, old value, new value.
    pub fields: Vec<(&'static str, Value, Value)>,
    /// When it took effect here.
    pub at: Timestamp,
}

pub(super) struct Row {
    merchant_id: String,
    customer_id: String,
    square_id: Option<String>,
    source: &'static str,
    version: Option<i64>,
    fields: String,
    changed_at: At,
}

/// Adds to the log.
pub fn add(db: &mut Db, merchant: &MerchantId, all: &[Change]) -> StoreResult<()> {
    let rows = rows(merchant, all)?;
    batch::write(db, |to| write(to, &rows))
}

/// Effects as their table has them.
pub(super) fn rows(merchant: &MerchantId, all: &[Change]) -> StoreResult<Vec<Row>> {
    all.iter().map(|change| row(merchant, change)).collect()
}

/// Adds such rows to the log.
pub(super) fn write<'a>(to: &mut To<'_, 'a>, rows: &'a [Row]) -> StoreResult<()> {
    batch::insert!(
        to,
        changes,
        rows,
        Row,
        [
            merchant_id,
            customer_id,
            square_id,
            source,
            version,
            fields,
            changed_at,
        ]
    );
    Ok(())
}

/// An application's edit.
#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = changes)]
struct Edit {
    customer_id: String,
    fields: String,
    changed_at: NaiveDateTime,
}

/// How many of a row's effects are looked at for its last edits.
const RECENT: i64 = 200;

/// When applications last changed the fields of these rows, in the order in
/// which they did: of a field changed twice, the later time comes later.
pub fn last_edits(
    db: &mut Db,
    ids: &[CustomerId],
) -> StoreResult<Vec<(CustomerId, Field, Timestamp)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = match db {
        Db::Sqlite(connection) => {
            let mut found = Vec::new();
            for id in ids {
                found.extend(last_of(connection, id)?);
            }
            found
        }
        Db::Postgres(connection) => {
            let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
            let query = diesel::sql_query(LAST_EDITS)
                .bind::<Array<Text>, _>(ids)
                .bind::<BigInt, _>(RECENT);
            query.load(connection)?
        }
    };
    let mut edits = Vec::new();
    for edit in found {
        let (id, at) = (CustomerId::new(edit.customer_id), moment(edit.changed_at));
        let fields: serde_json::Map<String, Value> = parsed(&edit.fields)?;
        let fields = fields.keys().filter_map(|column| Field::of_column(column));
        edits.extend(fields.map(|field| (id.clone(), field, at)));
    }
    Ok(edits)
}

/// The last edits of a row, oldest first.
fn last_of(connection: &mut SqliteConnection, id: &CustomerId) -> StoreResult<Vec<Edit>> {
    let of_row = changes::table
        .filter(changes::customer_id.eq(id.as_str()))
        .filter(changes::source.eq(Source::Application.as_str()));
    let mut edits: Vec<Edit> = of_row
        .select(Edit::as_select())
        .order(changes::seq.desc())
        .limit(RECENT)
        .load(connection)?;
    edits.reverse();
    Ok(edits)
}

/// The same of many rows, in one statement.
const LAST_EDITS: &str = "SELECT edits.* FROM unnest($1) AS wanted (id), \
     LATERAL (SELECT * FROM changes WHERE customer_id = wanted.id AND source = 'application' \
     ORDER BY seq DESC LIMIT $2) AS edits ORDER BY edits.seq";

/// What applications changed in this row since something else last did: each
/// field with what it held before.
pub fn edits_since_ours(db: &mut Db, id: &CustomerId) -> StoreResult<Vec<(Field, Option<String>)>> {
    let of_row = changes::table.filter(changes::customer_id.eq(id.as_str()));
    let ours: Option<i64> = of_row
        .filter(changes::source.ne(Source::Application.as_str()))
        .select(diesel::dsl::max(changes::seq))
        .first(db)?;
    let rows: Vec<String> = of_row
        .filter(changes::seq.gt(ours.unwrap_or(0)))
        .select(changes::fields)
        .order(changes::seq.desc())
        .load(db)?;
    let mut edits = BTreeMap::new();
    for fields in rows {
        let fields: BTreeMap<String, Vec<Value>> = parsed(&fields)?;
        for (column, values) in fields {
            let before = values.first().and_then(Value::as_str).map(str::to_owned);
            edits.extend(Field::of_column(&column).map(|field| (field, before)));
        }
    }
    Ok(edits.into_iter().collect())
}

/// How many effects there have been.
pub fn count(db: &mut Db) -> StoreResult<i64> {
    Ok(changes::table.count().get_result(db)?)
}

/// Fields as the column holds them: an object of old and new values.
struct Told<'a>(&'a [(&'static str, Value, Value)]);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.iter();
        serializer.collect_map(fields.map(|(column, old, new)| (column, [old, new])))
    }
}

fn row(merchant: &MerchantId, change: &Change) -> StoreResult<Row> {
    Ok(Row {
        merchant_id: merchant.as_str().to_owned(),
        customer_id: change.customer_id.as_str().to_owned(),
        square_id: change.square_id.as_ref().map(|id| id.as_str().to_owned()),
        source: change.source.as_str(),
        version: change.version,
        fields: json(&Told(&change.fields))?,
        changed_at: At(stored(change.at)),
    })
}
