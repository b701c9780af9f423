//! Statements for SQLite that are written and prepared once: diesel knows them
//! again by their type. Macros, since each table has types of its own.

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

/// Makes `$name(&row)`, a statement that changes the row with this key, where it
/// holds the same in some columns already. Diesel prepares its own updates anew
/// each time, and with them every trigger of the table; this one is the same text
/// always and prepared once.
macro_rules! replacing {
    (
        $name:ident $id:ident, $table:ident ($($key:ident),+), $row:ty,
        [$($column:ident),+ $(,)?], same [$($same:ident),*]
    ) => {
        struct $name<'a, R>(&'a R);
        struct $id;

        impl diesel::query_builder::QueryId for $name<'_, $row> {
            type QueryId = $id;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite> for $name<'_, $row> {
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
                $(
                    out.push_sql(concat!(" AND ", stringify!($same), " IS "));
                    out.push_bind_param::<diesel::dsl::SqlTypeOf<$table::$same>, _>(&self.0.$same)?;
                )*
                Ok(())
            }
        }

        impl<C> diesel::RunQueryDsl<C> for $name<'_, $row> {}
    };
}
pub(crate) use replacing;
