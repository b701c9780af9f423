//! What webhooks missed is found, and a quiet directory costs nothing.

use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::{Fault, Options};

use crate::support::app::options;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    changes_that_no_webhook_told_are_found,
    a_quiet_directory_costs_two_calls_and_no_write,
    a_window_of_many_short_pages_is_read_whole,
    a_cursor_that_ends_early_begins_the_window_again,
    cursors_that_keep_ending_do_not_stop_it_for_ever,
    a_cursor_that_never_ends_does_not_keep_it_for_ever,
    one_that_slips_over_an_edge_as_another_comes_is_found,
    a_crash_between_two_pages_loses_nothing,
    the_whole_directory_is_read_once,
}

fn searches(app: &App) -> usize {
    app.square
        .calls()
        .iter()
        .filter(|call| call.path.ends_with("/search"))
        .count()
}

/// Makes customers at Square.
fn many(app: &App, customers: usize) {
    for number in 0..customers {
        app.square
            .create(&json!({"given_name": format!("C{number}")}));
    }
}

async fn changes_that_no_webhook_told_are_found(db: TestDb) {
    let mut app = App::new(db).await;
    let ann = app.square.create(&json!({"given_name": "Ann"}));
    app.pass().await;
    app.assert_equal();

    app.square
        .update(&ann, &json!({"given_name": "Anna", "note": "x"}));
    app.square.create(&json!({"given_name": "Bob"}));
    app.pass().await;

    app.assert_equal();
}

async fn a_quiet_directory_costs_two_calls_and_no_write(db: TestDb) {
    let mut app = App::with(
        db,
        Options {
            customers: 1000,
            ..options()
        },
        false,
    )
    .await;
    app.advance(Duration::from_secs(600)).await;
    app.pass().await;
    let before = (
        app.square.calls().len(),
        app.other().values("SELECT count(*) AS value FROM changes"),
    );
    let leases = app
        .other()
        .values("SELECT holder || token || expires_at AS value FROM leases");

    app.pass().await;

    // One of them lets the test's clock be known.
    assert_eq!(app.square.calls().len() - before.0, 2);
    assert_eq!(
        app.other().values("SELECT count(*) AS value FROM changes"),
        before.1
    );
    assert_eq!(
        app.other()
            .values("SELECT holder || token || expires_at AS value FROM leases"),
        leases
    );
    app.assert_equal();
}

async fn a_window_of_many_short_pages_is_read_whole(db: TestDb) {
    let mut app = App::new(db).await;
    many(&app, 350);
    app.square.faults(|faults| {
        faults.next(Fault::ShortPage, 3);
        faults.after(Fault::EmptyPage, 1, 1);
    });

    app.pass().await;

    app.assert_equal();
    assert!(5 <= searches(&app), "{}", searches(&app));
    assert_eq!(app.square.fired(Fault::ShortPage), 3);
    assert_eq!(app.square.fired(Fault::EmptyPage), 1);
}

async fn a_cursor_that_ends_early_begins_the_window_again(db: TestDb) {
    let mut app = App::new(db).await;
    many(&app, 250);
    app.square
        .faults(|faults| faults.next(Fault::ExpiredCursor, 2));

    app.pass().await;

    app.assert_equal();
    assert_eq!(app.square.fired(Fault::ExpiredCursor), 2);
}

async fn cursors_that_keep_ending_do_not_stop_it_for_ever(db: TestDb) {
    let mut app = App::new(db).await;
    many(&app, 130);
    app.advance(Duration::from_secs(2)).await;
    let mut failures = 0;
    for _ in 0..10 {
        failures += usize::from(app.reconcile.step(app.now()).await.is_err());
        // Longer than any cursor lives.
        app.advance(Duration::from_secs(301)).await;
    }
    assert_ne!(failures, 0, "no cursor was given up");

    app.pass().await;

    app.assert_equal();
}

async fn a_cursor_that_never_ends_does_not_keep_it_for_ever(db: TestDb) {
    let mut app = App::new(db).await;
    app.pass().await;
    many(&app, 3);
    app.advance(Duration::from_secs(60)).await;
    app.square
        .faults(|faults| faults.chance(Fault::EmptyPage, 1.0));
    let mut steps = 0;
    while app.reconcile.step(app.now()).await.is_ok() {
        steps += 1;
        assert!(steps < 1000, "it goes on for ever");
    }
    assert!(100 < app.square.fired(Fault::EmptyPage));

    app.square.faults(|faults| faults.clear());
    app.pass().await;

    app.assert_equal();
}

async fn one_that_slips_over_an_edge_as_another_comes_is_found(db: TestDb) {
    let mut app = App::new(db).await;
    let first = app.square.create(&json!({"given_name": "First"}));
    many(&app, 249);
    app.advance(Duration::from_secs(900)).await;
    app.square.set_index_lag(Duration::from_secs(30));
    app.square.create(&json!({"given_name": "Late"}));
    app.advance(Duration::from_secs(5)).await;
    for _ in 0..2 {
        app.reconcile.step(app.now()).await.unwrap();
    }

    // One leaves and one comes: there are as many as there were.
    app.advance(Duration::from_secs(5)).await;
    app.square.update(&first, &json!({"note": "moved"}));
    app.advance(Duration::from_secs(40)).await;
    app.pass().await;
    app.pass().await;

    app.assert_equal();
}

async fn a_crash_between_two_pages_loses_nothing(db: TestDb) {
    let mut app = App::new(db).await;
    many(&app, 250);
    app.advance(Duration::from_secs(2)).await;
    app.reconcile.step(app.now()).await.unwrap();

    let mut app = app.crash().await;
    app.pass().await;

    app.assert_equal();
}

async fn the_whole_directory_is_read_once(db: TestDb) {
    let app = App::with(
        db,
        Options {
            customers: 5000,
            ..options()
        },
        false,
    )
    .await;

    app.assert_equal();
    assert!(searches(&app) <= 50 + 30, "{} searches", searches(&app));
    assert_eq!(app.other().count("backfill_windows"), 0);
}
