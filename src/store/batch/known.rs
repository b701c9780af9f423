//! Statements for SQLite that are written and prepared once: diesel knows them
//! again by their type. Macros, since each table has types of its own.

/// Makes `$name(&rows)`, a statement that inserts so many rows, of which these are all columns. Diesel
/// looks for a value in each of a row's columns several times before it inserts it.
macro_rules! inserting {
    (
        $name:ident $id:ident, $table:ident, $row:ty,
        [$first:ident $(, $column:ident)* $(,)?], $or:literal
    ) => {
        struct $name<'a, R, const N: usize>(&'a [R; N]);
        struct $id<const N: usize>;

        impl<const N: usize> diesel::query_builder::QueryId for $name<'_, $row, N> {
            type QueryId = $id<N>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<const N: usize> diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite> for $name<'_, $row, N> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                out.push_sql(concat!(
                    "INSERT INTO ", stringify!($table),
                    " (", stringify!($first), $(", ", stringify!($column),)* ") VALUES ("
                ));
                for (position, row) in self.0.iter().enumerate() {
                    if 0 < position {
                        out.push_sql("), (");
                    }
                    out.push_bind_param::<diesel::dsl::SqlTypeOf<$table::$first>, _>(&row.$first)?;
                    $(
                        out.push_sql(", ");
                        out.push_bind_param::<diesel::dsl::SqlTypeOf<$table::$column>, _>(&row.$column)?;
                    )*
                }
                out.push_sql(concat!(")", $or));
                Ok(())
            }
        }

        impl<C, const N: usize> diesel::RunQueryDsl<C> for $name<'_, $row, N> {}
    };
}
pub(crate) use inserting;

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
