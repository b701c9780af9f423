//! Stories: random mixtures of edits on both sides, faults, crashes, lost and
//! late events, merges, restored copies. When the faults end, both sides must
//! become equal, and a checker that shares no code with the flows holds the
//! ledgers against what must always be so.
//!
//! `SQUARESYNC_STORIES=N` plays N stories on SQLite instead of the usual share,
//! `SQUARESYNC_STORY=SEED` one alone. A red story prints its seed, is shortened
//! while it stays red, and leaves its ledgers in `target/stories`.

#![expect(clippy::as_conversions, reason = "a number picks one of a few")]

mod account;
mod act;
mod application;
#[cfg(feature = "seeded-bugs")]
mod bugs;
mod census;
mod check;
mod door;
mod faults;
mod fired;
mod ledger;
mod people;
mod play;
mod post;
mod runner;
mod settle;
mod stage;
mod wire;
mod world;

use world::Way;

use crate::support::Kind;

/// How many stories a usual run plays on SQLite.
const ON_SQLITE: u64 = 2000;
/// How many on PostgreSQL, where each commit takes its time.
const ON_POSTGRES: u64 = 300;
/// How many over real HTTP on SQLite; a quarter of that on PostgreSQL.
const OVER_HTTP: u64 = 60;

/// How many are played twice on each.
const TWICE: u64 = 20;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_both_sides_end_equal_on_sqlite() {
    if let Some(seed) = number("SQUARESYNC_STORY") {
        return runner::play_all(Kind::Sqlite, Way::Memory, seed..seed + 1);
    }
    let first = number("SQUARESYNC_FIRST_STORY").unwrap_or(1);
    let number = number("SQUARESYNC_STORIES").unwrap_or(ON_SQLITE);
    runner::play_all(Kind::Sqlite, Way::Memory, first..first + number);
}

#[test]
fn whatever_happens_both_sides_end_equal_on_postgres() {
    if let Some(seed) = number("SQUARESYNC_STORY") {
        return runner::play_all(Kind::Postgres, Way::Memory, seed..seed + 1);
    }
    let number = number("SQUARESYNC_POSTGRES_STORIES").unwrap_or(ON_POSTGRES);
    runner::play_all(Kind::Postgres, Way::Memory, 1..1 + number);
}

#[test]
fn whatever_happens_over_real_http_both_sides_end_equal() {
    let number = number("SQUARESYNC_HTTP_STORIES").unwrap_or(OVER_HTTP);
    runner::play_all(Kind::Sqlite, Way::Sockets, 1..1 + number);
    runner::play_all(Kind::Postgres, Way::Sockets, 1..1 + number / 4);
}

#[test]
fn a_story_ends_the_same_each_time_it_is_played() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let mut theatre = runner::Theatre::new(kind, Way::Memory);
        let one = number("SQUARESYNC_STORY").map(|seed| seed..seed + 1);
        for seed in one.unwrap_or(1..1 + TWICE) {
            let story = act::Story::of(seed);
            let (first, second) = (theatre.play(&story), theatre.play(&story));
            assert_eq!(
                first.violations, second.violations,
                "story {seed} on {kind:?}"
            );
            assert!(!first.calls.is_empty(), "story {seed} on {kind:?}");
            for (one, two) in first.calls.iter().zip(&second.calls) {
                let (one, two) = (format!("{one:?}"), format!("{two:?}"));
                assert_eq!(one, two, "story {seed} on {kind:?}");
            }
            let numbers = (first.calls.len(), second.calls.len());
            assert_eq!(numbers.0, numbers.1, "story {seed} on {kind:?}");
        }
    }
}
