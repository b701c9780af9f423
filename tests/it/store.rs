//! What the store promises: a write is there or it is not, an error says what
//! to do next, and one process at a time does a seller's work.

mod faults;
mod leases;
mod pages;
mod plans;

use chrono::{DateTime, Utc};
use diesel::RunQueryDsl;
use serde_json::Value;
use squaresync::domain::Timestamp;
use squaresync::domain::id::{CustomerId, MerchantId};
use squaresync::store::changes::{self, Change, Source};
use squaresync::store::{Db, Location, Store, StoreError, StoreResult, marks, sellers};

use crate::support::{Kind, TestDb, on_each_database};

on_each_database! {
    what_was_written_is_there_after_opening_again,
    a_failed_write_leaves_nothing,
    writers_of_two_processes_all_succeed,
    a_panic_in_a_write_leaves_nothing_and_harms_no_other,
    moments_come_back_as_they_were,
    what_is_committed_is_on_the_disk,
    a_store_that_only_looks_takes_no_change,
    a_read_takes_no_change,
    other_sellers_are_told_from_none_at_all,
}

async fn a_store_that_only_looks_takes_no_change(db: TestDb) {
    let place = || crate::support::app::location(&db);
    let Err(refusal) = Store::open_to_look(place()).await else {
        panic!("there is no table yet");
    };
    assert!(matches!(refusal, StoreError::Unusable(_)), "{refusal}");
    drop(open(&db).await);
    let store = Store::open_to_look(place()).await.unwrap();

    let record =
        |db: &mut Db| sellers::record(db, &MerchantId::new("M"), "sandbox", DateTime::UNIX_EPOCH);
    store.write(record).await.unwrap_err();
    store.read(record).await.unwrap_err();

    assert_eq!(store.read(sellers::all).await.unwrap(), []);
}

async fn a_read_takes_no_change(db: TestDb) {
    let store = open(&db).await;

    let record = |db: &mut Db| sellers::record(db, &merchant(), "sandbox", now());
    store.read(record).await.unwrap_err();

    assert_eq!(store.read(sellers::all).await.unwrap(), []);
    store.write(record).await.unwrap();
}

#[derive(diesel::QueryableByName)]
struct Cell {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

/// What a connection on which the store writes says to a query of one `value`.
async fn told(store: &Store, query: &'static str) -> String {
    let asked = store.write(move |db| {
        let cell: Cell = diesel::sql_query(query).get_result(db)?;
        Ok(cell.value)
    });
    asked.await.unwrap()
}

async fn other_sellers_are_told_from_none_at_all(db: TestDb) {
    let store = open(&db).await;
    let locked = async |ids: &'static [&str]| {
        let ids: Vec<MerchantId> = ids.iter().map(|id| MerchantId::new(*id)).collect();
        let lock = move |db: &mut Db| sellers::lock(db, &ids.iter().collect::<Vec<_>>());
        store.write(lock).await.unwrap()
    };
    assert_eq!(locked(&["M"]).await, None);
    assert_eq!(locked(&[]).await, None);
    let record = |db: &mut Db| sellers::record(db, &merchant(), "sandbox", now());
    store.write(record).await.unwrap();

    assert_eq!(locked(&["N", "M"]).await, Some(vec![merchant()]));
    assert_eq!(locked(&["N"]).await, Some(Vec::new()));
    assert_eq!(locked(&[]).await, Some(Vec::new()));
}

/// `.cargo/config.toml` says why.
#[tokio::test]
async fn sqlite_is_built_to_be_quick() {
    let db = TestDb::new(Kind::Sqlite);
    let store = open(&db).await;
    let options = "SELECT group_concat(compile_options) AS value FROM pragma_compile_options";

    let built = told(&store, options).await;

    let built: Vec<&str> = built.split(',').collect();
    for option in ["THREADSAFE=2", "DEFAULT_MEMSTATUS=0"] {
        assert!(built.contains(&option), "{option}: {built:?}");
    }
    assert!(!built.contains(&"ENABLE_MEMORY_MANAGEMENT"), "{built:?}");
}

