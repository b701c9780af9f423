//! Requests are counted for directories of every shape.

use std::time::Duration;

use serde_json::json;
use squaresync::flows::Step;
use squaresync::flows::backfill::Backfill;

use crate::support::app::options;
use crate::support::{App, TestDb, Watcher, on_each_database};

on_each_database! {
    customers_who_came_evenly,
    customers_who_came_on_one_day,
    customers_who_came_in_one_second,
    customers_who_came_at_once,
    customers_who_came_in_waves,
    one_who_came_long_before_the_others,
    nobody_who_ever_came,
    a_second_pass_writes_nothing,
}

/// Enough for some pieces of [`PIECE`].
const CUSTOMERS: u32 = 2000;
/// Small, so that a small directory is cut too.
const PIECE: u64 = 150;

/// Lets customers come, each so many milliseconds after the one before.
async fn filled(db: TestDb, gaps: impl Fn(u32) -> u64) -> App {
    let app = App::unread(db, options(), false).await;
    for number in 0..CUSTOMERS {
        app.square.advance(Duration::from_millis(gaps(number)));
        app.square
            .create(&json!({"given_name": format!("C{number}")}));
    }
    app.advance(Duration::from_secs(86_400)).await;
    app
}

/// How many pages and single answers were asked for.
pub(super) fn searches(app: &App) -> usize {
    let calls = app.square.calls();
    let is_search = |call: &&squaresync::square::simulator::Call| call.path.ends_with("/search");
    calls.iter().filter(is_search).count()
}

/// What the directory may cost.
fn bound(customers: usize) -> usize {
    customers.div_ceil(100) * 115 / 100 + 20
}

/// Reads the whole directory. Gives how many requests that took.
async fn read(app: &mut App) -> usize {
    app.backfill = Backfill::new(app.reading.clone()).in_pieces_of(PIECE);
    let before = searches(app);
    while app.backfill.step(app.now()).await.unwrap() == Step::Worked {}
    searches(app) - before
}

async fn costs_few_requests(db: TestDb, gaps: impl Fn(u32) -> u64) {
    let mut app = filled(db, gaps).await;

    let asked = read(&mut app).await;

    app.assert_equal();
    assert!(asked <= bound(app.square.len()), "{asked} requests");
    assert!(20 <= asked, "{asked} requests");
    assert_eq!(app.other().count("backfill_windows"), 0);
    assert_eq!(app.backfill.progress().total, Some(u64::from(CUSTOMERS)));
}

async fn customers_who_came_evenly(db: TestDb) {
    costs_few_requests(db, |_| 60_000_000).await;
}

async fn customers_who_came_on_one_day(db: TestDb) {
    costs_few_requests(db, |_| 40_000).await;
}

async fn customers_who_came_in_one_second(db: TestDb) {
    costs_few_requests(db, |number| u64::from(number.is_multiple_of(3))).await;
}

async fn customers_who_came_at_once(db: TestDb) {
    costs_few_requests(db, |_| 0).await;
}

async fn customers_who_came_in_waves(db: TestDb) {
    let gap = |number: u32| match number {
        _ if number.is_multiple_of(500) => 30 * 86_400_000,
        _ => 20,
    };
    costs_few_requests(db, gap).await;
}

async fn one_who_came_long_before_the_others(db: TestDb) {
    // Each comes so much sooner than the one before that most come last.
    let gap = |number: u32| match number {
        1..=20 => (1000 * 86_400_000) >> number,
        _ => 1,
    };
    costs_few_requests(db, gap).await;
}

async fn nobody_who_ever_came(db: TestDb) {
    let mut app = App::unread(db, options(), false).await;

    let asked = read(&mut app).await;

    assert_eq!(asked, 1);
    assert!(!app.backfill.is_due().await.unwrap());
    assert_eq!(app.other().count("marks"), 2);
}

async fn a_second_pass_writes_nothing(db: TestDb) {
    let mut app = filled(db, |_| 40_000).await;
    read(&mut app).await;
    let mut watcher = Watcher::new(&app.db);
    let before = watcher.look();

    let asked = read(&mut app).await;

    assert!(20 <= asked, "{asked} requests");
    assert_eq!(app.backfill.progress().read, u64::from(CUSTOMERS));
    assert_eq!(app.backfill.progress().news, 0);
    assert_eq!(watcher.look(), before);
}
