//! How many pages of the database a write touches, and when they get from the log into the file.

use std::fs;
use std::time::Duration;

use diesel::RunQueryDsl;
use squaresync::domain::id::{CustomerId, SquareId};
use squaresync::store::images::Held;
use squaresync::store::{Db, Store, effects};

use super::{merchant, now, open_with_seller};
use crate::support::process::until;
use crate::support::{Kind, OtherProgram, TestDb, on_each_database};

on_each_database! { old_and_new_rows_of_a_batch_are_all_written }

#[tokio::test]
async fn an_index_is_not_written_for_a_column_that_stays() {
    let db = TestDb::new(Kind::Sqlite);
    let store = open_with_seller(&db).await;
    written(&db, &store, "row", 1).await;

    let same = written(&db, &store, "row", 2).await;
    let other = written(&db, &store, "another", 3).await;

    assert!(0 < same && same < other, "{same} bytes, {other} bytes");
}

#[tokio::test]
async fn the_log_of_sqlite_is_copied_before_a_commit_has_to_do_it() {
    let db = TestDb::new(Kind::Sqlite);
    let store = open_with_seller(&db).await;
    OtherProgram::new(&db)
        .run("CREATE TABLE filling (bytes BLOB)")
        .unwrap();
    let fill = |db: &mut Db| {
        let fill = "INSERT INTO filling VALUES (randomblob(2000000))";
        Ok(diesel::sql_query(fill).execute(db)?)
    };
    // Half as much as a commit would copy itself.
    for _ in 0..20 {
        store.write(fill).await.unwrap();
    }

    let path = db.url().trim_start_matches("sqlite:").to_owned();
    let copied = || (2_000_000 < fs::metadata(&path).ok()?.len()).then_some(());
    until(Duration::from_secs(30), String::new, copied).await;
}

async fn old_and_new_rows_of_a_batch_are_all_written(db: TestDb) {
    let store = open_with_seller(&db).await;
    // The last one is of as many as SQLite is given in one statement, more than once.
    let batches = ["BDE", "ABCDEF", "AG", "HBIJKLMNOPQRSTUVWXYZ"];
    for (batch, version) in batches.into_iter().zip(1..) {
        let ids = batch.chars().map(String::from);
        let held: Vec<(SquareId, Held)> = ids.map(|id| shown(&id, version)).collect();
        let put = move |db: &mut Db| effects::put(db, &merchant(), &held, &[], &[], &[], now());
        store.write(put).await.unwrap();
    }

    let kept = "SELECT square_id || version AS value FROM images ORDER BY square_id";
    let kept = OtherProgram::new(&db).values(kept);
    let kept: String = kept.into_iter().flatten().collect();
    let new = "H4I4J4K4L4M4N4O4P4Q4R4S4T4U4V4W4X4Y4Z4";
    assert_eq!(kept, format!("A3B4C2D2E2F2G3{new}"));
}

/// An image of this version.
fn shown(id: &str, version: i64) -> (SquareId, Held) {
    let mut held = Held::default();
    held.image.version = Some(version);
    (SquareId::new(id), held)
}

#[tokio::test]
async fn a_changed_row_stays_on_its_page_on_postgresql() {
    let db = TestDb::new(Kind::Postgres);
    let _store = open_with_seller(&db).await;
    let mut other = OtherProgram::new(&db);
    other
        .run(
            "INSERT INTO customers (id, note) SELECT n, repeat('n', 300) FROM generate_series(1, 99) AS n; \
             SET squaresync.own_write = 'on'; \
             INSERT INTO images (merchant_id, square_id, profile, apart, observed_at) \
             SELECT 'M', n, repeat('p', 300), '{}', now() FROM generate_series(1, 99) AS n",
        )
        .unwrap();

    for (table, key, column) in [
        ("customers", "id", "note"),
        ("images", "square_id", "profile"),
    ] {
        let place = "trunc((ctid::text::point)[0])";
        let pages = format!("(SELECT DISTINCT {place} FROM {table}) AS pages");
        assert!(1 < other.count(&pages), "{table}");
        let of_one = format!("{table} WHERE {key} = '1'");
        let before = other.values(&format!("SELECT {place} AS value FROM {of_one}"));
        let change = format!("UPDATE {table} SET {column} = repeat('x', 300) WHERE {key} = '1'");
        other.run(&change).unwrap();
        let after = other.values(&format!("SELECT {place} AS value FROM {of_one}"));
        assert_eq!(after, before, "{table}");
    }
}

/// Writes an image of a profile, and gives how many bytes that put into the log.
async fn written(db: &TestDb, store: &Store, row: &str, version: i64) -> u64 {
    let (id, mut held) = shown("A", version);
    held.customer_id = Some(CustomerId::new(row));
    let held = [(id, held)];
    OtherProgram::new(db)
        .run("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let put = move |db: &mut Db| effects::put(db, &merchant(), &held, &[], &[], &[], now());
    store.write(put).await.unwrap();
    let log = format!("{}-wal", db.url().trim_start_matches("sqlite:"));
    fs::metadata(log).unwrap().len()
}
