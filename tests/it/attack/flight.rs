//! What applications do while a call is out, or its answer is lost.

use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::{Fault, Strikes};

use super::creates;
use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    an_edit_at_square_that_hides_the_echo_makes_no_second_row,
    a_row_held_while_its_create_is_answered_is_made_once,
    a_row_held_while_its_update_is_answered_is_sent,
    two_equal_rows_with_lost_answers_are_two_profiles,
    a_reference_to_another_row_mixes_nothing_up,
    a_reference_changed_after_linking_is_an_edit,
    a_create_whose_key_square_forgot_is_looked_up_first,
    edits_while_an_updates_answer_is_lost_are_all_sent,
    a_wait_that_square_asks_for_is_kept_over_a_crash,
}

/// The answers to the next writes do not come.
pub(super) fn lose(app: &App, times: u32) {
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, times));
}

async fn an_edit_at_square_that_hides_the_echo_makes_no_second_row(db: TestDb) {
    let mut app = App::new(db).await;
    lose(&app, 1);
    app.sql("INSERT INTO customers (given_name, reference_id) VALUES ('Ann', 'CRM-17')");
    app.push_once().await.unwrap();
    let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    app.square.update(&id, &json!({"given_name": "Anna"}));
    let events = app.events();
    app.deliver(events.last().unwrap()).await;
    app.settle().await;

    app.assert_equal();
    assert_eq!(app.square.customers()[0]["given_name"], "Anna");
    let live = "customers WHERE reference_id = 'CRM-17' AND id IN (SELECT id FROM live_customers)";
    assert_eq!(app.other().count(live), 1);
    let rest = "customers WHERE deleted_at IS NOT NULL AND merged_into IS NULL";
    assert_eq!(app.other().count(rest), 0);
    assert_eq!(creates(&app), 1);
}

async fn a_row_held_while_its_create_is_answered_is_made_once(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Sqlite {
        return;
    }
    lose(&app, 1);
    app.sql("INSERT INTO customers (given_name, reference_id) VALUES ('Ann', 'CRM-17')");
    app.push_once().await.unwrap();
    let mut other = app.other();
    other
        .run("BEGIN; UPDATE customers SET note = 'held'")
        .unwrap();
    app.advance(Duration::from_secs(60)).await;
    app.push_once().await.unwrap();
    other.run("COMMIT").unwrap();
    app.settle().await;

    assert_eq!(
        app.rows(&["given_name", "note", "sync_state"]),
        ["Ann held synced"]
    );
    app.assert_equal();
    assert_eq!(creates(&app), 1);
}

async fn a_row_held_while_its_update_is_answered_is_sent(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Sqlite {
        return;
    }
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    app.settle().await;
    lose(&app, 1);
    app.sql("UPDATE customers SET given_name = 'Anna'");
    app.push_once().await.unwrap();
    let mut other = app.other();
    other
        .run("BEGIN; UPDATE customers SET note = 'held', given_name = 'Annie'")
        .unwrap();
    app.advance(Duration::from_secs(60)).await;
    app.push_once().await.unwrap();
    app.deliver_all().await;
    other.run("COMMIT").unwrap();
    app.settle().await;

    assert_eq!(
        app.rows(&["given_name", "note", "sync_state"]),
        ["Annie held synced"]
    );
    app.assert_equal();
}

async fn two_equal_rows_with_lost_answers_are_two_profiles(db: TestDb) {
    for reference in ["NULL", "'CRM-17'"] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        lose(&app, 3);
        app.sql(&format!(
            "INSERT INTO customers (given_name, reference_id) VALUES ('Ann', {reference}), ('Ann', {reference})"
        ));
        app.push_once().await.unwrap();
        app.push_once().await.unwrap();
        app.deliver_all().await;
        let mut app = app.crash().await;
        app.settle().await;

        assert_eq!(
            app.rows(&["given_name", "sync_state"]),
            ["Ann synced", "Ann synced"]
        );
        app.assert_equal();
        assert_eq!(creates(&app), 2, "{reference}");
    }
}

async fn a_reference_to_another_row_mixes_nothing_up(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (id, given_name, reference_id) VALUES ('b', 'Bob', 'a')");
    lose(&app, 1);
    app.push_once().await.unwrap();
    app.sql("INSERT INTO customers (id, given_name, note) VALUES ('a', 'Ann', 'hers')");
    app.deliver_all().await;
    app.settle().await;

    assert_eq!(
        app.rows(&["id", "given_name", "note", "sync_state"]),
        ["a Ann hers synced", "b Bob - synced"]
    );
    app.assert_equal();
    assert_eq!(creates(&app), 2);
}

async fn a_reference_changed_after_linking_is_an_edit(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann'), ('b', 'Bob')");
    app.settle().await;
    app.sql("UPDATE customers SET reference_id = 'b' WHERE id = 'a'");
    app.sql("UPDATE customers SET reference_id = NULL WHERE id = 'b'");
    app.settle().await;

    assert_eq!(
        app.rows(&["id", "given_name", "reference_id", "sync_state"]),
        ["a Ann b synced", "b Bob - synced"]
    );
    app.assert_equal();
}

async fn a_create_whose_key_square_forgot_is_looked_up_first(db: TestDb) {
    let mut app = App::new(db).await;
    lose(&app, 1);
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    app.push_once().await.unwrap();
    app.advance(Duration::from_secs(48 * 3600)).await;
    app.square.forget_keys();
    app.push_all().await;
    app.settle().await;

    assert_eq!(creates(&app), 1);
    app.assert_equal();
}

async fn edits_while_an_updates_answer_is_lost_are_all_sent(db: TestDb) {
    for echo_first in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.sql("INSERT INTO customers (given_name, note) VALUES ('Ann', 'a')");
        app.settle().await;
        lose(&app, 1);
        app.sql("UPDATE customers SET given_name = 'Anna'");
        app.push_once().await.unwrap();
        app.sql("UPDATE customers SET note = 'b'");
        app.sql("UPDATE customers SET given_name = 'Ann'");
        if echo_first {
            app.deliver_all().await;
        }
        app.push_all().await;
        app.settle().await;

        assert_eq!(
            app.rows(&["given_name", "note", "sync_state"]),
            ["Ann b synced"],
            "{echo_first}"
        );
        app.assert_equal();
    }
}

async fn a_wait_that_square_asks_for_is_kept_over_a_crash(db: TestDb) {
    let mut app = App::new(db).await;
    app.square
        .faults(|faults| faults.next(Fault::InternalError, 1));
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    app.push_once().await.unwrap();
    app.advance(Duration::from_secs(600)).await;
    app.square.faults(|faults| {
        faults.retry_after = Some(Duration::from_secs(300));
        faults.strikes(Fault::RateLimited, Strikes::Writes);
        faults.next(Fault::RateLimited, 1);
    });
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::RateLimited), 1);
    let mut app = app.crash().await;
    app.square.advance(Duration::from_secs(290));
    app.push_once().await.unwrap();
    assert_eq!(creates(&app), 0);
    app.settle().await;
    app.assert_equal();
}
