//! Creates whose outcome is not known, and the keys that they carry.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::{Fault, Options, Strikes};

use super::{asked, creates, looks};
use crate::support::app::options;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    an_unknown_outcome_is_asked_for_by_the_same_call,
    a_crash_right_after_the_send_repeats_the_same_call,
    a_key_that_square_forgot_makes_no_second_profile,
    a_profile_edited_since_is_still_the_one_that_was_made,
    two_rows_that_share_a_reference_get_a_profile_each,
    a_lookup_that_fails_is_not_taken_for_nothing,
    a_refused_row_asks_under_another_key,
    a_row_made_anew_under_its_old_id_is_another_customer,
    a_row_deleted_while_its_old_create_is_looked_up_comes_back,
}

const DAYS: Duration = Duration::from_secs(48 * 3600);

fn distinct(asked: &[(String, String)]) -> usize {
    asked.iter().collect::<BTreeSet<_>>().len()
}

async fn an_unknown_outcome_is_asked_for_by_the_same_call(db: TestDb) {
    for fault in [
        Fault::LostAnswer,
        Fault::RateLimitedThoughApplied,
        Fault::InternalError,
        Fault::HtmlUnavailable,
        Fault::Reset,
    ] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.square.faults(|faults| {
            faults.strikes(fault, Strikes::Writes);
            faults.next(fault, 2);
        });
        app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
        app.push_all().await;
        app.settle().await;

        assert_eq!(app.square.fired(fault), 2);
        let asked = asked(&app);
        assert_eq!((asked.len(), distinct(&asked)), (3, 1), "{fault}");
        assert_eq!(creates(&app), 1);
        app.assert_equal();
    }
}

async fn a_crash_right_after_the_send_repeats_the_same_call(db: TestDb) {
    let mut app = App::new(db).await;
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 1));
    app.sql("INSERT INTO customers (given_name, reference_id) VALUES ('Ann', 'CRM-17')");
    app.push_once().await.unwrap();
    let mut app = app.crash().await;
    app.sql("UPDATE customers SET note = 'late'");
    app.push_all().await;
    app.settle().await;

    assert_eq!(app.square.fired(Fault::LostAnswer), 1);
    let asked = asked(&app);
    assert_eq!((asked.len(), distinct(&asked)), (2, 1));
    assert_eq!(creates(&app), 1);
    assert_eq!(looks(&app), 0);
    app.assert_equal();
}

async fn a_key_that_square_forgot_makes_no_second_profile(db: TestDb) {
    for reference in ["NULL", "'CRM-17'"] {
        for life in [None, Some(Duration::from_secs(7200))] {
            let options = Options {
                key_life: life,
                ..options()
            };
            let mut app = App::with(TestDb::new(db.kind()), options, false).await;
            app.square
                .faults(|faults| faults.next(Fault::LostAnswer, 1));
            app.sql(&format!(
                "INSERT INTO customers (given_name, reference_id) VALUES ('Ann', {reference})"
            ));
            app.push_once().await.unwrap();
            app.advance(DAYS).await;
            if life.is_none() {
                app.square.forget_keys();
            }
            app.push_all().await;
            app.settle().await;

            assert_eq!(app.square.fired(Fault::LostAnswer), 1);
            assert_eq!(creates(&app), 1, "{reference} {life:?}");
            app.assert_equal();
        }
    }
}

async fn a_profile_edited_since_is_still_the_one_that_was_made(db: TestDb) {
    for (edit, shown, entries) in [
        (
            json!({"given_name": "Anna", "note": null}),
            "given_name = 'Anna' AND note IS NULL",
            0,
        ),
        // A namesake of the seller's own would look the same.
        (
            json!({"email_address": "anna@example.com"}),
            "email_address LIKE 'anna@%'",
            1,
        ),
        (
            json!({"given_name": "Anna", "note": null, "email_address": "anna@example.com"}),
            "given_name = 'Anna' AND note IS NULL AND email_address LIKE 'anna@%'",
            3,
        ),
    ] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.square
            .faults(|faults| faults.next(Fault::LostAnswer, 1));
        app.sql(
            "INSERT INTO customers (given_name, note, email_address, reference_id) \
             VALUES ('Ann', 'old', 'ann@example.com', 'CRM-17')",
        );
        app.push_once().await.unwrap();
        let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
        app.square.update(&id, &edit);
        app.advance(DAYS).await;
        app.square.forget_keys();
        app.sql("UPDATE customers SET nickname = 'A'");
        app.push_all().await;
        app.settle().await;

        let merged = format!("live_customers WHERE {shown} AND nickname = 'A'");
        assert_eq!(app.other().count(&merged), 1, "{}", app.dump());
        assert_eq!(app.other().count("live_customers"), 1);
        assert_eq!(creates(&app), 1);
        let lost = "conflicts WHERE local_value IN ('Ann', 'old', 'ann@example.com') \
             AND base_value = local_value AND rule = 'square' AND taken = 'square' \
             AND local_at IS NOT NULL AND square_at IS NOT NULL AND square_id IS NOT NULL";
        assert_eq!(app.other().count(lost), entries);
        app.assert_equal();
    }
}

