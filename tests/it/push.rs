//! What other programs write with plain SQL gets to Square, once.

mod adoption;
mod ahead;
mod bulk;
mod clock;
mod deletes;
mod doubtful;
mod half_done;
mod keys;
mod overtaken;
mod restored;

use serde_json::{Value, json};
use squaresync::flows::Step;
use squaresync::square::simulator::{Call, Fault};

use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_new_row_is_made_at_square,
    an_edit_of_a_linked_row_is_sent_sparsely,
    a_lost_answer_makes_no_second_profile,
    an_echo_before_the_answer_makes_no_second_row,
    an_echo_of_a_row_with_its_own_reference_waits_for_the_answer,
    a_refusal_is_told_in_the_row_and_holds_up_nobody,
    a_row_edited_while_its_call_is_out_is_sent_again,
    both_sides_edit_different_fields,
    square_wins_a_field_that_both_sides_changed,
    a_deleted_row_comes_back,
    a_deleted_row_is_deleted_at_square_where_that_is_wanted,
}

/// What was asked of Square, as if each row had had a call of its own.
fn calls(app: &App) -> Vec<Call> {
    app.square.calls().iter().flat_map(Call::each).collect()
}

/// How many calls were bulk writes, and how many rows were in each.
fn bulk(app: &App) -> Vec<usize> {
    let calls = app.square.calls().into_iter();
    calls
        .filter(|call| call.path.contains("/bulk-") && !call.path.ends_with("-retrieve"))
        .map(|call| call.each().len())
        .collect()
}

fn creates(app: &App) -> usize {
    calls(app)
        .iter()
        .filter(|call| call.method == "POST" && call.path == "/v2/customers" && call.applied)
        .count()
}

/// The keys and bodies of the creates that were asked for, in order.
fn asked(app: &App) -> Vec<(String, String)> {
    let calls = calls(app).into_iter();
    calls
        .filter(|call| call.method == "POST" && call.path == "/v2/customers")
        .map(|call| (call.idempotency_key.unwrap(), call.body))
        .collect()
}

/// How often Square was asked who is there.
fn looks(app: &App) -> usize {
    let calls = app.square.calls();
    let is_look = |body: &str| {
        ["reference_id", "email_address", "phone_number"]
            .iter()
            .any(|key| body.contains(key))
    };
    calls
        .iter()
        .filter(|call| call.path.ends_with("/search") && is_look(&call.body))
        .count()
}

/// The bodies of the updates that were asked for.
fn puts(app: &App) -> Vec<String> {
    let calls = calls(app).into_iter();
    calls
        .filter(|call| call.method == "PUT")
        .map(|call| call.body)
        .collect()
}

fn last_body(app: &App, method: &str) -> Value {
    let calls = app.square.calls();
    let call = calls
        .iter()
        .rev()
        .find(|call| call.method == method && !call.path.contains("search"))
        .unwrap();
    serde_json::from_str(&call.body).unwrap()
}

async fn a_new_row_is_made_at_square(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name, family_name) VALUES ('Ann', 'O''Hara')");

    app.push_all().await;

    let made = app.square.customers();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["family_name"], "O'Hara");
    let row = app.rows(&["id", "square_id", "sync_state", "reference_id"]);
    let (id, reference) = (
        row[0].split(' ').next().unwrap(),
        made[0]["reference_id"].as_str().unwrap(),
    );
    assert_eq!(
        row,
        [format!(
            "{id} {} synced {reference}",
            made[0]["id"].as_str().unwrap()
        )]
    );
    assert_eq!(id, reference);
    app.settle().await;
    app.assert_equal();
    assert_eq!(creates(&app), 1);
}

async fn an_edit_of_a_linked_row_is_sent_sparsely(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name, note, locality) VALUES ('Ann', 'old', 'Paris')");
    app.settle().await;

    app.sql("UPDATE customers SET note = NULL, locality = 'Lyon'");
    assert_eq!(app.rows(&["sync_state"]), ["pending"]);
    app.push_all().await;

    let body = last_body(&app, "PUT");
    assert_eq!(
        body,
        json!({"note": null, "address": {"locality": "Lyon"}, "version": 0})
    );
    app.settle().await;
    app.assert_equal();
}

async fn a_lost_answer_makes_no_second_profile(db: TestDb) {
    let mut app = App::new(db).await;
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 2));
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");

    app.push_once().await.unwrap();
    let mut app = app.crash().await;
    app.push_all().await;

    assert_eq!(app.square.fired(Fault::LostAnswer), 2);
    app.settle().await;
    assert_eq!(creates(&app), 1);
    app.assert_equal();
}

