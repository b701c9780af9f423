//! A customer that changes at Square faster than its row can be sent.

use std::time::Duration;

use serde_json::{Value, json};
use squaresync::square::simulator::{Fault, Options, Stale, Strikes};

use super::puts;
use crate::support::app::options;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_row_that_is_always_too_late_says_so_in_the_end,
    every_update_carries_the_version_and_only_what_differs,
    what_an_older_create_made_is_not_this_ones_word,
}

async fn a_row_that_is_always_too_late_says_so_in_the_end(db: TestDb) {
    for stale in [Stale::VersionMismatch, Stale::Conflict] {
        let options = Options { stale, ..options() };
        let mut app = App::with(TestDb::new(db.kind()), options, false).await;
        let id = app.square.create(&json!({"given_name": "Ann"}));
        app.settle().await;
        app.sql("UPDATE customers SET note = 'mine'");
        for number in 0..40 {
            app.square
                .update(&id, &json!({"nickname": format!("{number}")}));
            app.push_once().await.unwrap();
            app.advance(Duration::from_secs(60)).await;
        }

        assert_eq!(puts(&app).len(), 30, "{stale:?}");
        assert_eq!(app.rows(&["note", "sync_state"]), ["mine failed"]);
        let error = app.other().customer("sync_error").unwrap();
        assert!(error.contains("change the row once more"), "{error}");
        app.sql("UPDATE customers SET note = 'mine again'");
        app.settle().await;
        assert_eq!(
            app.rows(&["note", "nickname", "sync_state"]),
            ["mine again 39 synced"]
        );
        app.assert_equal();
    }
}

async fn every_update_carries_the_version_and_only_what_differs(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql(
        "INSERT INTO customers (id, given_name, note, locality) VALUES ('a', 'Ann', 'n', 'Paris')",
    );
    app.settle().await;
    let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    for (edit, expected) in [
        ("note = 'm', locality = 'Paris'", json!({"note": "m"})),
        (
            "locality = 'Lyon'",
            json!({"address": {"locality": "Lyon"}}),
        ),
        (
            "given_name = 'Anna', note = NULL",
            json!({"given_name": "Anna", "note": null}),
        ),
    ] {
        app.square.update(&id, &json!({"nickname": edit}));
        app.sql(&format!("UPDATE customers SET {edit}"));
        app.settle().await;

        let mut body: Value = serde_json::from_str(puts(&app).last().unwrap()).unwrap();
        let version = body.as_object_mut().unwrap().remove("version");
        assert!(version.is_some_and(|version| version.is_i64()), "{edit}");
        assert_eq!(body, expected);
        assert_eq!(app.square.customers()[0]["nickname"], edit);
    }
    app.assert_equal();
}

async fn what_an_older_create_made_is_not_this_ones_word(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann')");
    let backup = app.backup();
    app.push_all().await;
    let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    app.square.update(&id, &json!({"given_name": "Anna"}));
    let events = app.events();
    let mut app = app.restored(&backup).await;
    app.sql("UPDATE customers SET birthday = '1990-03-11'");
    app.square.faults(|faults| {
        faults.strikes(Fault::Reset, Strikes::Writes);
        faults.next(Fault::Reset, 1);
    });
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::Reset), 1);
    for event in events {
        app.deliver(&event).await;
    }
    app.settle().await;

    assert_eq!(app.rows(&["given_name", "sync_state"]), ["Anna synced"]);
    let told = "conflicts WHERE field = 'birthday' AND local_value = '1990-03-11'";
    let is_there = app.other().count("customers WHERE birthday = '1990-03-11'");
    assert_eq!(app.other().count(told) + is_there, 1);
    app.assert_equal();
}
