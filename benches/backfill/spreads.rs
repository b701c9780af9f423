//! How many requests a directory takes, however its customers came.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use squaresync::square::simulator::{Clock, Options, Simulator};
use tempfile::TempDir;

use crate::backfill;
use crate::report::Report;

/// How many customers each directory has.
const SPREAD: u32 = 20_000;

/// Counts them.
pub(crate) fn count(report: &mut Report) {
    let title = format!("{SPREAD} customers who came");
    report.table(&[&title, "requests", "at most"]);
    let wave = |number: u32| match number % 4000 {
        0 => TimeDelta::days(40),
        _ => TimeDelta::milliseconds(20),
    };
    let mut spread = |how: &str, gap: &dyn Fn(u32) -> TimeDelta| {
        let most = SPREAD.div_ceil(100) * 115 / 100 + 20;
        report.row(&[how.to_owned(), spread(gap).to_string(), most.to_string()]);
    };
    spread("evenly in five years", &|_| TimeDelta::minutes(131));
    spread("on one day", &|_| TimeDelta::milliseconds(4300));
    spread("in one second", &|number| {
        TimeDelta::milliseconds(i64::from(number % 20 == 0))
    });
    spread("at once", &|_| TimeDelta::zero());
    spread("in waves", &wave);
}

/// Gives how many requests a directory took whose customers came with such gaps.
fn spread(gap: &dyn Fn(u32) -> TimeDelta) -> usize {
    let start = chrono::DateTime::UNIX_EPOCH + TimeDelta::days(19_000);
    let options = Options {
        clock: Clock::manual(start),
        webhook: None,
        ..Options::default()
    };
    let square = Simulator::start(options).expect("a simulator");
    for number in 0..SPREAD {
        square.advance(gap(number).to_std().expect("a time"));
        square.create(&json!({"given_name": format!("C{number}")}));
    }
    square.advance(Duration::from_secs(86_400));
    let folder = TempDir::new().expect("a folder");
    let file = format!("sqlite:{}", folder.path().join("bench.db").display());
    backfill(&square.url(), &file);
    let calls = square.calls();
    let asked = calls.iter().filter(|call| call.path.ends_with("/search"));
    asked.count()
}
