//! Rows looked up by many keys at once.
//!
//! In: a column and keys. Out: the rows that have one of them. The promise: the
//! statement is the same text however many keys there are, so that it is written
//! and prepared once; and it finds the rows of each key by the index, whatever the server
//! thinks of the table. PostgreSQL knows nothing of a table that filled up in the
//! last minute, and would read all of it rather than look up a hundred keys.

use std::any::Any;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::marker::PhantomData;

use diesel::Column;
use diesel::backend::Backend;
use diesel::expression::Expression;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{Array, Text};
use diesel::sqlite::Sqlite;
use diesel::{PgConnection, QueryResult, SqliteConnection};

use crate::store::connection::Db;

/// The statement; `S` are the columns to read, `K` is the key, and `W` a column that
/// comes before it in the index. They name its text: no two tables have the same.
pub(crate) struct Lookup<'a, S, K, W = ()> {
    columns: S,
    table: &'static str,
    within: Option<(&'static str, &'a str)>,
    named: PhantomData<(K, W)>,
    keys: Vec<&'a str>,
    /// The keys as SQLite is given them, once it is.
    json: OnceCell<String>,
}

impl<'a, S, K> Lookup<'a, S, K> {
    /// Reads `columns` of the rows of `table` whose `key` is one of `keys`.
    pub(crate) fn new(
        columns: S,
        table: &'static str,
        _key: K,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        // Each once: PostgreSQL would give a row for each.
        let keys: BTreeSet<&str> = keys.into_iter().collect();
        let keys: Vec<&str> = keys.into_iter().collect();
        Self {
            columns,
            table,
            within: None,
            named: PhantomData,
            keys,
            json: OnceCell::new(),
        }
    }

    /// Only those whose `column` is `value`.
    pub(crate) fn within<W: Column>(self, _column: W, value: &'a str) -> Lookup<'a, S, K, W> {
        Lookup {
            columns: self.columns,
            table: self.table,
            within: Some((W::NAME, value)),
            named: PhantomData,
            keys: self.keys,
            json: self.json,
        }
    }
}

impl<'a, S, K, W> Lookup<'a, S, K, W> {
    /// The rows, from either database.
    pub(crate) fn load_from<'q, T>(self, db: &'q mut Db) -> QueryResult<Vec<T>>
    where
        Self: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
    {
        match db {
            Db::Sqlite(connection) => self.load(connection),
            Db::Postgres(connection) => self.load(connection),
        }
    }

    fn conditions<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        K: Column,
        DB: Backend + diesel::sql_types::HasSqlType<Text>,
        &'a str: diesel::serialize::ToSql<Text, DB>,
    {
        out.push_sql(" WHERE ");
        if let Some((column, value)) = &self.within {
            out.push_sql(column);
            out.push_sql(" = ");
            out.push_bind_param::<Text, _>(value)?;
            out.push_sql(" AND ");
        }
        out.push_sql(K::NAME);
        Ok(())
    }
}

impl<S: QueryFragment<Sqlite>, K: Column, W> QueryFragment<Sqlite> for Lookup<'_, S, K, W> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(" FROM ");
        out.push_sql(self.table);
        self.conditions(&mut out)?;
        out.push_sql(" IN (SELECT value FROM json_each(");
        let json = || serde_json::Value::from(self.keys.clone()).to_string();
        out.push_bind_param::<Text, _>(self.json.get_or_init(json))?;
        out.push_sql("))");
        Ok(())
    }
}

impl<S: QueryFragment<Pg>, K: Column, W> QueryFragment<Pg> for Lookup<'_, S, K, W> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.keys)?;
        out.push_sql(") AS wanted (key), LATERAL (SELECT * FROM ");
        out.push_sql(self.table);
        self.conditions(&mut out)?;
        // Without the offset it would be one query again, with one plan for all keys.
        out.push_sql(" = wanted.key OFFSET 0) AS ");
        out.push_sql(self.table);
        Ok(())
    }
}

impl<S: Expression, K, W> Query for Lookup<'_, S, K, W> {
    type SqlType = S::SqlType;
}

impl<S: QueryId, K: Any, W: Any> QueryId for Lookup<'_, S, K, W> {
    type QueryId = Lookup<'static, S::QueryId, K, W>;
    const HAS_STATIC_QUERY_ID: bool = S::HAS_STATIC_QUERY_ID;
}

impl<S, K, W, C> RunQueryDsl<C> for Lookup<'_, S, K, W> {}