async fn two_rows_that_share_a_reference_get_a_profile_each(db: TestDb) {
    for (name, first, second) in [
        ("Bob", Fault::LostAnswer, Fault::LostAnswer),
        ("Bob", Fault::LostAnswer, Fault::Reset),
        ("Bob", Fault::Reset, Fault::LostAnswer),
        ("Ann", Fault::LostAnswer, Fault::LostAnswer),
        ("Ann", Fault::LostAnswer, Fault::Reset),
    ] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        for (id, name, fault) in [("a", "Ann", first), ("b", name, second)] {
            let fired = app.square.fired(fault);
            app.square.faults(|faults| {
                faults.strikes(fault, Strikes::Writes);
                faults.next(fault, 1);
            });
            app.sql(&format!(
                "INSERT INTO customers (id, given_name, email_address, reference_id) \
                 VALUES ('{id}', '{name}', 'both@example.com', 'CRM-17')"
            ));
            app.push_once().await.unwrap();
            assert_eq!(app.square.fired(fault), fired + 1);
        }
        app.advance(DAYS).await;
        app.square.forget_keys();
        app.push_all().await;
        app.settle().await;

        let case = format!("{name} {first} {second}");
        assert_eq!(creates(&app), 2, "{case}");
        let expected = ["a Ann synced".to_owned(), format!("b {name} synced")];
        let rows = app.rows(&["id", "given_name", "sync_state"]);
        assert_eq!(rows, expected, "{case}");
        app.assert_equal();
    }
}

async fn a_lookup_that_fails_is_not_taken_for_nothing(db: TestDb) {
    for fault in [
        Fault::InternalError,
        Fault::RateLimited,
        Fault::HtmlUnavailable,
        Fault::Reset,
        Fault::EmptyPage,
    ] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.square
            .faults(|faults| faults.next(Fault::LostAnswer, 1));
        app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
        app.push_once().await.unwrap();
        app.advance(DAYS).await;
        app.square.forget_keys();
        app.square.faults(|faults| {
            faults.strikes(fault, Strikes::Reads);
            // Square is asked for its time first, which has no pages.
            faults.after(fault, u32::from(fault != Fault::EmptyPage), 1);
        });
        app.push_once().await.unwrap();
        assert_eq!(app.square.fired(fault), 1, "{fault}");
        assert_eq!(creates(&app), 1, "{fault}");
        app.push_all().await;
        app.settle().await;

        assert_eq!(creates(&app), 1, "{fault}");
        app.assert_equal();
    }
}

async fn a_refused_row_asks_under_another_key(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name, email_address) VALUES ('Ann', 'no address')");
    app.push_all().await;
    assert_eq!(app.rows(&["sync_state"]), ["failed"]);
    assert_eq!(app.other().count("refused_creates WHERE times = 1"), 1);
    app.sql("UPDATE customers SET email_address = 'ann@example.com'");
    app.settle().await;

    let asked = asked(&app);
    assert_ne!(asked[0].0, asked[1].0);
    assert_eq!(creates(&app), 1);
    assert_eq!(app.other().count("refused_creates"), 0);
    app.assert_equal();
}

async fn a_row_made_anew_under_its_old_id_is_another_customer(db: TestDb) {
    let mut app = App::with(db, options(), true).await;
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann')");
    app.settle().await;
    app.sql("DELETE FROM customers");
    app.settle().await;
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann')");
    app.settle().await;

    let asked = asked(&app);
    assert_eq!((asked.len(), distinct(&asked)), (2, 2));
    assert_eq!((creates(&app), app.square.len()), (2, 1));
    let made = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        app.rows(&["square_id", "sync_state"]),
        [format!("{made} synced")]
    );
}

async fn a_row_deleted_while_its_old_create_is_looked_up_comes_back(db: TestDb) {
    for (reference, edited, push_deletes) in [
        ("NULL", false, false),
        ("NULL", true, false),
        ("'CRM-17'", false, false),
        ("'CRM-17'", false, true),
    ] {
        let mut app = App::with(TestDb::new(db.kind()), options(), push_deletes).await;
        app.square
            .faults(|faults| faults.next(Fault::LostAnswer, 1));
        app.sql(&format!(
            "INSERT INTO customers (id, given_name, reference_id) VALUES ('a', 'Ann', {reference})"
        ));
        app.push_once().await.unwrap();
        app.sql("DELETE FROM customers");
        if edited {
            let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
            assert!(app.square.update(&id, &json!({"given_name": "Anna"})));
        }
        app.advance(DAYS).await;
        app.square.forget_keys();
        app.push_all().await;
        app.settle().await;

        assert_eq!(creates(&app), 1);
        let expected = if push_deletes { 0 } else { 1 };
        assert_eq!(app.square.len(), expected, "{reference}");
        app.assert_equal();
    }
}
