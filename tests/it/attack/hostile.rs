//! Values and answers that ought to do harm.

use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::{Access, Fault, Strikes};

use super::creates;
use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    values_that_square_refuses_hold_up_nobody_and_can_be_corrected,
    text_that_no_wire_can_carry_holds_up_nobody,
    empty_text_and_blanks_come_to_rest,
    a_row_that_square_never_answers_holds_up_nobody,
    five_hundred_rows_at_once_are_five_hundred_profiles,
    every_fault_in_every_step_is_survived,
    a_refused_token_loses_nothing,
    a_failed_row_that_square_edits_keeps_both,
    a_customer_that_changes_before_every_call_comes_to_rest,
    rows_that_an_application_holds_hold_up_nobody,
}

async fn values_that_square_refuses_hold_up_nobody_and_can_be_corrected(db: TestDb) {
    let mut app = App::new(db).await;
    let long = "x".repeat(301);
    app.sql(&format!(
        "INSERT INTO customers (id, given_name) VALUES ('long', '{long}');
         INSERT INTO customers (id, given_name, birthday) VALUES ('birthday', 'B', 'yesterday');
         INSERT INTO customers (id, given_name, phone_number) VALUES ('phone', 'P', 'none');
         INSERT INTO customers (id, given_name, country) VALUES ('country', 'C', 'France');
         INSERT INTO customers (id, given_name, note) VALUES ('good', 'O''Neil', 'a''b\"c');"
    ));
    app.push_all().await;
    assert_eq!(
        app.rows(&["id", "sync_state"]),
        [
            "birthday failed",
            "country failed",
            "good synced",
            "long failed",
            "phone failed"
        ]
    );
    app.sql(
        "UPDATE customers SET given_name = 'short' WHERE id = 'long';
         UPDATE customers SET birthday = '03-04' WHERE id = 'birthday';
         UPDATE customers SET phone_number = NULL WHERE id = 'phone';
         UPDATE customers SET country = 'FR' WHERE id = 'country';",
    );
    app.settle().await;

    app.assert_equal();
    assert_eq!(creates(&app), 5);
}

async fn text_that_no_wire_can_carry_holds_up_nobody(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Postgres {
        return;
    }
    app.sql("INSERT INTO customers (id, given_name) VALUES ('nul', 'A' || char(0) || 'B')");
    app.sql("INSERT INTO customers (id, given_name) VALUES ('good', 'Ann')");
    for _ in 0..20 {
        drop(app.push_once().await);
        app.advance(Duration::from_secs(60)).await;
    }
    app.deliver_all().await;
    app.pass().await;

    let states = app.rows(&["id", "sync_state"]);
    assert!(states.contains(&"good synced".to_owned()), "{}", app.dump());
    assert!(states.contains(&"nul failed".to_owned()), "{states:?}");
}

async fn empty_text_and_blanks_come_to_rest(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (id, given_name, note) VALUES ('a', 'Ann', ''), ('b', '', ''), ('c', '  ', '  ')");
    app.settle().await;
    app.sql("UPDATE customers SET note = '' WHERE id = 'a'");
    app.sql("UPDATE customers SET given_name = 'B' WHERE id <> 'a'");
    app.settle().await;

    app.assert_equal();
}

async fn a_row_that_square_never_answers_holds_up_nobody(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name) VALUES ('Poison')");
    for number in 0..30 {
        app.square
            .faults(|faults| faults.next(Fault::InternalError, 1));
        drop(app.push_once().await);
        app.square
            .faults(|faults| faults.next(Fault::InternalError, 0));
        app.sql(&format!(
            "INSERT INTO customers (given_name) VALUES ('C{number}')"
        ));
        app.push_once().await.unwrap();
        app.advance(Duration::from_secs(600)).await;
    }
    app.settle().await;

    app.assert_equal();
    assert_eq!(creates(&app), 31);
}

