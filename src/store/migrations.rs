//! The tables brought up to date when the program starts, all steps in one
//! transaction: a crash leaves the old tables or the new ones. A database that
//! is newer than the program, or not ours, is left as it is.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::connection::Db;
use crate::store::error::{StoreError, StoreResult};
use crate::store::transaction;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// What was done to bring the tables up to date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The steps that were taken now, oldest first; empty when all had been.
    pub steps: Vec<String>,
}

/// Takes the steps that this database has not taken yet.
pub(crate) fn migrate(db: &mut Db) -> StoreResult<Migrated> {
    // First of all, since even a setting would change a file that is not ours.
    let up_to_date = is_up_to_date(db)?;
    if let Db::Sqlite(connection) = db {
        keep_wal(connection)?;
    }
    if up_to_date {
        return Ok(Migrated::default());
    }
    transaction::whole(db, |db| {
        transaction::one_at_a_time(db, "migrate")?;
        // Another start may have been first.
        if is_up_to_date(db)? {
            return Ok(Migrated::default());
        }
        match db {
            Db::Sqlite(connection) => run(connection, SQLITE),
            Db::Postgres(connection) => run(connection, POSTGRES),
        }
    })
}

/// Refuses a database that has yet to take steps; takes none.
pub(crate) fn check(db: &mut Db) -> StoreResult<()> {
    if is_up_to_date(db)? {
        return Ok(());
    }
    Err(StoreError::Unusable(
        "the tables are not there yet, or older than this squaresync; run: squaresync migrate"
            .to_owned(),
    ))
}

/// Makes WAL the way in which the file is written. SQLite does not wait for
/// another program that is about to do the same, but fails at once; so this
/// waits by beginning to write, which does.
fn keep_wal(connection: &mut SqliteConnection) -> StoreResult<()> {
    const WAL: &str = "PRAGMA journal_mode = WAL";
    for _ in 0..10 {
        if connection.batch_execute(WAL).is_ok() {
            return Ok(());
        }
        connection.batch_execute("BEGIN IMMEDIATE; ROLLBACK")?;
    }
    Ok(connection.batch_execute(WAL)?)
}

fn run<Backend: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<Backend>,
    all: EmbeddedMigrations,
) -> StoreResult<Migrated> {
    let taken = connection
        .run_pending_migrations(all)
        .map_err(|error| StoreError::Unusable(error.to_string()))?;
    Ok(Migrated {
        steps: taken.iter().map(ToString::to_string).collect(),
    })
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Whether every step has been taken. Refuses a database whose tables are
/// somebody else's or of a later program.
fn is_up_to_date(db: &mut Db) -> StoreResult<bool> {
    let known = match db {
        Db::Sqlite(_) => names(&SQLITE),
        Db::Postgres(_) => names(&POSTGRES),
    };
    let taken = taken(db)?;
    let is_known = |step: &&String| known.contains(step);
    if taken.iter().any(|step| is_known(&step)) {
        return match taken.iter().find(|step| !is_known(step)) {
            Some(step) => Err(StoreError::Unusable(format!(
                "this database is newer than this squaresync (it has taken step {step}); start the newer one"
            ))),
            None => Ok(known.iter().all(|step| taken.contains(step))),
        };
    }
    if taken.is_empty() && count(db, tables_in_the_way(db))? == 0 {
        return Ok(false);
    }
    Err(StoreError::Unusable(
        "this database holds tables that are not squaresync's; name another file, database or schema in DATABASE_URL"
            .to_owned(),
    ))
}

/// The steps that were taken, ours or not.
fn taken(db: &mut Db) -> StoreResult<Vec<String>> {
    let history = match db {
        Db::Sqlite(_) => {
            "SELECT count(*) AS count FROM sqlite_master WHERE name = '__diesel_schema_migrations'"
        }
        Db::Postgres(_) => {
            "SELECT count(*) AS count FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
             AND relname = '__diesel_schema_migrations'"
        }
    };
    if count(db, history)? == 0 {
        return Ok(Vec::new());
    }
    let steps: Vec<Version> =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version")
            .load(db)?;
    Ok(steps.into_iter().map(|step| step.version).collect())
}

/// Counts what a database without a step must not hold.
const fn tables_in_the_way(db: &Db) -> &'static str {
    match db {
        // Any table at all: a SQLite file is one program's.
        Db::Sqlite(_) => {
            "SELECT count(*) AS count FROM sqlite_master WHERE type IN ('table', 'view') \
             AND name NOT LIKE 'sqlite%' AND name <> '__diesel_schema_migrations'"
        }
        // A schema may be shared with other programs, but not these names.
        Db::Postgres(_) => {
            "SELECT count(*) AS count FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
             AND relname IN ('customers', 'images', 'sellers')"
        }
    }
}

fn count(db: &mut Db, query: &str) -> StoreResult<i64> {
    Ok(diesel::sql_query(query).get_result::<Count>(db)?.count)
}

fn names(all: &EmbeddedMigrations) -> Vec<String> {
    use diesel::migration::MigrationSource;
    let all: Vec<Box<dyn diesel::migration::Migration<diesel::sqlite::Sqlite>>> =
        all.migrations().unwrap_or_default();
    all.iter()
        .map(|step| step.name().version().to_string())
        .collect()
}
