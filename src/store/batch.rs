//! Many rows at once, of one table or several: one prepared statement for each
//! row on SQLite, where a statement costs nothing but its work; one for all of
//! them on PostgreSQL, where each costs a round trip. That one is given its
//! columns as arrays: its text is the same however many rows there are, so that
//! it is prepared once, too.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, HasSqlType};
use diesel::{IntoSql, QueryResult, RunQueryDsl, SqliteConnection};

use crate::store::connection::Db;
use crate::store::error::StoreResult;

mod known;

pub(crate) use known::{inserting, replacing};

/// How many rows a statement of SQLite's inserts, where there are as many.
pub(crate) const AT_ONCE: usize = 8;

/// Where rows are written.
pub(crate) enum To<'c, 'a> {
    /// SQLite takes each at once.
    File(&'c mut SqliteConnection),
    /// PostgreSQL is told of all together.
    Server(&'c mut Vec<Insert<'a>>),
}

/// Writes what `work` writes. No two of the tables' rows may need each other:
/// which of them PostgreSQL writes first is not said.
pub(crate) fn write<'a>(
    db: &mut Db,
    work: impl FnOnce(&mut To<'_, 'a>) -> StoreResult<()>,
) -> StoreResult<()> {
    match db {
        Db::Sqlite(connection) => work(&mut To::File(connection)),
        Db::Postgres(connection) => {
            let mut inserts = Vec::new();
            work(&mut To::Server(&mut inserts))?;
            inserts.retain(|insert| !insert.rows.is_empty);
            if !inserts.is_empty() {
                Together(inserts).execute(connection)?;
            }
            Ok(())
        }
    }
}

/// Inserts `rows`, a slice, of which these are the columns; `or` says what else to do
/// with a row that would break a unique index.
macro_rules! insert {
    ($to:expr, $table:ident, $rows:expr, $row:ident $(<$life:lifetime>)?, [$($column:ident),+ $(,)?]) => {
        $crate::store::batch::insert!($to, $table, $rows, $row $(<$life>)?, [$($column),+], or "")
    };
    (
        $to:expr, $table:ident, $rows:expr, $row:ident $(<$life:lifetime>)?, [$($column:ident),+ $(,)?],
        or $or:literal
    ) => {
        match $to {
            $crate::store::batch::To::File(connection) => {
                let connection: &mut diesel::SqliteConnection = connection;
                $crate::store::batch::inserting!(
                    Inserting InsertingId, $table, $row $(<$life>)?, [$($column),+], $or
                );
                let (together, others) = $rows.as_chunks::<{ $crate::store::batch::AT_ONCE }>();
                for rows in together {
                    Inserting(rows).execute(connection)?;
                }
                for row in others {
                    Inserting(std::array::from_ref(row)).execute(connection)?;
                }
            }
            $crate::store::batch::To::Server(inserts) => {
                inserts.push($crate::store::batch::arrays!($table, $rows, $row, [$($column),+]).or($or.to_owned()));
            }
        }
    };
}
pub(crate) use insert;

/// Inserts `rows`, a slice; a row whose key is there already takes the place of
/// the old one, but for the columns named after the key: they stay.
///
/// `indexed` are columns that hardly ever change. An update that names one writes
/// its index anew on SQLite, though it puts there what is there, and in a large
/// table each is a page of its own: where they hold the same, it leaves them out.
macro_rules! upsert {
    (
        $to:expr, $table:ident ($($key:ident),+ $(; $($stays:ident),+)?), $rows:expr,
        $row:ident $(<$life:lifetime>)?, [$($column:ident),+ $(,)?], indexed [$($indexed:ident),* $(,)?]
    ) => {
        match $to {
            $crate::store::batch::To::File(connection) => {
                let connection: &mut diesel::SqliteConnection = connection;
                $crate::store::batch::inserting!(
                    IfNew IfNewId, $table, $row $(<$life>)?,
                    [$($key,)+ $($($stays,)+)? $($column,)+ $($indexed),*], " ON CONFLICT DO NOTHING"
                );
                $crate::store::batch::inserting!(
                    Inserting InsertingId, $table, $row $(<$life>)?,
                    [$($key,)+ $($($stays,)+)? $($column,)+ $($indexed),*], ""
                );
                $crate::store::batch::replacing!(
                    Usual UsualId, $table ($($key),+), $row $(<$life>)?, [$($column),+], same [$($indexed),*]
                );
                $crate::store::batch::replacing!(
                    Replacing ReplacingId, $table ($($key),+), $row $(<$life>)?, [$($column,)+ $($indexed),*], same []
                );
                fn change(
                    connection: &mut diesel::SqliteConnection,
                    row: &$row $(<$life>)?,
                ) -> diesel::QueryResult<bool> {
                    Ok(Usual(row).execute(connection)? != 0 || Replacing(row).execute(connection)? != 0)
                }
                fn put(
                    connection: &mut diesel::SqliteConnection,
                    row: &$row $(<$life>)?,
                    are_new: &mut bool,
                ) -> diesel::QueryResult<()> {
                    if !*are_new && change(connection, row)? {
                        return Ok(());
                    }
                    let alone = std::array::from_ref(row);
                    *are_new = IfNew(alone).execute(connection)? != 0;
                    if !*are_new && !change(connection, row)? {
                        // Not the key was there already, but something else that may be there once only.
                        Inserting(alone).execute(connection)?;
                    }
                    Ok(())
                }
                // Most rows of a batch are alike: what the one before was is tried first.
                let mut are_new = true;
                let (together, others) = $rows.as_chunks::<{ $crate::store::batch::AT_ONCE }>();
                for rows in together {
                    if are_new && IfNew(rows).execute(connection)? == rows.len() {
                        continue;
                    }
                    // Those that were new are written again, as they are.
                    for row in rows {
                        put(connection, row, &mut are_new)?;
                    }
                }
                for row in others {
                    put(connection, row, &mut are_new)?;
                }
            }
            $crate::store::batch::To::Server(inserts) => {
                let columns = [
                    $(concat!(stringify!($column), " = excluded.", stringify!($column)),)+
                    $(concat!(stringify!($indexed), " = excluded.", stringify!($indexed)),)*
                ];
                let keys = [$(stringify!($key)),+].join(", ");
                let or = format!(" ON CONFLICT ({keys}) DO UPDATE SET {}", columns.join(", "));
                inserts.push($crate::store::batch::arrays!($table, $rows, $row, [$($key,)+ $($($stays,)+)? $($column,)+ $($indexed),*]).or(or));
            }
        }
    };
}
pub(crate) use upsert;

