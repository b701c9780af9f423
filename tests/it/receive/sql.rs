//! A connection beside the program's, as an application or an operator has it.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};

use crate::support::{Kind, TestDb};

/// A connection of somebody else.
pub(crate) enum Other {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Other {
    pub(crate) fn new(db: &TestDb) -> Self {
        let url = db.url();
        match db.kind() {
            Kind::Sqlite => {
                let path = url.trim_start_matches("sqlite:");
                Self::Sqlite(SqliteConnection::establish(path).unwrap())
            }
            Kind::Postgres => Self::Postgres(PgConnection::establish(&url).unwrap()),
        }
    }

    pub(crate) fn run(&mut self, sql: &str) {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql).unwrap(),
            Self::Postgres(connection) => connection.batch_execute(sql).unwrap(),
        }
    }

    /// Columns of a table as text, a line each row.
    pub(crate) fn lines(&mut self, columns: &[&str], rest: &str) -> Vec<String> {
        let columns: Vec<String> = columns
            .iter()
            .map(|column| format!("coalesce(CAST({column} AS TEXT), '-')"))
            .collect();
        let query = sql_query(format!(
            "SELECT {} AS line FROM {rest}",
            columns.join(" || ' ' || ")
        ));
        let lines: Vec<Line> = match self {
            Self::Sqlite(connection) => query.load(connection).unwrap(),
            Self::Postgres(connection) => query.load(connection).unwrap(),
        };
        lines.into_iter().map(|line| line.line).collect()
    }

    /// Everything that is kept of customers, but for the moments of our own clock.
    pub(crate) fn customers(&mut self) -> Vec<String> {
        let mut lines = self.lines(&CUSTOMERS, "customers ORDER BY id");
        lines.extend(self.lines(&IMAGES, "images ORDER BY square_id"));
        lines
    }

    /// Of each event in the inbox its type and state, in the order of arrival.
    pub(crate) fn inbox(&mut self) -> Vec<String> {
        self.lines(&["event_type", "state"], "inbox ORDER BY seq")
    }

    /// How many rows there are.
    pub(crate) fn count(&mut self, rest: &str) -> usize {
        self.lines(&["count(*)"], rest)[0].parse().unwrap()
    }
}

const CUSTOMERS: [&str; 21] = [
    "id",
    "merchant_id",
    "square_id",
    "given_name",
    "family_name",
    "company_name",
    "email_address",
    "phone_number",
    "birthday",
    "note",
    "address_line_1",
    "country",
    "email_unsubscribed",
    "group_ids",
    "square_version",
    "square_created_at",
    "square_updated_at",
    "sync_state",
    "sync_error",
    "deleted_at IS NULL",
    "merged_into",
];

const IMAGES: [&str; 10] = [
    "square_id",
    "customer_id",
    "version",
    "profile",
    "apart",
    "tombstone_version",
    "tombstone_cause",
    "merged_into",
    "base",
    "unmerged",
];
