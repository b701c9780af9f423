//! Columns that are not an application's cannot be written by one.

use squaresync::domain::field::Field;
use squaresync::domain::id::SquareId;
use squaresync::store::Db;
use squaresync::store::customers::{self, SyncState};
use squaresync::store::effects;
use squaresync::store::images::Held;

use super::{full_row, put, row, synced};
use crate::store::{merchant, now};
use crate::support::{Kind, OtherProgram, TestDb, on_each_database};

on_each_database! {
    an_update_of_any_other_column_is_refused_by_its_name,
    an_insert_of_any_other_column_is_refused_by_its_name,
    writing_what_is_there_already_is_no_edit,
    every_column_of_the_applications_can_be_written,
    a_refused_statement_changes_no_row_at_all,
    an_own_write_opens_no_door_to_an_application,
}

async fn an_update_of_any_other_column_is_refused_by_its_name(db: TestDb) {
    let (store, mut application) = synced(&db).await;
    let before = row(&store, "A").await;

    for column in foreign_columns(&mut application) {
        let other = other_value(&column);
        for value in [other.as_str(), "NULL"] {
            if value == "NULL" && application.customer(&column).is_none() {
                continue;
            }
            let update = format!("UPDATE customers SET {column} = {value}");
            let refusal = application.refusal(&update);
            assert!(names(&refusal, &column), "{update}: {refusal}");
            let both = format!("UPDATE customers SET given_name = 'Bob', {column} = {value}");
            assert!(names(&application.refusal(&both), &column), "{both}");
        }
    }

    assert_eq!(row(&store, "A").await, before);
    assert_eq!(application.count("local_edits"), 0);
}

async fn an_insert_of_any_other_column_is_refused_by_its_name(db: TestDb) {
    let (_store, mut application) = synced(&db).await;

    let columns = foreign_columns(&mut application);
    let at_insert = |column: &&String| !["id", "merchant_id"].contains(&column.as_str());
    for column in columns.iter().filter(at_insert) {
        let value = other_value(column).replace(column.as_str(), "7");
        let insert =
            format!("INSERT INTO customers (given_name, {column}) VALUES ('Bob', {value})");
        let refusal = application.refusal(&insert);
        assert!(names(&refusal, column), "{insert}: {refusal}");
    }

    assert_eq!(application.count("customers"), 1);
    application
        .run("INSERT INTO customers (given_name, sync_state, square_id) VALUES ('Bob', 'pending', NULL)")
        .unwrap();
}

async fn writing_what_is_there_already_is_no_edit(db: TestDb) {
    let (store, mut application) = synced(&db).await;
    let before = row(&store, "A").await;

    let columns = application.catalogue();
    let all: Vec<String> = columns
        .iter()
        .filter_map(|line| line.strip_prefix("customers.")?.split(' ').next())
        .map(|column| format!("{column} = {column}"))
        .collect();
    assert_eq!(all.len(), 38);
    application
        .run(&format!("UPDATE customers SET {}", all.join(", ")))
        .unwrap();

    assert_eq!(row(&store, "A").await, before);
    assert_eq!(application.count("local_edits"), 0);
}

async fn every_column_of_the_applications_can_be_written(db: TestDb) {
    let (store, mut application) = synced(&db).await;

    for field in Field::ALL {
        put(&store, full_row("A")).await;
        let column = field.column();
        let rest = ["sync_state", "coalesce(sync_error, 'none')"];

        for (value, held) in [("'x'", Some("x")), ("NULL", None)] {
            let update = format!("UPDATE customers SET {column} = {value}");
            application.run(&update).unwrap();
            assert_eq!(application.customer(column).as_deref(), held);
            let state = rest.map(|expression| application.customer(expression).unwrap());
            assert_eq!(state, ["pending", "none"], "{update}");
        }

        let after = row(&store, "A").await;
        assert!(full_row("A").updated_at < after.updated_at, "{column}");
        assert_eq!(after.created_at, full_row("A").created_at);
        assert_eq!(after.square, full_row("A").square);
    }
}

