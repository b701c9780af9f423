//! An empty database for one test.
//!
//! In: which kind. Out: a URL as a user would set it. No two tests see each
//! other's rows, also when several test processes share one server: SQLite is
//! a file in a fresh folder, PostgreSQL a fresh schema. Both go with the value;
//! after a crash a schema stays behind only on a server that is not ours.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

use super::postgres;

/// Which of the two databases a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// An empty database that nobody else uses. Dropping it removes it.
pub(crate) struct TestDb(Place);

enum Place {
    File(TempDir),
    /// A file in a folder that the test keeps itself.
    Kept(PathBuf),
    Schema {
        server: String,
        name: String,
    },
}

impl TestDb {
    /// Makes a new one, starting the PostgreSQL server if it is the first.
    pub(crate) fn new(kind: Kind) -> Self {
        Self(match kind {
            Kind::Sqlite => {
                Place::File(TempDir::with_prefix("squaresync-sqlite.").expect("a folder"))
            }
            Kind::Postgres => schema(running_server()),
        })
    }

    /// A SQLite file in a folder that stays when this is dropped.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self(Place::Kept(folder.join("test.db")))
    }

    /// Like [`new`](Self::new), but a file is kept in memory, where the system has a folder for that.
    pub(crate) fn in_memory(kind: Kind) -> Self {
        let shared = std::path::Path::new("/dev/shm");
        if kind == Kind::Postgres || !shared.is_dir() {
            return Self::new(kind);
        }
        let folder = TempDir::with_prefix_in("squaresync-sqlite.", shared);
        folder.map_or_else(|_| Self::new(kind), |folder| Self(Place::File(folder)))
    }

    /// What a user would write into `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        match &self.0 {
            Place::File(folder) => format!("sqlite:{}", folder.path().join("test.db").display()),
            Place::Kept(path) => format!("sqlite:{}", path.display()),
            Place::Schema { server, name } => {
                let mark = if server.contains('?') { '&' } else { '?' };
                format!("{server}{mark}options=-csearch_path%3D{name}")
            }
        }
    }

    /// Which database it is.
    pub(crate) fn kind(&self) -> Kind {
        match self.0 {
            Place::File(_) | Place::Kept(_) => Kind::Sqlite,
            Place::Schema { .. } => Kind::Postgres,
        }
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let Place::Schema { server, name } = &self.0 else {
            return;
        };
        // With a limit: a transaction that the test forgot would hold this up for ever.
        let dropped = execute(
            server,
            &format!("SET lock_timeout = '20s'; DROP SCHEMA {name} CASCADE"),
        );
        // A second panic would abort the process and hide the first.
        if !std::thread::panicking() {
            dropped.expect("to drop the schema: is a transaction still open?");
        }
    }
}

fn schema(server: &str) -> Place {
    let name = format!("test_{}", Uuid::new_v4().simple());
    execute(server, &format!("CREATE SCHEMA {name}")).expect("to create a schema");
    Place::Schema {
        server: server.to_owned(),
        name,
    }
}

/// The message has several lines, which `expect` would print as one.
fn running_server() -> &'static str {
    postgres::server().unwrap_or_else(|message| panic!("{message}"))
}

fn execute(server: &str, sql: &str) -> Result<(), Box<dyn std::error::Error>> {
    Ok(PgConnection::establish(server)?.batch_execute(sql)?)
}
