//! A directory of any size is read in a bounded memory.
//!
//! `SQUARESYNC_BACKFILL_CUSTOMERS` makes the directory larger.

use std::time::{Duration, Instant};

use squaresync::square::simulator::{Options, Simulator};

use super::options;
use crate::support::process::{Setup, until};
use crate::support::{Kind, OtherProgram, TestDb, each};

/// The most memory, in MiB; the usual directory alone would be more.
const MOST: u64 = 100;
/// How long the largest directory may take.
const LIMIT: Duration = Duration::from_secs(1200);

#[test]
fn a_backfill_keeps_to_its_memory_on_sqlite() {
    each::run_within(LIMIT, Kind::Sqlite, backfill);
}

#[test]
fn a_backfill_keeps_to_its_memory_on_postgres() {
    each::run_within(LIMIT, Kind::Postgres, backfill);
}

async fn backfill(db: TestDb) {
    let asked = std::env::var("SQUARESYNC_BACKFILL_CUSTOMERS").ok();
    let customers = asked.map_or(30_000, |text| text.parse().unwrap());
    let options = Options {
        customers,
        keep_calls: false,
        ..options()
    };
    let square = Simulator::start(options).unwrap();
    let began = Instant::now();
    let mut backfill = Setup::new(&db, &square).start(&["backfill", "--json"]);

    let mut peak = 0;
    let process = &mut backfill;
    until(LIMIT, String::new, || {
        peak = process.peak().unwrap_or(peak);
        process.has_ended().then_some(())
    })
    .await;

    let took = began.elapsed();
    let ended = backfill.end(Duration::from_secs(1)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.object()["read"], customers);
    assert_eq!(OtherProgram::new(&db).count("live_customers"), customers);
    let rate = u128::try_from(customers).unwrap() * 1000 / took.as_millis();
    eprintln!(
        "{:?}: {customers} customers in {took:?}, {rate} a second, at most {peak} MiB",
        db.kind()
    );
    assert!((1..MOST).contains(&peak), "{peak} MiB");
}