/// No kill of a process can show it, only a cut of its power.
async fn what_is_committed_is_on_the_disk(db: TestDb) {
    let store = open(&db).await;

    if db.kind() == Kind::Postgres {
        let query = "SELECT current_setting('synchronous_commit') AS value";
        assert_eq!(told(&store, query).await, "on");
        return;
    }
    let query = "SELECT journal_mode AS value FROM pragma_journal_mode";
    assert_eq!(told(&store, query).await, "wal");
    let query = "SELECT CAST(synchronous AS TEXT) AS value FROM pragma_synchronous";
    assert_eq!(told(&store, query).await, "2", "2 is FULL");
    // Releases before 3.51.3 can lose commits in WAL mode.
    let version = told(&store, "SELECT sqlite_version() AS value").await;
    let parts: Vec<u32> = version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect();
    assert!(vec![3, 51, 3] <= parts, "{version}");
}

async fn what_was_written_is_there_after_opening_again(db: TestDb) {
    let store = open(&db).await;
    store.write(|db| add_change(db, "A")).await.unwrap();
    drop(store);

    let store = open(&db).await;

    assert_eq!(store.read(changes::count).await.unwrap(), 1);
}

async fn a_failed_write_leaves_nothing(db: TestDb) {
    let store = open(&db).await;

    let result: StoreResult<()> = store
        .write(|db| {
            add_change(db, "A")?;
            Err(StoreError::Rejected("changed my mind".to_owned()))
        })
        .await;

    assert!(matches!(result, Err(StoreError::Rejected(_))), "{result:?}");
    assert_eq!(store.read(changes::count).await.unwrap(), 0);
    store.write(|db| add_change(db, "A")).await.unwrap();
    assert_eq!(store.read(changes::count).await.unwrap(), 1);
}

async fn writers_of_two_processes_all_succeed(db: TestDb) {
    let stores = [open(&db).await, open(&db).await];

    let writes: Vec<_> = stores
        .iter()
        .cycle()
        .take(40)
        .cloned()
        .map(|store| tokio::spawn(async move { store.write(|db| add_change(db, "A")).await }))
        .collect();
    for write in writes {
        write.await.unwrap().unwrap();
    }

    let [store, _] = stores;
    assert_eq!(store.read(changes::count).await.unwrap(), 40);
}

async fn a_panic_in_a_write_leaves_nothing_and_harms_no_other(db: TestDb) {
    let store = open(&db).await;

    fn fail(db: &mut Db) -> StoreResult<()> {
        add_change(db, "A")?;
        panic!("on purpose");
    }

    for time in 0..10 {
        let result = match time % 2 {
            0 => store.write(fail).await,
            _ => store.write_here(store.turn().await, fail),
        };
        // The data are at fault, as far as anybody can tell, and what it says may quote them.
        let Err(StoreError::Rejected(reason)) = result else {
            panic!("{result:?}");
        };
        assert!(!reason.contains("on purpose"), "{reason}");
    }

    store.write(|db| add_change(db, "A")).await.unwrap();
    assert_eq!(store.read(changes::count).await.unwrap(), 1);
}

async fn moments_come_back_as_they_were(db: TestDb) {
    let store = open(&db).await;
    let fine: Timestamp = "2026-01-02T03:04:05.678901234Z".parse().unwrap();

    let set = move |db: &mut Db| marks::set(db, &merchant(), "updated", fine);
    store.write(set).await.unwrap();

    let read = store.read(|db| marks::get(db, &merchant(), "updated"));
    let cut: Timestamp = "2026-01-02T03:04:05.678901Z".parse().unwrap();
    assert_eq!(read.await.unwrap(), Some(cut));
}

/// Where a store finds this database.
pub(crate) fn location(db: &TestDb) -> Location {
    let url = db.url();
    match db.kind() {
        Kind::Sqlite => Location::Sqlite(url.trim_start_matches("sqlite:").into()),
        Kind::Postgres => Location::Postgres(url),
    }
}

/// The store on this database.
pub(crate) async fn open(db: &TestDb) -> Store {
    Store::open(location(db)).await.unwrap()
}

/// The store on this database, with one seller.
pub(crate) async fn open_with_seller(db: &TestDb) -> Store {
    let store = open(db).await;
    let record = |db: &mut Db| sellers::record(db, &merchant(), "sandbox", now());
    store.write(record).await.unwrap();
    store
}

/// The one seller.
pub(crate) fn merchant() -> MerchantId {
    MerchantId::new("M")
}

/// A moment, the same for every test.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn add_change(db: &mut Db, id: &str) -> StoreResult<()> {
    let change = Change {
        customer_id: CustomerId::new(id),
        square_id: None,
        source: Source::Pass,
        version: Some(1),
        fields: vec![("note", Value::Null, Value::from("x"))],
        at: now(),
    };
    changes::add(db, &merchant(), &[change])
}
