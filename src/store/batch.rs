//! Many rows at once: one prepared statement for each on SQLite, where a
//! statement costs nothing but its work; one for all on PostgreSQL, where each
//! costs a round trip. That one is given its columns as arrays: its text is the
//! same however many rows there are, so that it is prepared once, too.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, HasSqlType};
use diesel::{IntoSql, PgConnection, QueryResult, RunQueryDsl};

/// Inserts `rows`, a slice, of which these are the columns.
macro_rules! insert {
    ($db:expr, $table:ident, $rows:expr, $row:ident $(<$life:lifetime>)?, [$($column:ident),+ $(,)?]) => {
        match $db {
            $crate::store::connection::Db::Sqlite(connection) => {
                $crate::store::batch::known!();
                for row in $rows {
                    Known(diesel::insert_into($table::table).values(row)).execute(connection)?;
                }
            }
            $crate::store::connection::Db::Postgres(connection) => {
                $crate::store::batch::arrays!($table, $rows, $row, [$($column),+])
                    .insert(connection, "")?;
            }
        }
    };
}
pub(crate) use insert;

/// Inserts `rows`, a slice; a row whose key is there already takes the place of
/// the old one, but for the columns named after the key: they stay.
macro_rules! upsert {
    (
        $db:expr, $table:ident ($($key:ident),+ $(; $($stays:ident),+)?), $rows:expr,
        $row:ident $(<$life:lifetime>)?, [$($column:ident),+ $(,)?]
    ) => {
        match $db {
            $crate::store::connection::Db::Sqlite(connection) => {
                $crate::store::batch::known!();
                $crate::store::batch::replacing!($table ($($key),+), $row $(<$life>)?, [$($column),+]);
                for row in $rows {
                    let insert = diesel::insert_into($table::table)
                        .values(row)
                        .on_conflict_do_nothing();
                    let inserted = Known(insert).execute(connection)?;
                    if inserted == 0 && Replacing(row).execute(connection)? == 0 {
                        // Not the key was there already, but something else that may be there once only.
                        diesel::insert_into($table::table).values(row).execute(connection)?;
                    }
                }
            }
            $crate::store::connection::Db::Postgres(connection) => {
                let columns = [$(concat!(stringify!($column), " = excluded.", stringify!($column))),+];
                let keys = [$(stringify!($key)),+].join(", ");
                let or = format!(" ON CONFLICT ({keys}) DO UPDATE SET {}", columns.join(", "));
                $crate::store::batch::arrays!($table, $rows, $row, [$($key,)+ $($($stays,)+)? $($column),+])
                    .insert(connection, &or)?;
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
    ($table:ident, $rows:expr, $row:ident, [$($column:ident),+]) => {{
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

    /// Inserts the rows; `or` says what becomes of one that is there already.
    pub(crate) fn insert(self, connection: &mut PgConnection, or: &str) -> QueryResult<()> {
        if !self.is_empty {
            Insert { rows: self, or }.execute(connection)?;
        }
        Ok(())
    }
}

struct Insert<'a> {
    rows: Arrays<'a>,
    or: &'a str,
}

impl QueryFragment<Pg> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_sql(self.rows.table);
        out.push_sql(" (");
        out.push_sql(&self.rows.columns.join(", "));
        out.push_sql(") SELECT * FROM unnest(");
        for (position, values) in self.rows.values.iter().enumerate() {
            if 0 < position {
                out.push_sql(", ");
            }
            values.walk_ast(out.reborrow())?;
        }
        out.push_sql(")");
        out.push_sql(self.or);
        Ok(())
    }
}

impl QueryId for Insert<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<C> for Insert<'_> {}

/// Makes `Known(insert)`, an insert that diesel knows again by its type. It would
/// write its text anew for each row else, only to see that it is prepared.
macro_rules! known {
    () => {
        struct Known<Q>(Q);
        struct KnownId;

        impl<Q> diesel::query_builder::QueryId for Known<Q> {
            type QueryId = KnownId;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<Q> diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite> for Known<Q>
        where
            Q: diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite>,
        {
            fn walk_ast<'b>(
                &'b self,
                out: diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                self.0.walk_ast(out)
            }
        }

        impl<Q, C> diesel::RunQueryDsl<C> for Known<Q> {}
    };
}
pub(crate) use known;

/// Makes `Replacing(&row)`, a statement that puts a row in the place of the one
/// with its key. Diesel prepares its own updates anew each time, and with them
/// every trigger of the table; this one is the same text always and prepared once.
macro_rules! replacing {
    ($table:ident ($($key:ident),+), $row:ty, [$($column:ident),+]) => {
        struct Replacing<'a, R>(&'a R);
        struct Id;

        impl diesel::query_builder::QueryId for Replacing<'_, $row> {
            type QueryId = Id;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite> for Replacing<'_, $row> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                let head = concat!("UPDATE ", stringify!($table), " SET ");
                let mut words = std::iter::once(head).chain(std::iter::repeat(", "));
                $(
                    out.push_sql(words.next().unwrap_or_default());
                    out.push_sql(concat!(stringify!($column), " = "));
                    out.push_bind_param::<diesel::dsl::SqlTypeOf<$table::$column>, _>(&self.0.$column)?;
                )+
                let mut words = std::iter::once(" WHERE ").chain(std::iter::repeat(" AND "));
                $(
                    out.push_sql(words.next().unwrap_or_default());
                    out.push_sql(concat!(stringify!($key), " = "));
                    out.push_bind_param::<diesel::dsl::SqlTypeOf<$table::$key>, _>(&self.0.$key)?;
                )+
                Ok(())
            }
        }

        impl<C> diesel::RunQueryDsl<C> for Replacing<'_, $row> {}
    };
}
pub(crate) use replacing;

/// Inserts `rows`, a slice, of which these are the columns, but for those that
/// would break a unique index.
macro_rules! insert_new {
    ($db:expr, $table:ident, $rows:expr, $row:ident $(<$life:lifetime>)?, [$($column:ident),+ $(,)?]) => {
        match $db {
            $crate::store::connection::Db::Sqlite(connection) => {
                $crate::store::batch::known!();
                for row in $rows {
                    let insert = diesel::insert_into($table::table)
                        .values(row)
                        .on_conflict_do_nothing();
                    Known(insert).execute(connection)?;
                }
            }
            $crate::store::connection::Db::Postgres(connection) => {
                $crate::store::batch::arrays!($table, $rows, $row, [$($column),+])
                    .insert(connection, " ON CONFLICT DO NOTHING")?;
            }
        }
    };
}
pub(crate) use insert_new;
