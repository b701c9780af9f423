//! Bulk calls of which nobody knows what came: no row is lost, none is made
//! twice, and each goes out as it went out first.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::{Fault, Strikes};

use super::bulk::insert;
use super::{asked, bulk, creates, puts};
use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    creates_whose_outcome_is_not_known_are_asked_for_by_the_same_items,
    updates_whose_outcome_is_not_known_are_made_once,
    a_crash_around_a_bulk_call_loses_and_doubles_nothing,
    old_bulk_creates_are_looked_for_before_they_are_repeated,
    a_row_that_an_application_holds_keeps_none_of_its_neighbours,
    a_planned_call_waits_for_its_row_and_for_what_is_known_of_it,
    rows_edited_or_deleted_while_their_bulk_call_is_out_follow_it,
    a_refused_token_stops_a_bulk_call_and_nothing_is_lost,
}

/// What may become of a bulk call.
const TROUBLE: [Fault; 9] = [
    Fault::LostAnswer,
    Fault::RateLimitedThoughApplied,
    Fault::InternalError,
    Fault::HtmlUnavailable,
    Fault::Reset,
    Fault::MissingBulkKey,
    Fault::StrangeBulkKey,
    Fault::BulkHalfDone,
    Fault::BulkItemLimited,
];

const ROWS: usize = 20;

fn strike(app: &App, fault: Fault, times: u32) {
    app.square.faults(|faults| {
        faults.strikes(fault, Strikes::Writes);
        faults.next(fault, times);
    });
}

fn distinct(asked: &[(String, String)]) -> usize {
    asked.iter().collect::<BTreeSet<_>>().len()
}

async fn creates_whose_outcome_is_not_known_are_asked_for_by_the_same_items(db: TestDb) {
    for fault in TROUBLE {
        let mut app = App::new(TestDb::new(db.kind())).await;
        insert(&app, ROWS);
        strike(&app, fault, 2);
        app.push_all().await;

        assert_eq!(app.square.fired(fault), 2, "{fault}");
        let asked = asked(&app);
        assert!(ROWS < asked.len(), "{fault}");
        assert_eq!((distinct(&asked), creates(&app)), (ROWS, ROWS), "{fault}");
        app.settle().await;
        app.assert_equal();
    }
}

async fn updates_whose_outcome_is_not_known_are_made_once(db: TestDb) {
    for fault in TROUBLE {
        let mut app = App::new(TestDb::new(db.kind())).await;
        insert(&app, ROWS);
        app.settle().await;
        app.sql("UPDATE customers SET note = 'new'");
        strike(&app, fault, 1);
        app.push_all().await;
        app.settle().await;

        assert_eq!(app.square.fired(fault), 1, "{fault}");
        assert!(ROWS < puts(&app).len(), "{fault}");
        let customers = app.square.customers();
        let is_done = |it: &&serde_json::Value| it["note"] == "new" && it["version"] == 1;
        assert_eq!(customers.iter().filter(is_done).count(), ROWS, "{fault}");
        app.assert_equal();
    }
}

async fn a_crash_around_a_bulk_call_loses_and_doubles_nothing(db: TestDb) {
    // Before Square gets it, in the middle of it, and before its answer is written down.
    for fault in [Fault::Reset, Fault::BulkHalfDone, Fault::LostAnswer] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        insert(&app, ROWS);
        strike(&app, fault, 1);
        app.push_once().await.unwrap();
        assert_eq!(app.square.fired(fault), 1);
        assert_eq!(
            app.other()
                .count("outbox WHERE first_attempt_at IS NOT NULL"),
            ROWS
        );
        let mut app = app.crash().await;
        app.push_all().await;

        let asked = asked(&app);
        assert_eq!((asked.len(), distinct(&asked)), (2 * ROWS, ROWS), "{fault}");
        assert_eq!(
            (bulk(&app), creates(&app)),
            (vec![ROWS, ROWS], ROWS),
            "{fault}"
        );
        app.settle().await;
        app.assert_equal();
    }
}

