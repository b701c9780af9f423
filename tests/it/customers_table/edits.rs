//! What applications do is written down, and what we do is not.

use squaresync::domain::id::CustomerId;
use squaresync::store::edits::{self, Edit, Operation};
use squaresync::store::{Db, Store, customers};

use super::{full_row, put, row, synced};
use crate::store::merchant;
use crate::support::{TestDb, on_each_database};

on_each_database! {
    an_update_leaves_one_edit_a_field_with_old_and_new,
    an_insert_leaves_the_row_and_its_fields,
    a_delete_leaves_an_edit,
    an_edit_goes_with_its_transaction,
    many_rows_at_once_leave_edits_of_each,
    an_update_of_no_row_leaves_nothing,
    our_own_writes_leave_no_edits,
    edits_are_taken_once_and_in_order,
    edits_of_chosen_rows_are_taken_alone,
}

async fn an_update_leaves_one_edit_a_field_with_old_and_new(db: TestDb) {
    let (store, mut application) = synced(&db).await;

    application
        .run("UPDATE customers SET given_name = 'Ann', note = NULL, country = country, nickname = ''")
        .unwrap();

    assert_eq!(
        taken(&store, 10).await,
        [
            "A update given_name given_name > Ann",
            "A update nickname nickname > ",
            "A update note note > -",
        ]
    );
}

async fn an_insert_leaves_the_row_and_its_fields(db: TestDb) {
    let (store, mut application) = synced(&db).await;

    application
        .run("INSERT INTO customers (id, given_name, tax_id_eu_vat) VALUES ('B', 'Bob', 'X1')")
        .unwrap();

    assert_eq!(
        taken(&store, 10).await,
        [
            "B insert - - > -",
            "B insert given_name - > Bob",
            "B insert tax_id_eu_vat - > X1",
        ]
    );
}

async fn a_delete_leaves_an_edit(db: TestDb) {
    let (store, mut application) = synced(&db).await;

    application.run("DELETE FROM customers").unwrap();

    assert_eq!(taken(&store, 10).await, ["A delete - - > -"]);
    assert_eq!(application.count("customers"), 0);
}

async fn an_edit_goes_with_its_transaction(db: TestDb) {
    let (store, mut application) = synced(&db).await;
    let before = row(&store, "A").await;

    application
        .run("BEGIN; UPDATE customers SET note = 'x'")
        .unwrap();
    assert_eq!(application.count("local_edits"), 1);
    assert_eq!(
        application.customer("sync_state").as_deref(),
        Some("pending")
    );
    application.run("ROLLBACK").unwrap();

    assert_eq!(application.count("local_edits"), 0);
    assert_eq!(row(&store, "A").await, before);
}

async fn many_rows_at_once_leave_edits_of_each(db: TestDb) {
    let (store, mut application) = synced(&db).await;
    let rows: Vec<_> = (0..99)
        .map(|number| full_row(&format!("{number}")))
        .collect();
    store
        .write(move |db| customers::put(db, &merchant(), &rows))
        .await
        .unwrap();

    application
        .run("UPDATE customers SET note = id || '!', given_name = 'Ann'")
        .unwrap();

    assert_eq!(application.count("local_edits"), 200);
    let right = "local_edits WHERE field = 'note' AND old_value = 'note' AND new_value = customer_id || '!'";
    assert_eq!(application.count(right), 100);
    assert_eq!(
        application.count("customers WHERE sync_state = 'pending'"),
        100
    );
    application.run("DELETE FROM customers").unwrap();
    assert_eq!(
        application.count("local_edits WHERE operation = 'delete'"),
        100
    );
}

async fn an_update_of_no_row_leaves_nothing(db: TestDb) {
    let (store, mut application) = synced(&db).await;

    application
        .run("UPDATE customers SET note = 'x' WHERE id = 'nobody'; DELETE FROM customers WHERE id = 'nobody'")
        .unwrap();

    assert_eq!(taken(&store, 10).await, [""; 0]);
}

async fn our_own_writes_leave_no_edits(db: TestDb) {
    let (store, _application) = synced(&db).await;

    let mut changed = full_row("A");
    changed.square.version = Some(4);
    changed
        .fields
        .set(squaresync::domain::field::Field::Note, None);
    put(&store, changed.clone()).await;

    assert_eq!(row(&store, "A").await, changed);
    assert_eq!(taken(&store, 10).await, [""; 0]);
    let any = |db: &mut Db| edits::any(db, &merchant());
    assert!(!store.read(any).await.unwrap());
}

async fn edits_are_taken_once_and_in_order(db: TestDb) {
    let (store, mut application) = synced(&db).await;
    for note in ["x", "y", "z"] {
        application
            .run(&format!("UPDATE customers SET note = '{note}'"))
            .unwrap();
    }

    let any = |db: &mut Db| edits::any(db, &merchant());
    assert!(store.read(any).await.unwrap());
    assert_eq!(
        taken(&store, 2).await,
        ["A update note note > x", "A update note x > y"]
    );
    assert_eq!(taken(&store, 2).await, ["A update note y > z"]);
    assert_eq!(taken(&store, 2).await, [""; 0]);
}

async fn edits_of_chosen_rows_are_taken_alone(db: TestDb) {
    let (store, mut application) = synced(&db).await;
    put(&store, full_row("B")).await;
    application.run("UPDATE customers SET note = 'x'").unwrap();

    let of_b = |db: &mut Db| edits::take_of(db, &[CustomerId::new("B")]);
    let of_b = store.write(of_b).await.unwrap();

    assert_eq!(
        of_b.iter().map(line).collect::<Vec<_>>(),
        ["B update note note > x"]
    );
    assert_eq!(taken(&store, 9).await, ["A update note note > x"]);
}

async fn taken(store: &Store, limit: i64) -> Vec<String> {
    let edits = store
        .write(move |db| edits::take(db, &merchant(), limit))
        .await
        .unwrap();
    edits.iter().map(line).collect()
}

fn line(edit: &Edit) -> String {
    let operation = match edit.operation {
        Operation::Insert => "insert",
        Operation::Update => "update",
        Operation::Delete => "delete",
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{} {operation} {} {} > {}",
        edit.customer_id,
        text(&edit.field),
        text(&edit.old),
        text(&edit.new)
    )
}
