//! How much of SQLite's file a write touches.

use std::fs;

use squaresync::domain::id::{CustomerId, SquareId};
use squaresync::store::images::Held;
use squaresync::store::{Db, Store, effects};

use super::{merchant, now, open_with_seller};
use crate::support::{Kind, OtherProgram, TestDb};

#[tokio::test]
async fn an_index_is_not_written_for_a_column_that_stays() {
    let db = TestDb::new(Kind::Sqlite);
    let store = open_with_seller(&db).await;
    written(&db, &store, "row", 1).await;

    let same = written(&db, &store, "row", 2).await;
    let other = written(&db, &store, "another", 3).await;

    assert!(0 < same && same < other, "{same} bytes, {other} bytes");
}

/// Writes an image of a profile, and gives how many bytes that put into the log.
async fn written(db: &TestDb, store: &Store, row: &str, version: i64) -> u64 {
    let mut shown = Held {
        customer_id: Some(CustomerId::new(row)),
        ..Held::default()
    };
    shown.image.version = Some(version);
    let held = [(SquareId::new("A"), shown)];
    OtherProgram::new(db)
        .run("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let put = move |db: &mut Db| effects::put(db, &merchant(), &held, &[], &[], now());
    store.write(put).await.unwrap();
    let log = format!("{}-wal", db.url().trim_start_matches("sqlite:"));
    fs::metadata(log).unwrap().len()
}