async fn five_hundred_rows_at_once_are_five_hundred_profiles(db: TestDb) {
    let mut app = App::new(db).await;
    let values: Vec<String> = (0..500).map(|_| "('Twin')".to_owned()).collect();
    app.sql(&format!(
        "INSERT INTO customers (given_name) VALUES {}",
        values.join(", ")
    ));
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 20));
    app.settle().await;

    app.assert_equal();
    assert_eq!(creates(&app), 500);
}

async fn every_fault_in_every_step_is_survived(db: TestDb) {
    for fault in [
        Fault::RateLimited,
        Fault::RateLimitedThoughApplied,
        Fault::InternalError,
        Fault::HtmlUnavailable,
        Fault::OldStyleError,
        Fault::LostAnswer,
        Fault::Reset,
    ] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.square.faults(|faults| {
            faults.strikes(fault, Strikes::Writes);
            faults.chance(fault, 0.5);
        });
        app.sql("INSERT INTO customers (given_name) VALUES ('Ann'), ('Bob'), ('Cleo')");
        app.push_all().await;
        app.sql("UPDATE customers SET note = 'n'");
        app.push_all().await;
        app.sql("DELETE FROM customers WHERE given_name = 'Bob'");
        app.settle().await;
        app.square.faults(|faults| faults.clear());
        app.settle().await;

        assert!(0 < app.square.fired(fault), "{fault}");
        app.assert_equal();
        assert_eq!(creates(&app), 3, "{fault}");
    }
}

async fn a_refused_token_loses_nothing(db: TestDb) {
    let mut app = App::new(db).await;
    for access in [Access::Unknown, Access::ReadOnly, Access::NoScopes] {
        app.square.faults(|faults| faults.access = access);
        app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
        assert!(app.push_once().await.is_err());
        app.square.faults(|faults| faults.access = Access::Granted);
        app.settle().await;
    }

    app.assert_equal();
    assert_eq!(creates(&app), 3);
}

async fn a_failed_row_that_square_edits_keeps_both(db: TestDb) {
    let mut app = App::new(db).await;
    let id = app.square.create(&json!({"given_name": "Ann"}));
    app.settle().await;
    app.sql("UPDATE customers SET email_address = 'wrong', note = 'mine'");
    app.push_all().await;
    app.square.update(&id, &json!({"given_name": "Anna"}));
    app.settle().await;
    assert_eq!(
        app.rows(&["given_name", "email_address", "note", "sync_state"]),
        ["Anna wrong mine failed"]
    );
    app.square
        .update(&id, &json!({"email_address": "ann@example.com"}));
    app.settle().await;

    assert_eq!(
        app.rows(&["given_name", "email_address", "note", "sync_state"]),
        ["Anna ann@example.com mine synced"]
    );
    app.assert_equal();
}

async fn a_customer_that_changes_before_every_call_comes_to_rest(db: TestDb) {
    let mut app = App::new(db).await;
    let id = app.square.create(&json!({"given_name": "Ann"}));
    app.settle().await;
    app.sql("UPDATE customers SET note = 'mine'");
    for number in 0..20 {
        app.square
            .update(&id, &json!({"nickname": format!("{number}")}));
        app.push_once().await.unwrap();
        app.advance(Duration::from_secs(600)).await;
    }
    app.settle().await;

    assert_eq!(
        app.rows(&["note", "nickname", "sync_state"]),
        ["mine 19 synced"]
    );
    app.assert_equal();
}

async fn rows_that_an_application_holds_hold_up_nobody(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Sqlite {
        return;
    }
    let values: Vec<String> = (0..150).map(|n| format!("('a{n}', 'Held')")).collect();
    app.sql(&format!(
        "INSERT INTO customers (id, given_name) VALUES {}",
        values.join(", ")
    ));
    let mut other = app.other();
    other.run("BEGIN; UPDATE customers SET note = 'x'").unwrap();
    app.sql("INSERT INTO customers (id, given_name) VALUES ('z', 'Free')");
    for _ in 0..10 {
        app.push_once().await.unwrap();
    }
    assert_eq!(app.square.len(), 1, "the free row was held up");
    other.run("COMMIT").unwrap();
    app.settle().await;

    app.assert_equal();
}
