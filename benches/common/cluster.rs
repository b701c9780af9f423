//! The databases that a bench runs on: a new file for SQLite; for PostgreSQL a
//! new schema, on the server that `TEST_DATABASE_URL` names or on a private one,
//! started as the tests start theirs.

use std::process::Command;

use squaresync::store::Location;
use tempfile::TempDir;

#[path = "../../tests/it/support/postgres.rs"]
mod postgres;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Kind {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// As people write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A database that goes with its bench.
pub(crate) enum Database {
    /// A file in a folder of its own.
    Sqlite(TempDir),
    /// A schema of its own.
    Postgres(String),
}

impl Database {
    /// An empty one.
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite(TempDir::new().expect("a folder")),
            Kind::Postgres => {
                let schema = format!("bench_{}", uuid::Uuid::new_v4().simple());
                psql(&format!("CREATE SCHEMA {schema}"));
                Self::Postgres(schema)
            }
        }
    }

    /// As settings name it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("bench.db").display()),
            Self::Postgres(schema) => {
                let server = server();
                let mark = if server.contains('?') { '&' } else { '?' };
                format!("{server}{mark}options=-csearch_path%3D{schema}")
            }
        }
    }

    /// As the library names it.
    pub(crate) fn location(&self) -> Location {
        match self {
            Self::Sqlite(folder) => Location::Sqlite(folder.path().join("bench.db")),
            Self::Postgres(_) => Location::Postgres(self.url()),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres(schema) = self {
            psql(&format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

/// The server, without a schema.
fn server() -> &'static str {
    postgres::server().expect("PostgreSQL")
}

fn psql(sql: &str) {
    let done = Command::new("psql")
        .args(["-q", server(), "-c", sql])
        .env("PGOPTIONS", "--client-min-messages=warning")
        .status();
    assert!(done.expect("psql").success(), "{sql}");
}
