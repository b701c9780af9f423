//! Another program on the same database: a plain connection, without anything
//! of squaresync's, as an application in any language would have it.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Nullable, Text};
use diesel::{
    Connection, PgConnection, QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_query,
};

use super::{Kind, TestDb};

/// A connection that plays another program.
pub(crate) enum OtherProgram {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

impl OtherProgram {
    /// Connects. A lock is waited for: the store may be opening a connection just then.
    pub(crate) fn new(db: &TestDb) -> Self {
        let url = db.url();
        match db.kind() {
            Kind::Sqlite => {
                let path = url.trim_start_matches("sqlite:");
                let mut connection = SqliteConnection::establish(path).unwrap();
                let patience = "PRAGMA busy_timeout = 5000";
                connection.batch_execute(patience).unwrap();
                Self::Sqlite(connection)
            }
            Kind::Postgres => Self::Postgres(PgConnection::establish(&url).unwrap()),
        }
    }

    /// Runs any number of statements.
    pub(crate) fn run(&mut self, sql: &str) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql),
            Self::Postgres(connection) => connection.batch_execute(sql),
        }
    }

    /// What the database says to a statement that it must not take.
    #[track_caller]
    pub(crate) fn refusal(&mut self, sql: &str) -> String {
        match self.run(sql) {
            Ok(()) => panic!("this was taken: {sql}"),
            Err(error) => error.to_string(),
        }
    }

    /// The column called `value` of a query, as text, row by row.
    #[track_caller]
    pub(crate) fn values(&mut self, sql: &str) -> Vec<Option<String>> {
        let query = sql_query(format!(
            "SELECT CAST(value AS TEXT) AS value FROM ({sql}) AS found"
        ));
        let cells: Vec<Cell> = match self {
            Self::Sqlite(connection) => query.load(connection),
            Self::Postgres(connection) => query.load(connection),
        }
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
        cells.into_iter().map(|cell| cell.value).collect()
    }

    /// One expression of the only row of `customers`.
    #[track_caller]
    pub(crate) fn customer(&mut self, expression: &str) -> Option<String> {
        let found = self.values(&format!("SELECT {expression} AS value FROM customers"));
        assert_eq!(found.len(), 1, "rows of customers");
        found.into_iter().next().flatten()
    }

    /// How many rows a query has.
    #[track_caller]
    pub(crate) fn count(&mut self, table_and_condition: &str) -> usize {
        self.values(&format!("SELECT 1 AS value FROM {table_and_condition}"))
            .len()
    }

    /// What the tables look like, a line for each column, key and index, in
    /// words that are the same for both databases.
    pub(crate) fn catalogue(&mut self) -> Vec<String> {
        let [columns, indexes] = match self {
            Self::Sqlite(_) => SQLITE_CATALOGUE,
            Self::Postgres(_) => POSTGRES_CATALOGUE,
        };
        let mut lines = self.values(columns);
        let mut indexes = self.values(indexes);
        indexes.sort_unstable();
        lines.extend(indexes);
        lines.into_iter().flatten().collect()
    }
}

/// A rowid must be called INTEGER to be one. `own_writes` is how SQLite's
/// triggers know what PostgreSQL's learn from a setting.
const SQLITE_CATALOGUE: [&str; 2] = [
    "SELECT object.name || '.' || field.name || ' '
        || CASE WHEN field.type = 'INTEGER' AND field.pk = 1 THEN 'bigint' ELSE lower(field.type) END
        || CASE WHEN field.\"notnull\" THEN ' not null' ELSE '' END AS value
     FROM sqlite_master AS object, pragma_table_info(object.name) AS field
     WHERE object.type IN ('table', 'view') AND object.name NOT LIKE 'sqlite%'
        AND object.name NOT IN ('own_writes', '__diesel_schema_migrations')
     ORDER BY object.name, field.cid",
    "SELECT value FROM (
        SELECT object.name AS place, object.name || ' key '
            || (SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_table_info(object.name) WHERE pk > 0 ORDER BY pk)) AS value
        FROM sqlite_master AS object
        WHERE object.type = 'table' AND object.name NOT LIKE 'sqlite%'
        UNION ALL
        SELECT object.name, object.name || ' ' || CASE WHEN list.origin = 'c' THEN list.name ELSE '' END
            || CASE WHEN list.\"unique\" THEN ' unique ' ELSE ' ' END
            || (SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_index_info(list.name) ORDER BY seqno))
            || CASE WHEN list.partial THEN ' partial' ELSE '' END
        FROM sqlite_master AS object, pragma_index_list(object.name) AS list
        WHERE object.type = 'table' AND list.origin <> 'pk'
     ) WHERE place NOT IN ('own_writes', '__diesel_schema_migrations')",
];

const POSTGRES_CATALOGUE: [&str; 2] = [
    "SELECT table_name || '.' || column_name || ' '
        || CASE data_type WHEN 'timestamp without time zone' THEN 'timestamp' WHEN 'bytea' THEN 'blob' ELSE data_type END
        || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END AS value
     FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name <> '__diesel_schema_migrations'
     ORDER BY table_name COLLATE \"C\", ordinal_position",
    "SELECT \"table\".relname || CASE
            WHEN indisprimary THEN ' key '
            ELSE ' ' || CASE WHEN made.oid IS NULL THEN index.relname ELSE '' END
                || CASE WHEN indisunique THEN ' unique ' ELSE ' ' END
        END
        || (SELECT string_agg(attname, ' ' ORDER BY place) FROM unnest(indkey) WITH ORDINALITY AS part (number, place)
            JOIN pg_attribute ON attrelid = indrelid AND attnum = number)
        || CASE WHEN indpred IS NOT NULL THEN ' partial' ELSE '' END AS value
     FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_class AS \"table\" ON \"table\".oid = indrelid
     LEFT JOIN pg_constraint AS made ON made.conindid = indexrelid
     WHERE \"table\".relnamespace = current_schema()::regnamespace AND \"table\".relname <> '__diesel_schema_migrations'",
];
