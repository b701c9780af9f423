//! Many rows at once: one prepared statement for each on SQLite, where a
//! statement costs nothing but its work; one round trip for many on PostgreSQL,
//! where each statement costs one.

/// How many rows one PostgreSQL statement takes; its parameters are limited to 65,535.
pub(crate) const CHUNK: usize = 500;

/// Inserts `rows`, a slice.
macro_rules! insert {
    ($db:expr, $table:ident, $rows:expr) => {
        match $db {
            $crate::store::connection::Db::Sqlite(connection) => {
                $crate::store::batch::known!();
                for row in $rows {
                    Known(diesel::insert_into($table::table).values(row)).execute(connection)?;
                }
            }
            $crate::store::connection::Db::Postgres(connection) => {
                for chunk in $rows.chunks($crate::store::batch::CHUNK) {
                    diesel::insert_into($table::table)
                        .values(chunk)
                        .execute(connection)?;
                }
            }
        }
    };
}
pub(crate) use insert;

/// Inserts `rows`, a slice; a row whose key is there already takes the place of the old one.
macro_rules! upsert {
    ($db:expr, $table:ident ($($key:ident),+), $rows:expr, $row:ty, [$($column:ident),+ $(,)?]) => {
        match $db {
            $crate::store::connection::Db::Sqlite(connection) => {
                $crate::store::batch::known!();
                $crate::store::batch::replacing!($table ($($key),+), $row, [$($column),+]);
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
                for chunk in $rows.chunks($crate::store::batch::CHUNK) {
                    diesel::insert_into($table::table)
                        .values(chunk)
                        .on_conflict(($($table::$key,)+))
                        .do_update()
                        .set(($($table::$column.eq(diesel::upsert::excluded($table::$column)),)+))
                        .execute(connection)?;
                }
            }
        }
    };
}
pub(crate) use upsert;

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

/// Inserts `rows`, a slice, but for those that would break a unique index.
macro_rules! insert_new {
    ($db:expr, $table:ident, $rows:expr) => {
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
                for chunk in $rows.chunks($crate::store::batch::CHUNK) {
                    diesel::insert_into($table::table)
                        .values(chunk)
                        .on_conflict_do_nothing()
                        .execute(connection)?;
                }
            }
        }
    };
}
pub(crate) use insert_new;
