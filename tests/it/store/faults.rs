//! A database that cannot at the moment, and that can again.

use std::time::{Duration, Instant};

use squaresync::store::{Location, Store, StoreError, changes, sellers};

use super::{add_change, location, merchant, now, open};
use crate::support::{Kind, OtherProgram, TestDb, on_each_database};

/// How often all of the pool's connections may have to fail before all are new.
const CONNECTIONS: usize = 8;

on_each_database! { a_lock_of_another_program_is_waited_for_but_not_for_ever }

async fn a_lock_of_another_program_is_waited_for_but_not_for_ever(db: TestDb) {
    let store = open(&db).await;
    let mut other = OtherProgram::new(&db);
    other
        .run(match db.kind() {
            Kind::Sqlite => "BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN; LOCK TABLE changes",
        })
        .unwrap();

    let began = Instant::now();
    let failed = store.write(|db| add_change(db, "A")).await;
    let took = began.elapsed();

    assert!(
        matches!(failed, Err(StoreError::Unavailable(_))),
        "{failed:?}"
    );
    assert!(Duration::from_secs(4) < took, "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    if db.kind() == Kind::Sqlite {
        let probe = store.probe().await;
        assert!(
            matches!(probe, Err(StoreError::Unavailable(_))),
            "{probe:?}"
        );
    }
    other.run("ROLLBACK").unwrap();
    store.probe().await.unwrap();
    store.write(|db| add_change(db, "A")).await.unwrap();
    assert_eq!(store.read(changes::count).await.unwrap(), 1);
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer_of_sqlite() {
    let db = TestDb::new(Kind::Sqlite);
    let store = open(&db).await;
    let mut other = OtherProgram::new(&db);
    other.run("BEGIN IMMEDIATE").unwrap();

    assert_eq!(store.read(changes::count).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_to_postgres_are_made_anew() {
    let db = TestDb::new(Kind::Postgres);
    let (store, name) = open_under_a_name(&db).await;
    let mut other = OtherProgram::new(&db);
    assert_eq!(failures_of_many_writes(&store).await, 0);

    end_sessions(&mut other, &name);

    let failures = failures_of_many_writes(&store).await;
    assert!(0 < failures, "no session was ended");
    let mut all = failures;
    while 0 < failures_of_many_writes(&store).await {
        all += 1;
        assert!(all <= CONNECTIONS, "the same connections fail again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lost_within_a_write_leaves_nothing() {
    let db = TestDb::new(Kind::Postgres);
    let (store, name) = open_under_a_name(&db).await;
    let mut other = OtherProgram::new(&db);

    let failed = store
        .write(move |db| {
            add_change(db, "A")?;
            end_sessions(&mut other, &name);
            add_change(db, "B")
        })
        .await;

    assert!(
        matches!(failed, Err(StoreError::Unavailable(_))),
        "{failed:?}"
    );
    let count = loop {
        if let Ok(count) = store.read(changes::count).await {
            break count;
        }
    };
    assert_eq!(count, 0);
}

/// Without the lock, the seller would be recorded first and the row never be its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_inserted_while_the_first_seller_is_recorded_becomes_its_own() {
    let db = TestDb::new(Kind::Postgres);
    let store = open(&db).await;
    let mut application = OtherProgram::new(&db);
    application
        .run("BEGIN; INSERT INTO customers (given_name) VALUES ('Ann')")
        .unwrap();

    let record = tokio::spawn(async move {
        store
            .write(|db| sellers::record(db, &merchant(), "sandbox", now()))
            .await
    });
    let mut other = OtherProgram::new(&db);
    let waiting = "pg_locks WHERE NOT granted AND relation = 'customers'::regclass";
    while !record.is_finished() && other.count(waiting) == 0 {
        tokio::task::yield_now().await;
    }
    application.run("COMMIT").unwrap();
    record.await.unwrap().unwrap();

    assert_eq!(application.customer("merchant_id").as_deref(), Some("M"));
    assert_eq!(other.count("local_edits WHERE merchant_id IS NULL"), 0);
}

/// Writes on every connection of the pool at once.
async fn failures_of_many_writes(store: &Store) -> usize {
    let writes: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.write(|db| add_change(db, "A")).await })
        })
        .collect();
    let mut failures = 0;
    for write in writes {
        match write.await.unwrap() {
            Ok(()) => {}
            Err(StoreError::Unavailable(_)) => failures += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    failures
}

/// The store with sessions that can be told from those of other tests.
async fn open_under_a_name(db: &TestDb) -> (Store, String) {
    let Location::Postgres(url) = location(db) else {
        panic!("not PostgreSQL");
    };
    let name = url.rsplit_once("%3D").unwrap().1.to_owned();
    let named = Location::Postgres(format!("{url}&application_name={name}"));
    (Store::open(named).await.unwrap(), name)
}

/// Ends the sessions that there are now; the pool may begin new ones meanwhile.
fn end_sessions(other: &mut OtherProgram, name: &str) {
    let found = other.values(&format!(
        "SELECT pid AS value FROM pg_stat_activity WHERE application_name = '{name}'"
    ));
    let found: Vec<String> = found.into_iter().flatten().collect();
    let sessions = format!("pg_stat_activity WHERE pid IN ({})", found.join(", "));
    other.values(&format!(
        "SELECT pg_terminate_backend(pid) AS value FROM {sessions}"
    ));
    while 0 < other.count(&sessions) {
        std::thread::yield_now();
    }
}