async fn old_bulk_creates_are_looked_for_before_they_are_repeated(db: TestDb) {
    for fault in [Fault::BulkHalfDone, Fault::LostAnswer, Fault::Reset] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        insert(&app, 4);
        strike(&app, fault, 1);
        app.push_once().await.unwrap();
        assert_eq!(app.square.fired(fault), 1);
        app.advance(Duration::from_secs(48 * 3600)).await;
        app.square.forget_keys();
        app.push_all().await;

        assert_eq!(creates(&app), 4, "{fault}");
        assert_eq!(super::looks(&app), 4, "{fault}");
        assert_eq!(distinct(&asked(&app)), 4, "{fault}");
        app.settle().await;
        app.assert_equal();
    }
}

async fn a_row_that_an_application_holds_keeps_none_of_its_neighbours(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Sqlite {
        return;
    }
    insert(&app, 3);
    strike(&app, Fault::LostAnswer, 1);
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::LostAnswer), 1);
    let mut other = app.other();
    other
        .run("BEGIN; UPDATE customers SET note = 'held' WHERE id = 'r1'")
        .unwrap();
    app.advance(Duration::from_secs(60)).await;
    // Room for as many again, since the last answer did not come.
    for _ in 0..3 {
        app.push_once().await.unwrap();
    }
    assert_eq!(
        app.other().count("customers WHERE sync_state = 'synced'"),
        2
    );
    other.run("COMMIT").unwrap();
    app.settle().await;

    assert_eq!(creates(&app), 3);
    let customers = app.square.customers();
    let held = |it: &&serde_json::Value| it["note"] == "held" && it["given_name"] == "Row 1";
    assert_eq!(customers.iter().filter(held).count(), 1);
    app.assert_equal();
}

async fn a_planned_call_waits_for_its_row_and_for_what_is_known_of_it(db: TestDb) {
    let mut app = App::new(db).await;
    if app.db.kind() == Kind::Sqlite {
        return;
    }
    app.pass().await;
    insert(&app, 2);
    app.sql("INSERT INTO customers (id, given_name, reference_id) VALUES ('z', 'Bob', 'CRM-2')");
    // Refused as a whole, they are made again in parts: none was looked at.
    strike(&app, Fault::BulkRefused, 1);
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::BulkRefused), 1);
    assert_eq!(
        app.other().count("outbox WHERE first_attempt_at IS NULL"),
        3
    );
    let mut other = app.other();
    other
        .run("BEGIN; UPDATE customers SET note = 'held' WHERE id = 'z'")
        .unwrap();
    app.square
        .create(&json!({"given_name": "Bob", "reference_id": "CRM-2"}));
    app.advance(Duration::from_secs(60)).await;
    app.pass().await;
    for _ in 0..10 {
        app.push_once().await.unwrap();
    }
    assert_eq!(creates(&app), 2);
    other.run("COMMIT").unwrap();
    app.settle().await;

    assert_eq!((creates(&app), app.square.len()), (2, 3));
    app.assert_equal();
}

async fn rows_edited_or_deleted_while_their_bulk_call_is_out_follow_it(db: TestDb) {
    for push_deletes in [false, true] {
        let options = crate::support::app::options();
        let mut app = App::with(TestDb::new(db.kind()), options, push_deletes).await;
        insert(&app, 4);
        strike(&app, Fault::LostAnswer, 1);
        app.push_once().await.unwrap();
        app.sql("UPDATE customers SET note = 'later' WHERE id = 'r1'");
        app.sql("DELETE FROM customers WHERE id = 'r2'");
        app.push_all().await;
        app.settle().await;

        assert_eq!(app.square.fired(Fault::LostAnswer), 1);
        assert_eq!((creates(&app), distinct(&asked(&app))), (4, 4));
        let left = if push_deletes { 3 } else { 4 };
        assert_eq!(app.square.len(), left);
        assert_eq!(app.other().count("live_customers WHERE note = 'later'"), 1);
        app.assert_equal();
    }
}

async fn a_refused_token_stops_a_bulk_call_and_nothing_is_lost(db: TestDb) {
    use squaresync::square::simulator::Access;
    let mut app = App::new(db).await;
    app.square.create(&json!({"given_name": "Ann"}));
    app.settle().await;
    insert(&app, 5);
    app.square.faults(|faults| faults.access = Access::Revoked);
    assert!(app.push_once().await.unwrap_err().is_refusal());
    assert_eq!(app.other().count("outbox"), 5);
    app.square.faults(|faults| faults.access = Access::Granted);
    app.push_all().await;

    assert_eq!((creates(&app), distinct(&asked(&app))), (5, 5));
    app.settle().await;
    app.assert_equal();
}
