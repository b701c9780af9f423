//! The first read by the true binary: stopped by Square, and killed.

use std::time::Duration;

use squaresync::square::simulator::{Fault, Simulator};

use super::{settled, with_customers};
use crate::support::process::{LONG, Setup, until};
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    a_storm_of_refusals_only_makes_it_slower,
    one_that_was_killed_goes_on_where_it_was,
}

/// How many searches Square has answered, or refused.
fn searches(square: &Simulator) -> usize {
    let calls = square.calls();
    let searches = calls.iter().filter(|call| call.path.ends_with("/search"));
    searches.count()
}

async fn a_storm_of_refusals_only_makes_it_slower(db: TestDb) {
    let square = with_customers(5000);
    square.faults(|faults| {
        faults.retry_after = Some(Duration::from_secs(1));
        faults.after(Fault::RateLimited, 6, 3);
    });

    let report = Setup::new(&db, &square).report("backfill").await;

    assert_eq!(report["read"], 5000, "{report}");
    assert_eq!(square.fired(Fault::RateLimited), 3);
    // What was refused is asked for again, and nothing else is: each piece has a page
    // that is not full.
    let asked = searches(&square);
    assert!((53..=50 + 8 + 3).contains(&asked), "{asked} searches");
    assert_eq!(OtherProgram::new(&db).count("live_customers"), 5000);
}

async fn one_that_was_killed_goes_on_where_it_was(db: TestDb) {
    const CUSTOMERS: usize = 40_000;
    // So many make a piece, and some pieces are read side by side.
    const PIECE: u64 = 2500;
    let square = with_customers(CUSTOMERS);
    let setup = Setup::new(&db, &square);
    setup.report("migrate").await;
    let first = setup.start(&["backfill"]);
    let mut other = OtherProgram::new(&db);
    let stored = until(
        LONG,
        || first.stderr(),
        || Some(other.count("customers")).filter(|stored| 30_000 < *stored),
    )
    .await;
    first.kill();
    let left = u64::try_from(other.count("backfill_windows")).unwrap();
    assert_ne!(left, 0, "it had ended before, after {stored}");

    let second = setup.report("backfill").await;

    let read = second["read"].as_u64().unwrap();
    let most = left * PIECE * 11 / 10;
    assert!(read <= most, "{read} read, {left} pieces were left");
    assert_eq!(other.count("live_customers"), CUSTOMERS);
    assert_eq!(other.count("backfill_windows"), 0);
    settled(&db, &square).await;
}
