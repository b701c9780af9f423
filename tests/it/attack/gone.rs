//! Rows that applications delete, or make anew, while a call about them is out.

use std::time::Duration;

use super::creates;
use super::flight::lose;
use crate::support::app::options;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_row_deleted_while_its_create_is_out_comes_back,
    a_row_deleted_while_its_create_is_out_is_deleted_at_square_where_that_is_wanted,
    a_row_deleted_while_its_create_is_out_and_echoed_is_one_row,
    a_row_deleted_while_its_update_is_made_is_deleted_at_square_where_that_is_wanted,
    a_row_put_back_by_the_application_is_the_same_customer,
    a_row_made_anew_while_the_old_one_is_deleted_at_square_is_a_new_customer,
}

async fn a_row_deleted_while_its_create_is_out_comes_back(db: TestDb) {
    let mut app = App::new(db).await;
    lose(&app, 1);
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    app.push_once().await.unwrap();
    app.sql("DELETE FROM customers");
    app.push_all().await;
    app.settle().await;

    assert_eq!(app.rows(&["given_name", "sync_state"]), ["Ann synced"]);
    app.assert_equal();
    assert_eq!(creates(&app), 1);
}

async fn a_row_deleted_while_its_create_is_out_is_deleted_at_square_where_that_is_wanted(
    db: TestDb,
) {
    let mut app = App::with(db, options(), true).await;
    lose(&app, 1);
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    app.push_once().await.unwrap();
    app.sql("DELETE FROM customers");
    app.push_all().await;
    app.settle().await;

    assert_eq!(app.dump(), "");
    assert_eq!(app.square.len(), 0);
}

async fn a_row_deleted_while_its_create_is_out_and_echoed_is_one_row(db: TestDb) {
    let mut app = App::new(db).await;
    lose(&app, 1);
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    app.push_once().await.unwrap();
    app.sql("DELETE FROM customers");
    app.deliver_all().await;
    app.settle().await;

    assert_eq!(app.rows(&["given_name", "sync_state"]), ["Ann synced"]);
    app.assert_equal();
    assert_eq!(creates(&app), 1);
}

async fn a_row_deleted_while_its_update_is_made_is_deleted_at_square_where_that_is_wanted(
    db: TestDb,
) {
    let mut app = App::with(db, options(), true).await;
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    app.settle().await;
    app.sql("UPDATE customers SET given_name = 'Anna'");
    app.square
        .faults(|faults| faults.latency = Duration::from_millis(300));
    let mut other = app.other();
    let delete = async {
        while other.count("outbox WHERE attempts = 1") == 0 {
            tokio::task::yield_now().await;
        }
        other.run("DELETE FROM customers").unwrap();
    };
    let (stepped, ()) = tokio::join!(app.push.step(app.square.now(), 0.0), delete);
    stepped.unwrap();
    app.square.faults(|faults| faults.latency = Duration::ZERO);
    app.settle().await;

    assert_eq!(app.dump(), "");
    assert_eq!(app.square.len(), 0);
}

async fn a_row_put_back_by_the_application_is_the_same_customer(db: TestDb) {
    for push_deletes in [false, true] {
        let mut app = App::with(TestDb::new(db.kind()), options(), push_deletes).await;
        app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann')");
        app.settle().await;
        app.sql("DELETE FROM customers");
        app.sql("INSERT INTO customers (id, given_name, note) VALUES ('a', 'Ann', 'new')");
        app.settle().await;

        assert_eq!(
            app.rows(&["id", "given_name", "note", "sync_state"]),
            ["a Ann new synced"]
        );
        app.assert_equal();
        assert_eq!(creates(&app), 1);
    }
}

async fn a_row_made_anew_while_the_old_one_is_deleted_at_square_is_a_new_customer(db: TestDb) {
    let mut app = App::with(db, options(), true).await;
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann')");
    app.settle().await;
    lose(&app, 1);
    app.sql("DELETE FROM customers");
    app.push_once().await.unwrap();
    app.sql("INSERT INTO customers (id, given_name, note) VALUES ('a', 'Ann', 'new')");
    app.settle().await;

    assert_eq!(
        app.rows(&["id", "given_name", "note", "sync_state", "deleted_at"]),
        ["a Ann new synced -"]
    );
    let made = app.square.customers();
    assert_eq!(made.len(), 1);
    assert_eq!(app.rows(&["square_id"]), [made[0]["id"].as_str().unwrap()]);
}
