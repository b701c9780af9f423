//! Rows that are about to be changed: ids in, rows out, locked. Nothing is
//! waited for. The promise: until the transaction ends no application changes
//! them; those that one holds already, or is just deleting, are named and left alone.

use std::collections::BTreeSet;

use diesel::dsl::SqlTypeOf;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, Nullable, Text};

use crate::domain::id::CustomerId;
use crate::store::connection::Db;
use crate::store::customers::columns::Columns;
use crate::store::customers::{Row, with_ids};
use crate::store::error::StoreResult;
use crate::store::schema::customers;

/// What a look at rows by id found.
#[derive(Debug, Default)]
pub struct Found {
    /// The rows, ours to change until the transaction ends.
    pub rows: Vec<Row>,
    /// Rows that were there a moment ago, but that an application has locked or deletes right now.
    pub locked: Vec<CustomerId>,
}

/// The rows with these ids, locked against applications' writes. Does not wait
/// for rows that an application holds, but names them.
pub fn lock(db: &mut Db, ids: &[CustomerId]) -> StoreResult<Found> {
    let mut found = Found::default();
    if ids.is_empty() {
        return Ok(found);
    }
    match db {
        Db::Sqlite(connection) => {
            let rows: Vec<Columns> = with_ids(ids).load(connection)?;
            found.rows = rows.into_iter().map(Columns::into_row).collect();
        }
        Db::Postgres(connection) => {
            // Each once: there would be a row for each.
            let wanted: BTreeSet<&str> = ids.iter().map(CustomerId::as_str).collect();
            let wanted: Vec<&str> = wanted.into_iter().collect();
            let rows: Vec<(String, Option<Columns>)> = Locked(&wanted).load(connection)?;
            for (id, row) in rows {
                match row {
                    Some(row) => found.rows.push(row.into_row()),
                    None => found.locked.push(CustomerId::new(id)),
                }
            }
        }
    }
    Ok(found)
}

/// The ids of these rows that are there, each with its row where nobody holds it.
struct Locked<'a>(&'a [&'a str]);
struct LockedId;

impl QueryId for Locked<'_> {
    type QueryId = LockedId;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Locked<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT there.id, ");
        customers::all_columns.walk_ast(out.reborrow())?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.0)?;
        // Without the offset it would be one query, with one plan for all keys.
        out.push_sql(
            ") AS wanted (key), \
             LATERAL (SELECT id FROM customers WHERE id = wanted.key OFFSET 0) AS there \
             LEFT JOIN LATERAL (SELECT * FROM customers WHERE id = there.id FOR UPDATE SKIP LOCKED) \
             AS customers ON true",
        );
        Ok(())
    }
}

impl Query for Locked<'_> {
    type SqlType = (
        Text,
        Nullable<SqlTypeOf<<customers::table as Table>::AllColumns>>,
    );
}

impl RunQueryDsl<PgConnection> for Locked<'_> {}
