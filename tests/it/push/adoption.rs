//! A new row whose customer is at Square already takes that profile.

use std::time::Duration;

use serde_json::json;
use squaresync::domain::lookalike::Matching;
use squaresync::square::simulator::{Fault, Options, Strikes};

use super::{creates, last_body, looks};
use crate::support::app::{LAG, options};
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_row_takes_the_profile_that_carries_its_reference,
    a_row_takes_the_profile_that_carries_its_id,
    a_reference_of_another_rows_profile_is_no_match,
    what_an_event_showed_is_adopted_before_a_search_shows_it,
    a_reference_in_other_letters_is_no_match,
    what_both_hold_differently_is_decided_by_the_rule,
    before_the_first_pass_square_is_asked,
    before_the_first_pass_a_question_that_fails_is_asked_again,
    a_row_takes_the_profile_with_its_address_or_number_where_that_is_wanted,
    a_profile_that_another_rows_create_made_is_not_taken,
    a_profile_that_got_another_reference_is_found_by_the_rest,
}

async fn a_row_takes_the_profile_that_carries_its_reference(db: TestDb) {
    let mut app = App::new(db).await;
    app.square.create(&json!({
        "given_name": "Ann", "phone_number": "+12125554240", "reference_id": "CRM-17",
    }));
    app.settle().await;
    app.sql(
        "INSERT INTO customers (id, given_name, note, reference_id) \
         VALUES ('a', 'Ann', 'mine', 'CRM-17')",
    );
    app.settle().await;

    assert_eq!(creates(&app), 0);
    assert_eq!(looks(&app), 0);
    assert_eq!(
        last_body(&app, "PUT"),
        json!({"note": "mine", "version": 0})
    );
    let mine =
        "customers WHERE id = 'a' AND phone_number = '+12125554240' AND sync_state = 'synced'";
    assert_eq!(app.other().count(mine), 1, "{}", app.dump());
    let other =
        "customers WHERE merged_into = 'a' AND deleted_at IS NOT NULL AND sync_error IS NULL";
    assert_eq!(app.other().count(other), 1, "{}", app.dump());
    app.assert_equal();
}

async fn a_row_takes_the_profile_that_carries_its_id(db: TestDb) {
    let mut app = App::new(db).await;
    app.square
        .create(&json!({"given_name": "Ann", "reference_id": "a"}));
    app.settle().await;
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann')");
    app.settle().await;

    assert_eq!(creates(&app), 0);
    assert_eq!(app.other().count("live_customers WHERE id = 'a'"), 1);
    app.assert_equal();
}

async fn a_reference_of_another_rows_profile_is_no_match(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (id, given_name, reference_id) VALUES ('a', 'Ann', 'CRM-17')");
    app.settle().await;
    app.sql("INSERT INTO customers (id, given_name, reference_id) VALUES ('b', 'Ann', 'CRM-17')");
    app.settle().await;

    assert_eq!(creates(&app), 2);
    assert_eq!(app.rows(&["id", "sync_state"]), ["a synced", "b synced"]);
    app.assert_equal();
}

async fn what_an_event_showed_is_adopted_before_a_search_shows_it(db: TestDb) {
    let late = Options {
        index_lag: Duration::from_secs(60),
        ..options()
    };
    let mut app = App::with(db, late, false).await;
    app.settle().await;
    app.caught_up.set(None);
    app.square
        .create(&json!({"given_name": "Ann", "reference_id": "CRM-17"}));
    app.deliver_all().await;
    app.sql("INSERT INTO customers (given_name, reference_id) VALUES ('Ann', 'CRM-17')");
    app.push_all().await;
    app.settle().await;

    assert_eq!(creates(&app), 0);
    assert_eq!(app.square.len(), 1);
    app.assert_equal();
}

async fn a_reference_in_other_letters_is_no_match(db: TestDb) {
    let mut app = App::new(db).await;
    app.square
        .create(&json!({"given_name": "Ann", "reference_id": "crm-17"}));
    app.settle().await;
    for caught_up in [true, false] {
        app.caught_up.set(caught_up.then(|| app.square.now()));
        app.sql("INSERT INTO customers (given_name, reference_id) VALUES ('Ann', 'CRM-17')");
        app.push_all().await;
    }
    app.settle().await;

    assert_eq!(creates(&app), 2);
    app.assert_equal();
}

async fn what_both_hold_differently_is_decided_by_the_rule(db: TestDb) {
    let mut app = App::new(db).await;
    app.square
        .create(&json!({"given_name": "Ann", "reference_id": "CRM-17"}));
    app.settle().await;
    app.sql("INSERT INTO customers (id, given_name, note, reference_id) VALUES ('a', 'Annie', 'x', 'CRM-17')");
    app.settle().await;

    assert_eq!(
        app.other()
            .count("customers WHERE id = 'a' AND given_name = 'Ann' AND note = 'x'"),
        1
    );
    app.assert_equal();
    assert_eq!(creates(&app), 0);
}

