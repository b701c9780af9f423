//! Floor 2: the tables, on SQLite and on PostgreSQL. All SQL of the program is
//! in this room; a query is a function named by its meaning.
//!
//! In: plain values. Out: plain values, or a [`StoreError`] that says what to
//! do next. The promise: what [`Store::write`] returned `Ok` for is on disk, and
//! what it returned `Err` for did not happen. A crash in between leaves the
//! whole transaction or none of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::r2d2::{ManageConnection, NopErrorHandler, Pool};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub mod alarms;
mod batch;
mod blocking;
mod breath;
pub mod changes;
pub mod conflicts;
mod connection;
pub mod customers;
mod doubt;
pub mod edits;
pub mod effects;
mod error;
mod files;
pub mod images;
pub mod inbox;
mod json;
pub mod lease;
pub mod location;
mod lookup;
pub mod marks;
mod migrations;
pub mod outbox;
mod plans;
pub mod refusals;
mod rest;
mod schema;
pub mod sellers;
pub mod shop;
mod text;
pub mod time;
mod transaction;
mod wake;
pub mod windows;

use blocking::{blocking, caught};
use breath::Breath;
use connection::Connections;
pub use connection::Db;
use doubt::Doubt;
pub use error::{StoreError, StoreResult};
use files::Files;
pub use location::Location;
pub use migrations::Migrated;

/// The right to write next; others wait until it is used up or dropped.
pub struct Turn {
    _leave: Option<OwnedSemaphorePermit>,
}

/// The database, shared by every part of the program.
#[derive(Clone)]
pub struct Store {
    /// Who writes takes a connection here. That of SQLite is one and the same: its cache
    /// lasts until another connection writes.
    writing: Pool<Connections>,
    /// Who reads takes one here: of SQLite other ones, in which nothing can be changed.
    reading: Pool<Connections>,
    /// SQLite has one writer at a time: our own wait here, in order, rather than for its lock.
    writers: Arc<Semaphore>,
    /// How long they leave the file of SQLite to other programs, and since when they do.
    breath: Arc<Mutex<(Breath, Instant)>>,
    /// Whether the disk can be trusted.
    doubt: Doubt,
    /// The files of SQLite.
    files: Arc<Option<Files>>,
    /// Where [`wake`](Self::wake) connects to.
    location: Location,
}

impl Store {
    /// Opens the database and brings its tables up to date. One that is newer
    /// than this program, or somebody else's, is refused untouched.
    pub async fn open(location: Location) -> StoreResult<Self> {
        Ok(Self::open_and_migrate(location).await?.0)
    }

    /// Like [`open`](Self::open), and tells what was brought up to date.
    pub async fn open_and_migrate(location: Location) -> StoreResult<(Self, Migrated)> {
        Self::open_with(location, false, migrations::migrate).await
    }

    /// Opens a database to look at it: nothing in it can be changed. One that
    /// does not exist, or whose tables are not those of this program, is refused.
    pub async fn open_to_look(location: Location) -> StoreResult<Self> {
        if let Location::Sqlite(path) = &location
            && !path.exists()
        {
            return Err(StoreError::Unusable(format!(
                "there is no database at {} yet; serve, sync and migrate make one",
                path.display()
            )));
        }
        Ok(Self::open_with(location, true, migrations::check).await?.0)
    }

