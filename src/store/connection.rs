//! One connection to either database, opened by the URL's scheme and never by
//! trial: a mistyped PostgreSQL URL must not become a SQLite file.

use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::ManageConnection;

use crate::store::error::{StoreError, StoreResult};
use crate::store::files;
use crate::store::location::Location;
use crate::store::plans::Plans;

/// A connection to either database.
#[derive(diesel::MultiConnection)]
#[expect(missing_docs, reason = "generated")]
pub enum Db {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A pooled connection, and whether it failed: after an error of the disk or
/// the network its state is not known, so it is closed and not used again.
pub(crate) struct Pooled {
    pub(crate) db: Db,
    pub(crate) broken: bool,
    plans: Plans,
}

impl Pooled {
    /// The database, for a transaction that begins now.
    pub(crate) fn begin(&mut self) -> StoreResult<&mut Db> {
        if let Db::Postgres(connection) = &mut self.db
            && self.plans.are_old(Instant::now())
        {
            connection.batch_execute("DISCARD PLANS")?;
        }
        Ok(&mut self.db)
    }
}

/// Opens and checks a pool's connections.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) location: Location,
    /// Whether the database itself is to refuse every change.
    pub(crate) read_only: bool,
    /// Whether a file that is not there is made: at the start, but not where
    /// somebody has taken it away since.
    pub(crate) may_create: bool,
}

impl ManageConnection for Connections {
    type Connection = Pooled;
    type Error = StoreError;

    fn connect(&self) -> StoreResult<Pooled> {
        let mut db = match &self.location {
            Location::Sqlite(path) => open_file(&files::name(path, self.may_create)?)?,
            Location::Postgres(url) => open_session(url)?,
        };
        match (&mut db, self.read_only) {
            (Db::Sqlite(db), true) => db.batch_execute("PRAGMA query_only = ON")?,
            (Db::Sqlite(db), false) => db.batch_execute(SQLITE_WRITES)?,
            (Db::Postgres(db), true) => {
                db.batch_execute("SET default_transaction_read_only = on")?;
            }
            (Db::Postgres(_), false) => {}
        }
        Ok(Pooled {
            db,
            broken: false,
            plans: Plans::none(Instant::now()),
        })
    }

    fn is_valid(&self, connection: &mut Pooled) -> StoreResult<()> {
        Ok(connection.db.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, connection: &mut Pooled) -> bool {
        connection.broken || std::thread::panicking()
    }
}

fn open_file(name: &str) -> StoreResult<Db> {
    let mut connection = SqliteConnection::establish(name).map_err(refused)?;
    connection.batch_execute(SQLITE_SETTINGS)?;
    Ok(Db::Sqlite(connection))
}

fn open_session(url: &str) -> StoreResult<Db> {
    let mut connection = PgConnection::establish(url).map_err(refused)?;
    connection.batch_execute(POSTGRES_SETTINGS)?;
    Ok(Db::Postgres(connection))
}

fn refused(error: ConnectionError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// A few thousand customers write as many pages of the indexes as there are
/// customers: a larger cache keeps them at hand. One that only reads loses its cache
/// with each write of another.
///
/// What SQLite may have to take back of a row whose table has triggers stays in memory,
/// a little at a time: it would ask for 64 KiB for each row, which the C library gives back
/// to the system and has to ask for again.
const SQLITE_WRITES: &str = "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY";

/// The log is copied into the file beside commits; only a commit that finds 80 MB
/// of it copies it itself. Other programs' commits do so from 4 MB on, as SQLite has it.
///
/// FULL, since a commit that a power cut can take back is not a promise. WAL is
/// not among them: it is the file's, and set once the file is known as ours.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 100000000; \
     PRAGMA wal_autocheckpoint = 20000;";

/// A lock that somebody else holds must not keep a webhook waiting past Square's patience.
///
/// No plan is worth compiling. A few hundred rows are looked up by their keys: what
/// the server takes for the price of a page by default is a spinning disk's, and it
/// would rather read all of them.
const POSTGRES_SETTINGS: &str = "SET TIME ZONE 'UTC'; SET synchronous_commit = on; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning; \
     SET jit = off; SET random_page_cost = 1.1;";
