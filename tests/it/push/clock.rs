//! How old a key is, Square's clock tells: ours may be set at any moment.

use std::time::Duration;

use chrono::TimeDelta;
use squaresync::flows::Step;
use squaresync::square::simulator::{Fault, Options, Strikes};

use super::creates;
use crate::support::app::{client, options};
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_clock_that_is_put_right_makes_no_old_key_young,
    a_machine_that_slept_takes_no_old_key_for_young,
    nothing_is_sent_before_squares_clock_was_heard,
    what_a_pass_showed_long_ago_is_not_all_that_was_made,
    a_create_that_nobody_looked_for_may_be_older_than_its_first_try,
}

const DAYS: Duration = Duration::from_secs(48 * 3600);

/// A row whose create, made when our clock was `ahead` of Square's, got no answer.
async fn unanswered(db: TestDb, ahead: Duration) -> App {
    let mut app = App::new(db).await;
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 1));
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    let now = app.now() + TimeDelta::from_std(ahead).unwrap();
    app.push.step(now, 0.0).await.unwrap();
    assert_eq!(app.square.fired(Fault::LostAnswer), 1);
    app
}

/// Square has forgotten the key, and has one profile in the end.
async fn has_one(mut app: App) {
    app.square.forget_keys();
    app.push_all().await;
    app.settle().await;

    assert_eq!(creates(&app), 1);
    app.assert_equal();
}

async fn a_clock_that_is_put_right_makes_no_old_key_young(db: TestDb) {
    let app = unanswered(db, DAYS).await;
    app.advance(DAYS).await;
    has_one(app).await;
}

async fn a_machine_that_slept_takes_no_old_key_for_young(db: TestDb) {
    let app = unanswered(db, Duration::ZERO).await;
    // No answer tells us of it.
    app.square.advance(DAYS);
    has_one(app).await;
}

async fn nothing_is_sent_before_squares_clock_was_heard(db: TestDb) {
    let mut app = App::new(db).await;
    let fresh = client(&app.square);
    app.pushing(|pushing| pushing.square = fresh);
    app.square.faults(|faults| {
        faults.strikes(Fault::Reset, Strikes::Reads);
        faults.next(Fault::Reset, 1);
    });
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");

    assert!(app.push_once().await.is_err());
    assert_eq!(app.square.fired(Fault::Reset), 1);
    assert_eq!(creates(&app), 0);

    app.push_all().await;
    app.settle().await;
    assert_eq!(creates(&app), 1);
    app.assert_equal();
}

/// A row that was made right before an older copy of the database was put back:
/// too late for the pass that has ended since.
async fn put_back(db: TestDb) -> App {
    let late = Options {
        index_lag: Duration::from_secs(60),
        ..options()
    };
    let mut app = App::with(db, late, false).await;
    app.settle().await;
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    let backup = app.backup();
    app.push_all().await;
    let mut app = app.restored(&backup).await;
    while app.reconcile.step(app.now()).await.unwrap() == Step::Worked {}
    app.sql("UPDATE customers SET note = 'mine'");
    app
}

async fn what_a_pass_showed_long_ago_is_not_all_that_was_made(db: TestDb) {
    let app = put_back(db).await;
    app.advance(DAYS).await;
    has_one(app).await;
}

async fn a_create_that_nobody_looked_for_may_be_older_than_its_first_try(db: TestDb) {
    let mut app = put_back(db).await;
    app.advance(Duration::from_secs(50 * 60)).await;
    app.square.faults(|faults| {
        faults.strikes(Fault::InternalError, Strikes::Writes);
        faults.next(Fault::InternalError, 1);
    });
    while app.push_once().await.unwrap() == Step::Worked {}
    assert_eq!(app.square.fired(Fault::InternalError), 1);
    app.advance(Duration::from_secs(15 * 60)).await;
    has_one(app).await;
}
