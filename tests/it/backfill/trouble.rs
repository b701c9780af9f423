//! What goes wrong while pieces are read side by side.

use std::time::Duration;

use serde_json::json;
use squaresync::flows::Step;
use squaresync::flows::backfill::Backfill;
use squaresync::square::simulator::{Fault, Options};

use super::spreads::searches;
use crate::support::{App, TestDb, app, on_each_database};

on_each_database! {
    a_crash_between_pieces_costs_those_under_way,
    crashes_again_and_again_lose_nothing,
    calls_that_fail_are_made_again_and_no_other,
    cursors_that_end_begin_their_piece_again,
    customers_who_change_meanwhile_are_found,
    a_lease_that_is_lost_stops_it,
}

const CUSTOMERS: usize = 2000;
pub(super) const PIECE: u64 = 100;

pub(super) fn options(customers: usize) -> Options {
    Options {
        customers,
        ..app::options()
    }
}

async fn unread(db: TestDb) -> App {
    unread_of(db, CUSTOMERS).await
}

/// With a directory of so many customers that will be read in pieces.
pub(super) async fn unread_of(db: TestDb, customers: usize) -> App {
    let mut app = App::unread(db, options(customers), false).await;
    app.advance(Duration::from_secs(2)).await;
    app.backfill = Backfill::new(app.reading.clone()).in_pieces_of(PIECE);
    app
}

async fn crashed(app: App) -> App {
    let mut app = app.crash().await;
    app.backfill = Backfill::new(app.reading.clone()).in_pieces_of(PIECE);
    app
}

async fn a_crash_between_pieces_costs_those_under_way(db: TestDb) {
    let mut app = unread(db).await;
    while app.other().count("customers") < CUSTOMERS / 2 {
        app.backfill.step(app.now()).await.unwrap();
    }
    let stored = app.other().count("customers");
    let left = app.other().count("backfill_windows");
    assert!((2..=15).contains(&left), "{left} pieces are left");
    let before = searches(&app);

    let mut app = crashed(app).await;
    let mut totals = Vec::new();
    while app.backfill.step(app.now()).await.unwrap() == Step::Worked {
        totals.push(app.backfill.progress().total.unwrap());
    }

    app.assert_equal();
    // How much is left is estimated at first, and known in the end.
    let read = app.backfill.progress().read;
    assert!(
        (read / 2..read * 2).contains(&totals[0]),
        "{totals:?} of {read}"
    );
    assert_eq!(totals.pop(), Some(read));
    // Each piece that was left costs a page that is not full; some of their pages are read again.
    let again = app.backfill.progress().read - app.backfill.progress().news;
    let asked = searches(&app) - before;
    assert!(
        asked <= (CUSTOMERS - stored) / 100 + 2 * left,
        "{asked} requests"
    );
    let most = u64::try_from(left).unwrap() * PIECE * 2;
    assert!(again <= most, "{again} customers were read again");
    assert!(!app.backfill.is_due().await.unwrap());
}

async fn crashes_again_and_again_lose_nothing(db: TestDb) {
    let mut app = unread(db).await;
    let mut steps = 0;
    while app.backfill.step(app.now()).await.unwrap() == Step::Worked {
        steps += 1;
        if steps % 5 == 0 {
            app = crashed(app).await;
        }
        assert!(steps < 100, "it does not end");
    }

    app.assert_equal();
    assert!(6 <= steps, "{steps} steps");
}

async fn calls_that_fail_are_made_again_and_no_other(db: TestDb) {
    let mut app = unread(db).await;
    app.square.faults(|faults| {
        faults.after(Fault::RateLimited, 4, 60);
        faults.after(Fault::InternalError, 10, 3);
    });
    let (mut errors, mut steps) = (0, 0);
    loop {
        steps += 1;
        match app.backfill.step(app.now()).await {
            Ok(Step::Worked) => {}
            Ok(Step::Idle) => break,
            Err(error) => {
                assert!(error.to_string().contains("could not answer"), "{error}");
                errors += 1;
            }
        }
        assert!(steps < 100, "it does not end");
    }

    app.assert_equal();
    assert_eq!(app.square.fired(Fault::RateLimited), 60);
    assert_eq!(app.square.fired(Fault::InternalError), 3);
    assert_ne!(errors, 0, "nobody heard of it");
    let asked = searches(&app);
    assert!(asked <= 20 * 115 / 100 + 20 + 63, "{asked} requests");
}

async fn cursors_that_end_begin_their_piece_again(db: TestDb) {
    let mut app = unread(db).await;
    app.square
        .faults(|faults| faults.after(Fault::ExpiredCursor, 2, 5));

    while app.backfill.step(app.now()).await.unwrap() == Step::Worked {}

    app.assert_equal();
    assert_eq!(app.square.fired(Fault::ExpiredCursor), 5);
}

async fn customers_who_change_meanwhile_are_found(db: TestDb) {
    let mut app = unread(db).await;
    let customers = app.square.customers();
    let mut changing = customers.iter().step_by(7);
    while app.backfill.step(app.now()).await.unwrap() == Step::Worked {
        for customer in changing.by_ref().take(20) {
            let id = customer["id"].as_str().unwrap();
            app.square.update(id, &json!({"note": "changed"}));
        }
        app.square.create(&json!({"given_name": "New"}));
        app.advance(Duration::from_secs(3)).await;
    }

    app.pass().await;

    app.assert_equal();
}

async fn a_lease_that_is_lost_stops_it(db: TestDb) {
    let mut app = unread(db).await;
    app.backfill.step(app.now()).await.unwrap();
    app.sql("UPDATE leases SET token = token + 1, holder = 'somebody else'");
    let held = app.other().count("customers");

    let refused = app.backfill.step(app.now()).await;

    assert!(refused.unwrap_err().is_held());
    assert_eq!(app.other().count("customers"), held);
}
