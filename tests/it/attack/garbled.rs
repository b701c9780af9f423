//! Bytes that are no text, on either side.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde_json::json;
use squaresync::domain::id::MerchantId;
use squaresync::domain::merge::Rule;
use squaresync::flows::Step;
use squaresync::flows::backfill::Backfill;
use squaresync::flows::counters::Counters;
use squaresync::flows::reading::Reading;
use squaresync::store::lease::Holder;

use crate::client::played::{Played, square};
use crate::support::app::options;
use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    bytes_that_are_no_text_hold_up_nobody_and_can_be_corrected,
    a_linked_row_of_such_bytes_is_still_told_of_square,
    an_id_of_such_bytes_holds_up_nobody,
    a_customer_of_such_text_holds_up_no_page,
    profiles_that_cannot_come_along_hold_up_nobody,
}

/// What an application in Latin-1 writes into SQLite, which takes it.
const JERA: &str = "CAST(x'4ae97261' AS TEXT)";

async fn bytes_that_are_no_text_hold_up_nobody_and_can_be_corrected(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Postgres {
        return;
    }
    app.sql(&format!(
        "INSERT INTO customers (id, given_name, note) VALUES ('bad', 'Ann', {JERA});
         INSERT INTO customers (id, given_name) VALUES ('good', 'Bob')"
    ));
    app.settle().await;
    assert_eq!(
        app.rows(&["id", "sync_state", "sync_error"]),
        [
            "bad failed note holds bytes that are not UTF-8 text; write it again",
            "good synced -"
        ]
    );

    // Another edit does not send what is still none, nor take it away.
    app.sql("UPDATE customers SET nickname = 'A' WHERE id = 'bad'");
    app.settle().await;
    assert_eq!(
        app.rows(&["id", "sync_state", "hex(note)"]),
        ["bad failed 4AE97261", "good synced "]
    );

    app.sql("UPDATE customers SET note = 'Jéra' WHERE id = 'bad'");
    app.settle().await;
    app.assert_equal();
}

async fn a_linked_row_of_such_bytes_is_still_told_of_square(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Postgres {
        return;
    }
    let ann = app.square.create(&json!({"given_name": "Ann"}));
    app.settle().await;
    app.sql(&format!("UPDATE customers SET note = {JERA}"));
    app.square.update(&ann, &json!({"given_name": "Anna"}));
    app.deliver_all().await;
    app.settle().await;
    app.square.update(&ann, &json!({"nickname": "A"}));
    app.pass().await;
    app.settle().await;
    assert_eq!(
        app.rows(&["given_name", "nickname", "hex(note)", "sync_state"]),
        ["Anna A 4AE97261 failed"]
    );

    // What Square says of the field itself takes the place of what nobody can read.
    app.square.update(&ann, &json!({"note": "theirs"}));
    app.settle().await;
    assert_eq!(app.rows(&["note", "sync_state"]), ["theirs synced"]);
    app.assert_equal();
}

async fn an_id_of_such_bytes_holds_up_nobody(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Postgres {
        return;
    }
    app.sql(&format!(
        "INSERT INTO customers (id, given_name) VALUES ({JERA}, 'Ann'), ('good', 'Bob')"
    ));
    app.settle().await;
    assert_eq!(
        app.rows(&["hex(id)", "sync_state", "sync_error"]),
        [
            "4AE97261 failed id holds bytes that are not UTF-8 text; insert the row under another id",
            "676F6F64 synced -"
        ]
    );

    app.sql(&format!("DELETE FROM customers WHERE id = {JERA}"));
    app.settle().await;
    app.assert_equal();
}

/// Half a surrogate pair in a value and in a key, a number beyond all numbers, and nesting beyond all parsers.
fn page() -> String {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let customers = [
        r#"{"id":"A","version":0,"given_name":"Ann"}"#.to_owned(),
        r#"{"id":"B","version":0,"given_name":"\ud800"}"#.to_owned(),
        r#"{"id":"C","version":0,"given_name":"C","new\udc00":1}"#.to_owned(),
        r#"{"id":"D","version":0,"given_name":"D","new":1e999}"#.to_owned(),
        format!(r#"{{"id":"E","version":0,"given_name":"E","new":{deep}}}"#),
        r#"{"id":"Z","version":0,"given_name":"Bob"}"#.to_owned(),
    ];
    // Square's clock is heard with the status of the token.
    format!(
        r#"{{"merchant_id":"M","customers":[{}]}}"#,
        customers.join(",")
    )
}

async fn a_customer_of_such_text_holds_up_no_page(db: TestDb) {
    let app = App::unread(db, options(), false).await;
    let server = Played::new(|_| {
        HttpResponse::Ok()
            .content_type("application/json")
            .body(page())
    })
    .await;
    let merchant = app
        .other()
        .values("SELECT merchant_id AS value FROM sellers");
    let counters = Arc::new(Counters::default());
    let mut backfill = Backfill::new(Reading {
        store: app.store.clone(),
        square: square(&server.url),
        merchant: MerchantId::new(merchant[0].clone().unwrap()),
        rule: Rule::Square,
        holder: Holder::named("test"),
        counters: Arc::clone(&counters),
        caught_up: app.caught_up.clone(),
    });
    while backfill.step(app.now()).await.unwrap() == Step::Worked {}

    assert_eq!(app.rows(&["given_name"]), ["Ann", "Bob"]);
    assert!(4 <= counters.profiles_unreadable.get());
}

async fn profiles_that_cannot_come_along_hold_up_nobody(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Sqlite {
        return;
    }
    let ids: Vec<String> = (0..150)
        .map(|n| app.square.create(&json!({"given_name": format!("C{n}")})))
        .collect();
    app.pass().await;
    let (mut held, mut freed) = (app.other(), app.other());
    held.run("BEGIN; UPDATE customers SET note = 'x' WHERE given_name <> 'C149'")
        .unwrap();
    freed
        .run("BEGIN; UPDATE customers SET note = 'x' WHERE given_name = 'C149'")
        .unwrap();
    for id in &ids {
        app.square.update(id, &json!({"nickname": "new"}));
    }
    app.pass().await;
    assert_eq!(app.other().count("customers WHERE nickname = 'new'"), 0);
    freed.run("ROLLBACK").unwrap();
    for _ in 0..50 {
        app.push_once().await.unwrap();
    }

    assert_eq!(app.other().count("customers WHERE nickname = 'new'"), 1);
    held.run("ROLLBACK").unwrap();
    app.settle().await;
    app.assert_equal();
}