    async fn open_with<T: Send + 'static>(
        location: Location,
        read_only: bool,
        first: fn(&mut Db) -> StoreResult<T>,
    ) -> StoreResult<(Self, T)> {
        let (connections, writers) = match location {
            Location::Sqlite(_) => (1, 1),
            Location::Postgres(_) => (8, 8),
        };
        let mut manager = Connections {
            location: location.clone(),
            read_only,
            may_create: !read_only,
        };
        blocking(move || {
            // Outside the pool: its error is the true one.
            let mut opened = manager.connect()?.db;
            let done = first(&mut opened)?;
            manager.may_create = false;
            let files = match &location {
                Location::Sqlite(path) if !read_only => Some(Files::of(path, opened)?),
                _ => None,
            };
            let to_read = Connections {
                read_only: true,
                ..manager.clone()
            };
            let writing = pool(manager, connections);
            let reading = match location {
                // One of them may be busy with the log.
                Location::Sqlite(_) => pool(to_read, 4),
                Location::Postgres(_) => writing.clone(),
            };
            Ok((
                Self {
                    writing,
                    reading,
                    writers: Arc::new(Semaphore::new(writers)),
                    breath: Arc::new(Mutex::new((Breath::default(), Instant::now()))),
                    doubt: Doubt::default(),
                    files: Arc::new(files),
                    location,
                },
                done,
            ))
        })
        .await
    }

    /// Runs `work` in one transaction and commits it. What it writes into
    /// `customers` is not taken for an application's. `work` may be slow at
    /// computing, but must not wait for anything but the database.
    pub async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> StoreResult<T> + Send + 'static,
    {
        let turn = self.turn().await;
        self.commit(turn, move |db| transaction::write(db, work))
            .await
    }

    /// Like [`write`](Self::write), but what is written into `customers` is
    /// taken for an application's: the triggers refuse what is not an
    /// application's to write, and notice the rest.
    pub async fn write_as_application<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> StoreResult<T> + Send + 'static,
    {
        let turn = self.turn().await;
        self.commit(turn, move |db| transaction::whole(db, work))
            .await
    }

    /// Waits until nobody is before the caller at writing. What is gathered for
    /// one write may grow until then; [`write_in`](Self::write_in) uses it up.
    pub async fn turn(&self) -> Turn {
        // Nobody closes the semaphore; without its leave the database's own lock would be waited for.
        let leave = Arc::clone(&self.writers).acquire_owned().await;
        Turn { _leave: leave.ok() }
    }

    /// Like [`write`](Self::write), in a turn that was waited for before.
    pub async fn write_in<T, F>(&self, turn: Turn, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> StoreResult<T> + Send + 'static,
    {
        self.commit(turn, move |db| transaction::write(db, work))
            .await
    }

    /// Like [`write_in`](Self::write_in), on the caller's own thread, which has to be one of
    /// a runtime and is blocked meanwhile: to hand a small commit to another takes longer.
    pub fn write_here<T>(
        &self,
        turn: Turn,
        work: impl FnOnce(&mut Db) -> StoreResult<T>,
    ) -> StoreResult<T> {
        let began = Instant::now();
        let result = caught(|| self.transact(|db| transaction::write(db, work)));
        self.end(began, &result, turn);
        result
    }

    /// Runs a whole transaction.
    async fn commit<T, F>(&self, turn: Turn, transaction: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> StoreResult<T> + Send + 'static,
    {
        let began = Instant::now();
        let store = self.clone();
        let result = blocking(move || store.transact(transaction)).await;
        self.end(began, &result, turn);
        result
    }

    fn transact<T>(&self, transaction: impl FnOnce(&mut Db) -> StoreResult<T>) -> StoreResult<T> {
        let are_there = || self.files.as_ref().as_ref().map_or(Ok(()), Files::check);
        are_there()?;
        let mut pooled = self.writing.get()?;
        let result = self
            .doubt
            .settle(&mut pooled.db)
            .and_then(|()| transaction(pooled.begin()?))
            .and_then(|value| are_there().map(|()| value));
        pooled.broken = matches!(result, Err(StoreError::Unavailable(_)));
        self.doubt.note(&result);
        result
    }

    fn end<T>(&self, began: Instant, result: &StoreResult<T>, turn: Turn) {
        if matches!(self.location, Location::Sqlite(_)) {
            self.breathe(began, result.is_ok(), turn);
        }
    }

    /// Runs `work`, which only reads, on one connection.
    pub async fn read<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> StoreResult<T> + Send + 'static,
    {
        let pool = self.reading.clone();
        blocking(move || {
            let mut pooled = pool.get()?;
            let result = pooled.begin().and_then(|db| transaction::read(db, work));
            pooled.broken = matches!(result, Err(StoreError::Unavailable(_)));
            result
        })
        .await
    }

    /// Gives what wakes when an application changes `customers`, for as long as
    /// it is held. Only PostgreSQL tells; on SQLite it never wakes.
    pub fn wake(&self) -> Arc<Notify> {
        wake::listen(&self.location)
    }

    /// Commits what changes nothing: whether a commit works now.
    pub async fn probe(&self) -> StoreResult<()> {
        self.write(sellers::touch).await
    }
}

/// As many connections, opened when they are first needed.
fn pool(connections: Connections, most: u32) -> Pool<Connections> {
    Pool::builder()
        .max_size(most)
        .min_idle(Some(1))
        .connection_timeout(Duration::from_secs(5))
        .test_on_check_out(false)
        // Whoever asked for the connection gets the error, and tells of it.
        .error_handler(Box::new(NopErrorHandler))
        .build_unchecked(connections)
}
