//! Answers that fail are never "not found", and a crash costs a new beginning.

use std::time::Duration;

use squaresync::flows::Step;
use squaresync::square::simulator::{Fault, Strikes};

use super::{alarm, approved, assert_fired, bulk_retrieves, drop_webhooks, gone, many};
use crate::support::app::LAG;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    an_answer_that_fails_is_asked_for_again,
    a_key_that_is_missing_is_left_for_the_next_time,
    a_crash_after_any_step_begins_again,
    a_webhook_that_comes_late_changes_nothing,
    a_census_that_stops_gives_its_lease_back,
}

async fn an_answer_that_fails_is_asked_for_again(db: TestDb) {
    for fault in [
        Fault::RateLimited,
        Fault::InternalError,
        Fault::HtmlUnavailable,
        Fault::Reset,
    ] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let ids = many(&mut app, 4).await;
        app.square.delete(&ids[0]);
        drop_webhooks(&mut app);
        app.advance(LAG).await;
        // The page of the list is let through.
        app.square.faults(|faults| {
            faults.strikes(fault, Strikes::Reads);
            faults.after(fault, 1, 3);
        });
        let mut failures = 0;
        loop {
            match app.census.step(app.now()).await {
                Ok(Step::Worked) => {}
                Ok(Step::Idle) => break,
                Err(_) => {
                    failures += 1;
                    assert_eq!(gone(&app), [""; 0], "{fault}");
                }
            }
        }

        assert_eq!((failures, app.square.fired(fault)), (3, 3));
        assert_eq!(gone(&app), [format!("{} not_found", ids[0])]);
        // Two backfills were made, and the list was read once.
        let calls = app.square.calls();
        let listed = calls.iter().filter(|call| call.path.ends_with("/search"));
        assert_eq!(listed.count(), 3, "{fault}");
        app.assert_equal();
    }
}

async fn a_key_that_is_missing_is_left_for_the_next_time(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 6).await;
    for id in &ids[..3] {
        app.square.delete(id);
    }
    drop_webhooks(&mut app);
    app.square
        .faults(|faults| faults.next(Fault::MissingBulkKey, 1));

    app.census_all().await;

    assert_fired(&app, Fault::MissingBulkKey);
    let found = app.census.found();
    assert_eq!((found.missing, found.deleted, found.unknown), (3, 2, 1));
    assert_eq!(gone(&app).len(), 2);
    app.census_all().await;
    assert_eq!((gone(&app).len(), app.census.found().missing), (3, 1));
    app.assert_equal();
}

async fn a_crash_after_any_step_begins_again(db: TestDb) {
    let mut was_whole = false;
    for steps in 0..20 {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let ids = many(&mut app, 320).await;
        for id in &ids[..120] {
            app.square.delete(id);
        }
        app.square.merge(&[&ids[200], &ids[201]]).unwrap();
        drop_webhooks(&mut app);
        app.advance(LAG).await;
        app.census = squaresync::flows::census::Census::new(app.reading.clone(), true);
        for _ in 0..steps {
            was_whole |= app.census.step(app.now()).await.unwrap() == Step::Idle;
            if was_whole {
                break;
            }
        }
        // No tombstone is made before the last answer is in, and then a hundred at a time.
        assert!(
            [0, 100, 122].contains(&gone(&app).len()),
            "{}",
            gone(&app).len()
        );
        assert!(gone(&app).is_empty() || bulk_retrieves(&app) == 2);
        let mut app = app.crash().await;
        approved(&mut app).await;

        assert_eq!(gone(&app).len(), 122, "after {steps} steps");
        app.assert_equal();
        if was_whole {
            break;
        }
    }
    assert!(was_whole, "the census has more steps");
}

async fn a_webhook_that_comes_late_changes_nothing(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 4).await;
    app.square.delete(&ids[0]);
    app.square.merge(&[&ids[1], &ids[2]]).unwrap();
    let late = app.events();
    app.census_all().await;
    app.assert_equal();
    let rows = app.dump();

    for event in &late {
        app.deliver(event).await;
    }

    assert_eq!(app.dump(), rows);
    app.census_all().await;
    assert_eq!((app.dump(), alarm(&app)), (rows, None));
    app.assert_equal();
}

async fn a_census_that_stops_gives_its_lease_back(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 250).await;
    app.square
        .update(&ids[0], &serde_json::json!({"note": "x"}));
    drop_webhooks(&mut app);
    app.advance(Duration::from_secs(5)).await;
    app.census.step(app.now()).await.unwrap();
    let held = "leases WHERE name = 'census' AND expires_at > '2000-01-01'";
    assert_eq!(app.other().count(held), 1);

    // The reconciler does not wait for it.
    app.pass().await;
    app.census.give_back().await.unwrap();

    assert_eq!(app.other().count(held), 0);
    app.census_all().await;
    app.assert_equal();
}