async fn an_echo_before_the_answer_makes_no_second_row(db: TestDb) {
    let mut app = App::new(db).await;
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 1));
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");

    app.push_once().await.unwrap();
    app.deliver_all().await;

    assert_eq!(app.rows(&["given_name", "sync_state"]), ["Ann synced"]);
    app.settle().await;
    app.assert_equal();
    assert_eq!(app.square.fired(Fault::LostAnswer), 1);
}

async fn an_echo_of_a_row_with_its_own_reference_waits_for_the_answer(db: TestDb) {
    let mut app = App::new(db).await;
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 1));
    app.sql("INSERT INTO customers (given_name, reference_id) VALUES ('Ann', 'CRM-17')");

    app.push_once().await.unwrap();
    app.deliver_all().await;
    assert_eq!(app.rows(&["given_name", "sync_state"]), ["Ann pending"]);
    app.settle().await;

    assert_eq!(app.rows(&["reference_id", "sync_state"]), ["CRM-17 synced"]);
    app.assert_equal();
    assert_eq!(creates(&app), 1);
}

async fn a_refusal_is_told_in_the_row_and_holds_up_nobody(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name, email_address) VALUES ('Ann', 'not an address')");
    app.sql("INSERT INTO customers (note) VALUES ('nobody')");
    app.sql("INSERT INTO customers (given_name) VALUES ('Bob')");

    app.push_all().await;

    let rows = app.rows(&["given_name", "sync_state", "sync_error"]);
    assert_eq!(
        rows[0],
        "- failed Square needs at least one of given_name, family_name, company_name, email_address, phone_number"
    );
    assert_eq!(
        rows[1],
        "Ann failed Square refuses the e-mail address; correct email_address"
    );
    assert_eq!(rows[2], "Bob synced -");

    app.sql("UPDATE customers SET email_address = 'ann@example.com' WHERE given_name = 'Ann'");
    app.sql("DELETE FROM customers WHERE note = 'nobody'");
    app.settle().await;
    app.assert_equal();
}

async fn a_row_edited_while_its_call_is_out_is_sent_again(db: TestDb) {
    let mut app = App::new(db).await;
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 1));
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    app.push_once().await.unwrap();

    app.sql("UPDATE customers SET given_name = 'Anna'");
    app.deliver_all().await;
    app.settle().await;

    assert_eq!(app.rows(&["given_name", "sync_state"]), ["Anna synced"]);
    app.assert_equal();
    assert_eq!(creates(&app), 1);
}

async fn both_sides_edit_different_fields(db: TestDb) {
    let mut app = App::new(db).await;
    let id = app
        .square
        .create(&json!({"given_name": "Ann", "note": "old"}));
    app.settle().await;

    app.sql("UPDATE customers SET note = 'new'");
    app.square.update(&id, &json!({"given_name": "Anna"}));
    app.settle().await;

    assert_eq!(
        app.rows(&["given_name", "note", "sync_state"]),
        ["Anna new synced"]
    );
    app.assert_equal();
}

async fn square_wins_a_field_that_both_sides_changed(db: TestDb) {
    let mut app = App::new(db).await;
    let id = app.square.create(&json!({"given_name": "Ann"}));
    app.settle().await;

    app.sql("UPDATE customers SET given_name = 'Local'");
    app.square.update(&id, &json!({"given_name": "Square"}));
    // Nothing tells us of it: the stale version does.
    app.push_all().await;

    assert_eq!(app.rows(&["given_name", "sync_state"]), ["Square synced"]);
    app.settle().await;
    app.assert_equal();
}

async fn a_deleted_row_comes_back(db: TestDb) {
    let mut app = App::new(db).await;
    app.square.create(&json!({"given_name": "Ann"}));
    app.settle().await;
    let before = app.rows(&["id", "given_name", "square_id"]);

    app.sql("DELETE FROM customers");
    app.settle().await;

    assert_eq!(app.rows(&["id", "given_name", "square_id"]), before);
    assert_eq!(app.counters.restored.get(), 1);
    assert_eq!(app.push_once().await.unwrap(), Step::Idle);
    app.assert_equal();
}

async fn a_deleted_row_is_deleted_at_square_where_that_is_wanted(db: TestDb) {
    let mut app = App::with(db, crate::support::app::options(), true).await;
    app.square.create(&json!({"given_name": "Ann"}));
    app.square.create(&json!({"given_name": "Bob"}));
    app.settle().await;

    app.sql("DELETE FROM customers WHERE given_name = 'Ann'");
    app.settle().await;

    assert_eq!(app.rows(&["given_name"]), ["Bob"]);
    app.assert_equal();
    let deletes: Vec<String> = app
        .square
        .calls()
        .iter()
        .filter(|call| call.method == "DELETE")
        .map(|call| call.path.clone())
        .collect();
    assert_eq!(deletes.len(), 1);
    assert!(deletes[0].ends_with("?version=0"), "{deletes:?}");
}