/// Rows for PostgreSQL, column by column.
pub(crate) struct Arrays<'a> {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [&'static str],
    pub(crate) is_empty: bool,
    /// An array for each of them.
    pub(crate) values: Vec<Box<dyn QueryFragment<Pg> + 'a>>,
}

/// Makes [`Arrays`] of rows, a slice; these are all of their columns.
macro_rules! arrays {
    ($table:ident, $rows:expr, $row:ident, [$($column:ident),+ $(,)?]) => {{
        let mut values = $crate::store::batch::Arrays {
            table: stringify!($table),
            columns: &[$(stringify!($column)),+],
            is_empty: $rows.is_empty(),
            values: Vec::new(),
        };
        $(
            let column: Vec<_> = $rows.iter().map(|$row { $column, .. }| $column).collect();
            values.add::<diesel::dsl::SqlTypeOf<$table::$column>, _>(column);
        )+
        // Does not compile where one is left out.
        let _ = |$row { $($column: _),+ }: &$row| {};
        values
    }};
}
pub(crate) use arrays;

impl<'a> Arrays<'a> {
    pub(crate) fn add<S, T>(&mut self, column: Vec<T>)
    where
        S: 'static,
        Vec<T>: ToSql<Array<S>, Pg> + 'a,
        Pg: HasSqlType<Array<S>>,
    {
        self.values
            .push(Box::new(IntoSql::into_sql::<Array<S>>(column)));
    }

    /// `or` says what becomes of a row that is there already.
    pub(crate) fn or(self, or: String) -> Insert<'a> {
        Insert { rows: self, or }
    }
}

/// Rows for a table of PostgreSQL.
pub(crate) struct Insert<'a> {
    rows: Arrays<'a>,
    or: String,
}

impl QueryFragment<Pg> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_sql(self.rows.table);
        out.push_sql(" (");
        out.push_sql(&self.rows.columns.join(", "));
        // Each array for itself: of one table made of all of them the server keeps a copy.
        out.push_sql(") SELECT ");
        for (position, values) in self.rows.values.iter().enumerate() {
            if 0 < position {
                out.push_sql(", ");
            }
            out.push_sql("unnest(");
            values.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        out.push_sql(&self.or);
        Ok(())
    }
}

/// Inserts as one statement: all but the last are its `WITH`.
struct Together<'a>(Vec<Insert<'a>>);

impl QueryFragment<Pg> for Together<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut words = std::iter::once("WITH ").chain(std::iter::repeat(", "));
        let Some((last, others)) = self.0.split_last() else {
            return Ok(());
        };
        for insert in others {
            out.push_sql(words.next().unwrap_or_default());
            out.push_sql("new_");
            out.push_sql(insert.rows.table);
            out.push_sql(" AS (");
            insert.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        out.push_sql(" ");
        last.walk_ast(out.reborrow())
    }
}

impl QueryId for Together<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<C> for Together<'_> {}

/// Inserts `rows`, a slice, of which these are the columns, but for those that
/// would break a unique index.
macro_rules! insert_new {
    ($to:expr, $table:ident, $rows:expr, $row:ident $(<$life:lifetime>)?, [$($column:ident),+ $(,)?]) => {
        $crate::store::batch::insert!(
            $to, $table, $rows, $row $(<$life>)?, [$($column),+], or " ON CONFLICT DO NOTHING"
        )
    };
}
pub(crate) use insert_new;