async fn a_refused_statement_changes_no_row_at_all(db: TestDb) {
    let (store, mut application) = synced(&db).await;
    put(&store, full_row("B")).await;

    application.refusal(
        "UPDATE customers SET given_name = 'Bob', square_version = CASE id WHEN 'B' THEN 9 ELSE square_version END",
    );

    assert_eq!(application.count("customers WHERE given_name = 'Bob'"), 0);
    assert_eq!(
        application.count("customers WHERE sync_state = 'synced'"),
        2
    );
    assert_eq!(application.count("local_edits"), 0);
    application.run("UPDATE customers SET note = 'y'").unwrap();
    assert_eq!(application.count("local_edits"), 2);
}

async fn an_own_write_opens_no_door_to_an_application(db: TestDb) {
    let (store, mut application) = synced(&db).await;
    let mut failed = full_row("A");
    failed.sync_state = SyncState::Failed;

    put(&store, failed).await;
    let lost = store
        .write(|db| {
            customers::put(db, &merchant(), &[full_row("B")])?;
            customers::put(db, &merchant(), &[twin()])
        })
        .await;

    lost.unwrap_err();
    application.refusal("UPDATE customers SET square_version = 9");
    assert_eq!(application.count("customers"), 1);
    assert_eq!(application.count("local_edits"), 0);
}

#[tokio::test]
async fn a_blob_is_no_text_to_sqlite() {
    let db = TestDb::new(Kind::Sqlite);
    let (_store, mut application) = synced(&db).await;

    for column in Field::ALL.map(Field::column) {
        application.refusal(&format!("UPDATE customers SET {column} = x'41'"));
        application.refusal(&format!("INSERT INTO customers ({column}) VALUES (x'41')"));
    }
    application.refusal("INSERT INTO customers (id) VALUES (x'41')");
    let stranger = TestDb::new(Kind::Sqlite);
    let _store = crate::store::open(&stranger).await;
    OtherProgram::new(&stranger).refusal("INSERT INTO customers (merchant_id) VALUES (x'41')");
}

#[tokio::test]
async fn a_synced_row_cannot_be_replaced_on_sqlite() {
    let db = TestDb::new(Kind::Sqlite);
    let (store, mut application) = synced(&db).await;
    let shown = Held {
        customer_id: Some(full_row("A").id),
        ..Held::default()
    };
    let show = move |db: &mut Db| {
        let shown = (SquareId::new("SA"), shown);
        effects::put(db, &merchant(), &[shown], &[], &[], &[], now())
    };
    store.write(show).await.unwrap();
    let replace = "REPLACE INTO customers (id, given_name) VALUES ('A', 'Ann')";

    let refusal = application.refusal(replace);

    assert!(refusal.contains("square_id"), "{refusal}");
    assert_eq!(row(&store, "A").await, full_row("A"));
    application
        .run("INSERT INTO customers (id) VALUES ('A') ON CONFLICT (id) DO UPDATE SET given_name = 'Ann'")
        .unwrap();
    application
        .run("INSERT OR IGNORE INTO customers (id) VALUES ('A')")
        .unwrap();
    application.run("DELETE FROM customers").unwrap();
    application.run(replace).unwrap();
}

/// A row that cannot be stored beside the one of the same profile.
fn twin() -> customers::Row {
    let mut row = full_row("C");
    row.square_id = full_row("B").square_id;
    row
}

/// The columns of `customers` that are not an application's.
fn foreign_columns(application: &mut OtherProgram) -> Vec<String> {
    let lines = application.catalogue();
    let columns: Vec<String> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("customers.")?.split(' ').next())
        .filter(|column| Field::of_column(column).is_none())
        .map(str::to_owned)
        .collect();
    assert_eq!(columns.len(), 16, "{columns:?}");
    columns
}

/// A value of the column's type that it does not hold.
fn other_value(column: &str) -> String {
    match column {
        "email_unsubscribed" => "false".to_owned(),
        "square_version" => "square_version + 1".to_owned(),
        "sync_state" => "'failed'".to_owned(),
        _ if column.ends_with("_at") => "'2001-02-03 04:05:06'".to_owned(),
        _ => "'other'".to_owned(),
    }
}

/// Whether the message names this column and not another one that contains its name.
fn names(message: &str, column: &str) -> bool {
    message.contains(&format!("column {column} "))
}