async fn before_the_first_pass_square_is_asked(db: TestDb) {
    for reference in ["NULL", "'CRM-17'"] {
        let mut app = App::unread(TestDb::new(db.kind()), options(), false).await;
        let carried = if reference == "NULL" { "a" } else { "CRM-17" };
        app.square
            .create(&json!({"given_name": "Ann", "reference_id": carried}));
        app.advance(LAG).await;
        app.sql(&format!(
            "INSERT INTO customers (id, given_name, reference_id) VALUES ('a', 'Ann', {reference}), ('b', 'Bob', NULL)"
        ));
        app.push_all().await;

        assert_eq!((creates(&app), looks(&app)), (1, 2), "{reference}");
        let synced = "live_customers WHERE id IN ('a', 'b') AND sync_state = 'synced'";
        assert_eq!(app.other().count(synced), 2, "{reference}");
        assert_eq!(app.other().count("live_customers"), 2, "{reference}");
        app.read_all().await;
        app.sql("INSERT INTO customers (id, given_name) VALUES ('c', 'Cleo')");
        app.settle().await;
        assert_eq!((creates(&app), looks(&app)), (2, 2), "{reference}");
        app.assert_equal();
    }
}

async fn before_the_first_pass_a_question_that_fails_is_asked_again(db: TestDb) {
    for fault in [Fault::InternalError, Fault::Reset, Fault::EmptyPage] {
        let mut app = App::unread(TestDb::new(db.kind()), options(), false).await;
        app.square
            .create(&json!({"given_name": "Ann", "reference_id": "CRM-17"}));
        app.advance(LAG).await;
        app.sql("INSERT INTO customers (given_name, reference_id) VALUES ('Ann', 'CRM-17')");
        app.square.faults(|faults| {
            faults.strikes(fault, Strikes::Reads);
            faults.next(fault, 1);
        });
        app.push_once().await.unwrap();
        assert_eq!(app.square.fired(fault), 1);
        let mut app = app.crash().await;
        app.push_all().await;

        assert_eq!(creates(&app), 0, "{fault}");
        app.read_all().await;
        app.assert_equal();
    }
}

async fn a_row_takes_the_profile_with_its_address_or_number_where_that_is_wanted(db: TestDb) {
    for (matching, by_email, by_phone) in [
        (Matching::Off, false, false),
        (Matching::Email, true, false),
        (Matching::Phone, false, true),
        (Matching::Both, true, true),
    ] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.pushing(|pushing| pushing.matching = matching);
        app.square
            .create(&json!({"given_name": "Ann", "email_address": "Ann@example.com"}));
        app.square
            .create(&json!({"given_name": "Bob", "phone_number": "+12125554240"}));
        app.settle().await;
        app.sql(
            "INSERT INTO customers (id, given_name, email_address, phone_number) \
             VALUES ('a', 'Ann', ' ann@Example.com', NULL), ('b', 'Bob', NULL, '(212) 555-4240'), \
             ('c', 'Cleo', 'cleo@example.com', '+12125550000'), ('d', 'Dan', NULL, '555')",
        );
        app.settle().await;

        let made = 4 - usize::from(by_email) - usize::from(by_phone);
        assert_eq!(
            creates(&app) + app.other().count("customers WHERE sync_state = 'failed'"),
            made,
            "{matching:?}"
        );
        for (id, taken) in [("a", by_email), ("b", by_phone)] {
            let pointing = app
                .other()
                .count(&format!("customers WHERE merged_into = '{id}'"));
            assert_eq!(pointing, usize::from(taken), "{matching:?} {id}");
        }
        if matching == Matching::Off {
            assert_eq!(looks(&app), 0);
        }
    }
}

async fn a_profile_that_another_rows_create_made_is_not_taken(db: TestDb) {
    let mut app = App::new(db).await;
    app.pushing(|pushing| pushing.matching = Matching::Email);
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 2));
    app.sql(
        "INSERT INTO customers (id, given_name, email_address, reference_id) \
         VALUES ('a', 'Ann', 'ann@example.com', 'CRM-17')",
    );
    app.push_once().await.unwrap();
    // The profile shows in searches, and the first row's answer is lost once more.
    app.square.advance(LAG);
    app.sql("INSERT INTO customers (id, given_name, email_address) VALUES ('b', 'Ann', 'ann@example.com')");
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::LostAnswer), 2);
    app.settle().await;

    assert_eq!(creates(&app), 2);
    assert_eq!(app.rows(&["id", "sync_state"]), ["a synced", "b synced"]);
    app.assert_equal();
}

async fn a_profile_that_got_another_reference_is_found_by_the_rest(db: TestDb) {
    for contact in ["'Ann@Example.com', NULL", "NULL, '(212) 555-0100'"] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.square
            .faults(|faults| faults.next(Fault::LostAnswer, 1));
        app.sql(&format!(
            "INSERT INTO customers (given_name, reference_id, email_address, phone_number) \
             VALUES ('Ann', 'CRM-17', {contact})"
        ));
        app.push_once().await.unwrap();
        assert_eq!(app.square.fired(Fault::LostAnswer), 1);
        let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
        app.square.update(&id, &json!({"reference_id": "POS-4"}));
        app.advance(std::time::Duration::from_secs(48 * 3600)).await;
        app.square.forget_keys();
        app.push_all().await;
        app.settle().await;

        assert_eq!(creates(&app), 1, "{contact}");
        assert_eq!(app.other().count("live_customers"), 1, "{contact}");
        app.assert_equal();
    }
}
