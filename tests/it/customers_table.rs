//! The table that applications use, as they find it with plain SQL.

mod edits;
mod guard;
mod sellers;

use chrono::NaiveDateTime;
use squaresync::domain::field::{Field, Fields};
use squaresync::domain::id::{CustomerId, SquareId};
use squaresync::store::Store;
use squaresync::store::customers::{self, Row, SquareColumns, SyncState};

use crate::store::{merchant, open_with_seller};
use crate::support::{Kind, OtherProgram, TestDb, on_each_database};

on_each_database! {
    an_insert_needs_nothing_but_a_name,
    ids_are_uuids_and_all_different,
    an_id_of_the_applications_own_is_kept,
    an_upsert_makes_the_row_and_then_updates_it,
    any_text_is_kept_as_it_is,
    deleted_rows_are_not_in_the_view,
    one_profile_has_one_live_row,
}

async fn an_insert_needs_nothing_but_a_name(db: TestDb) {
    let _store = open_with_seller(&db).await;
    let mut application = OtherProgram::new(&db);

    application
        .run("INSERT INTO customers (given_name) VALUES ('Ann')")
        .unwrap();

    let held = |column| application.customer(column);
    let [given, merchant, state, error, square] = [
        "given_name",
        "merchant_id",
        "sync_state",
        "sync_error",
        "square_id",
    ]
    .map(held);
    assert_eq!(given.as_deref(), Some("Ann"));
    assert_eq!(merchant.as_deref(), Some("M"));
    assert_eq!(state.as_deref(), Some("pending"));
    assert_eq!((error, square), (None, None));
    let fresh = match db.kind() {
        Kind::Sqlite => "created_at = updated_at AND created_at > datetime('now', '-1 minute')",
        Kind::Postgres => {
            "created_at = updated_at AND created_at > now() AT TIME ZONE 'UTC' - interval '1 minute'"
        }
    };
    assert_eq!(application.count(&format!("customers WHERE {fresh}")), 1);
}

async fn ids_are_uuids_and_all_different(db: TestDb) {
    let _store = open_with_seller(&db).await;
    let mut application = OtherProgram::new(&db);

    let rows = vec!["('Ann')"; 500].join(", ");
    let insert = format!("INSERT INTO customers (given_name) VALUES {rows}");
    application.run(&format!("{insert}; {insert}")).unwrap();

    let ids = application.values("SELECT DISTINCT id AS value FROM customers");
    assert_eq!(ids.len(), 1000);
    for id in ids.into_iter().flatten() {
        let uuid: uuid::Uuid = id.parse().unwrap();
        assert_eq!((uuid.to_string(), uuid.get_version_num()), (id, 4));
    }
}

async fn an_id_of_the_applications_own_is_kept(db: TestDb) {
    let _store = open_with_seller(&db).await;
    let mut application = OtherProgram::new(&db);

    application
        .run("INSERT INTO customers (id, given_name) VALUES ('17', 'Ann')")
        .unwrap();

    assert_eq!(application.customer("id").as_deref(), Some("17"));
    application.refusal("INSERT INTO customers (id, given_name) VALUES ('17', 'Bob')");
    application.refusal("INSERT INTO customers (id, given_name) VALUES (NULL, 'Bob')");
}

async fn an_upsert_makes_the_row_and_then_updates_it(db: TestDb) {
    let _store = open_with_seller(&db).await;
    let mut application = OtherProgram::new(&db);
    let mut upsert = |name| {
        let upsert = format!(
            "INSERT INTO customers (id, given_name) VALUES ('17', '{name}') \
             ON CONFLICT (id) DO UPDATE SET given_name = excluded.given_name"
        );
        application.run(&upsert).unwrap();
        application.customer("given_name").unwrap()
    };

    assert_eq!([upsert("Ann"), upsert("Bob")], ["Ann", "Bob"]);

    let edits = "SELECT operation || ' ' || coalesce(field, '-') || ' ' || coalesce(old_value, '-') AS value \
                 FROM local_edits ORDER BY seq";
    let edits: Vec<_> = application.values(edits).into_iter().flatten().collect();
    assert_eq!(
        edits,
        ["insert - -", "insert given_name -", "update given_name Ann"]
    );
}

async fn any_text_is_kept_as_it_is(db: TestDb) {
    let store = open_with_seller(&db).await;
    let mut application = OtherProgram::new(&db);
    let long = "ä".repeat(10_000);

    for text in [
        "O'Neil",
        "\u{1f469}\u{200d}\u{1f680}",
        &long,
        "a\r\nb\tc",
        " ",
    ] {
        let quoted = text.replace('\'', "''");
        application
            .run(&format!(
                "DELETE FROM customers; INSERT INTO customers (id, note) VALUES ('17', '{quoted}')"
            ))
            .unwrap();

        let row = row(&store, "17").await;
        assert_eq!(row.fields.get(Field::Note), Some(text));
    }
}

async fn deleted_rows_are_not_in_the_view(db: TestDb) {
    let store = open_with_seller(&db).await;
    let mut gone = full_row("B");
    gone.deleted_at = Some(long_ago());
    put(&store, full_row("A")).await;
    put(&store, gone).await;

    let mut application = OtherProgram::new(&db);
    let ids = |table| format!("SELECT id AS value FROM {table} ORDER BY id");
    let live = application.values(&ids("live_customers"));
    assert_eq!(live, [Some("A".to_owned())]);
    assert_eq!(application.count("customers"), 2);
}

async fn one_profile_has_one_live_row(db: TestDb) {
    let store = open_with_seller(&db).await;
    let mut same = full_row("B");
    same.square_id = full_row("A").square_id;
    put(&store, full_row("A")).await;

    let twice = same.clone();
    let refused = store
        .write(move |db| customers::put(db, &merchant(), &[twice]))
        .await;
    refused.unwrap_err();

    same.deleted_at = Some(long_ago());
    put(&store, same).await;
}

/// A store with a row `A` that is as Square has it, and an application beside it.
async fn synced(db: &TestDb) -> (Store, OtherProgram) {
    let store = open_with_seller(db).await;
    put(&store, full_row("A")).await;
    (store, OtherProgram::new(db))
}

/// A synced row without an empty column, but for those of its end.
fn full_row(id: &str) -> Row {
    let mut fields = Fields::default();
    for field in Field::ALL {
        fields.set(field, Some(field.column().to_owned()));
    }
    Row {
        id: CustomerId::new(id),
        square_id: Some(SquareId::new(format!("S{id}"))),
        fields,
        garbled: Default::default(),
        square: SquareColumns {
            email_unsubscribed: Some(true),
            creation_source: Some("DIRECTORY".to_owned()),
            group_ids: Some("[\"G\"]".to_owned()),
            segment_ids: Some("[]".to_owned()),
            version: Some(3),
            created_at: Some(long_ago()),
            updated_at: Some(long_ago()),
        },
        sync_state: SyncState::Synced,
        sync_error: Some("an old refusal".to_owned()),
        deleted_at: None,
        merged_into: None,
        created_at: long_ago(),
        updated_at: long_ago(),
    }
}

fn long_ago() -> NaiveDateTime {
    "2020-01-02T03:04:05.678901".parse().unwrap()
}

async fn put(store: &Store, row: Row) {
    store
        .write(move |db| customers::put(db, &merchant(), &[row]))
        .await
        .unwrap();
}

/// The row as squaresync reads it.
async fn row(store: &Store, id: &str) -> Row {
    let ids = [CustomerId::new(id)];
    let mut found = store
        .write(move |db| customers::lock(db, &ids))
        .await
        .unwrap();
    found.rows.pop().unwrap()
}
