//! What is refused, and that refusing it changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use squaresync::store::{Location, Store, StoreError};

use crate::store::location;
use crate::support::{Kind, OtherProgram, TestDb, on_each_database};

on_each_database! {
    a_newer_database_is_refused_untouched,
    a_foreign_table_of_customers_is_refused_untouched,
    another_programs_history_is_refused_untouched,
}

async fn a_newer_database_is_refused_untouched(db: TestDb) {
    let store = Store::open(location(&db)).await.unwrap();
    store.probe().await.unwrap();
    drop(store);
    wait_until_closed(&db);
    OtherProgram::new(&db)
        .run("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')")
        .unwrap();

    let message = refused_untouched(&db).await;

    assert!(message.contains("newer"), "{message}");
    assert!(message.contains("99990101000000"), "{message}");
}

/// A pool's thread may be opening a connection when the store goes, and closing
/// it later would write what is in SQLite's log into the file.
fn wait_until_closed(db: &TestDb) {
    let url = db.url();
    let path = url.trim_start_matches("sqlite:");
    let is_open = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let mut targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.any(|target| target.starts_with(path))
    };
    let begun = std::time::Instant::now();
    while is_open() && begun.elapsed().as_secs() < 20 {
        std::thread::yield_now();
    }
}

async fn a_foreign_table_of_customers_is_refused_untouched(db: TestDb) {
    OtherProgram::new(&db)
        .run("CREATE TABLE customers (id INTEGER PRIMARY KEY); INSERT INTO customers VALUES (7)")
        .unwrap();

    let message = refused_untouched(&db).await;

    assert!(message.contains("DATABASE_URL"), "{message}");
}

async fn another_programs_history_is_refused_untouched(db: TestDb) {
    OtherProgram::new(&db)
        .run(
            "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL); \
             INSERT INTO __diesel_schema_migrations VALUES ('20200101000000')",
        )
        .unwrap();

    refused_untouched(&db).await;
}

#[tokio::test]
async fn a_sqlite_file_of_another_program_is_refused_untouched() {
    let db = TestDb::new(Kind::Sqlite);
    OtherProgram::new(&db)
        .run("CREATE TABLE books (title TEXT)")
        .unwrap();

    refused_untouched(&db).await;
}

#[tokio::test]
async fn a_postgres_schema_may_be_shared_but_not_by_the_same_names() {
    let db = TestDb::new(Kind::Postgres);
    let mut other = OtherProgram::new(&db);
    other.run("CREATE TABLE books (title TEXT)").unwrap();
    Store::open(location(&db)).await.unwrap();

    let crowded = TestDb::new(Kind::Postgres);
    let mut other = OtherProgram::new(&crowded);
    other
        .run("CREATE TABLE backfill_windows (title TEXT)")
        .unwrap();
    refused_untouched(&crowded).await;
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_untouched() {
    let db = TestDb::new(Kind::Sqlite);
    fs::write(path(&db), "a letter to Ann\n".repeat(300)).unwrap();

    let message = refused_untouched(&db).await;

    assert!(message.contains("not a database"), "{message}");
}

#[tokio::test]
async fn a_path_that_cannot_be_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing/test.db"), folder.path().into()] {
        let refused = Store::open(Location::Sqlite(path.clone())).await.err();

        let Some(StoreError::Unusable(message)) = refused else {
            panic!("{refused:?}");
        };
        assert!(message.contains(path.to_str().unwrap()), "{message}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Opens the database, which must fail for good, and gives the reason.
async fn refused_untouched(db: &TestDb) -> String {
    let before = state(db);

    let refused = Store::open(location(db)).await.err();

    let Some(StoreError::Unusable(message)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(state(db), before);
    message
}

/// On SQLite every byte of every file, so nothing may have been left by a
/// connection; on PostgreSQL the tables and what the named ones hold.
fn state(db: &TestDb) -> BTreeMap<PathBuf, Vec<u8>> {
    match db.kind() {
        Kind::Sqlite => fs::read_dir(path(db).parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect(),
        Kind::Postgres => {
            let mut other = OtherProgram::new(db);
            let tables = other.values(
                "SELECT query_to_xml('SELECT * FROM ' || oid::regclass, true, false, '') AS value FROM pg_class \
                 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v') ORDER BY relname",
            );
            let state = format!("{:?} {tables:?}", other.catalogue());
            BTreeMap::from([(PathBuf::new(), state.into_bytes())])
        }
    }
}

fn path(db: &TestDb) -> PathBuf {
    let url = db.url();
    Path::new(url.trim_start_matches("sqlite:")).to_owned()
}
