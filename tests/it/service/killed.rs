//! Killed again and again under a stream of webhooks and of another program's
//! rows: whatever was answered 200 is there, every row is one profile at
//! Square, and nothing is there twice.
//!
//! `SQUARESYNC_KILL_SECONDS` makes it longer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use squaresync::square::simulator::{Call, Options, Simulator};

use super::inserter::Inserter;
use super::sender::Sender;
use super::{options, rows, settled_within};
use crate::support::process::{Setup, passed};
use crate::support::{Kind, OtherProgram, TestDb, each};

/// How long a test may take beyond the time it kills for.
const REST: Duration = Duration::from_secs(100);
/// How often another program inserts a row.
const INSERT: Duration = Duration::from_millis(50);

#[test]
fn nothing_answered_is_lost_on_sqlite() {
    run(Kind::Sqlite, 40);
}

#[test]
fn nothing_answered_is_lost_on_postgres() {
    run(Kind::Postgres, 20);
}

fn run(kind: Kind, seconds: u64) {
    let asked = std::env::var("SQUARESYNC_KILL_SECONDS").ok();
    let seconds = asked.map_or(seconds, |text| text.parse().unwrap());
    let time = Duration::from_secs(seconds);
    // What the kills left undone is done afterwards, and takes the longer the more it is.
    each::run_within(time * 2 + REST * 2, kind, move |db| kill_for(db, time));
}

async fn kill_for(db: TestDb, time: Duration) {
    let options = Options {
        deliver: false,
        ..options()
    };
    let square = Arc::new(Simulator::start(options).unwrap());
    let setup = Setup::new(&db, &square);
    let sender = Sender::start(&square);
    let (first, address) = setup.serve().await;
    sender.send_to(address);
    let inserter = Inserter::start(&db, "inserted", INSERT);
    sender.has_sent(1).await;
    first.kill();
    let began = Instant::now();
    let mut kills = 1;
    while began.elapsed() < time {
        let life = Duration::from_millis(fastrand::u64(5..120));
        // Some are killed before they listen.
        let serve = if fastrand::u8(0..4) == 0 {
            setup.start(&["serve"])
        } else {
            let (serve, address) = setup.serve().await;
            sender.send_to(address);
            serve
        };
        passed(life).await;
        serve.kill();
        kills += 1;
    }
    let took = began.elapsed();
    let (answers, inserted) = (sender.stop().await, inserter.stop());
    let (_serve, _) = setup.serve().await;
    settled_within(time + REST, &db, &square).await;
    rows(&db, "outbox", 0).await;

    let lost = answers.lost(&db);
    let (doubled, bodies) = (doubled(&db, &square), keys_with_two_bodies(&square));
    eprintln!(
        "{:?}: {kills} kills in {took:?}, {} events answered 200, {} lost; {} rows inserted, each in {:?} at most; \
         {} customers, {doubled:?} doubled, {bodies:?} keys with two bodies",
        db.kind(),
        answers.kept.len(),
        lost.len(),
        inserted.taken.len(),
        inserted.longest,
        square.len(),
    );
    assert!(!inserted.taken.is_empty() && !answers.kept.is_empty() && 1 < kills);
    assert_eq!(inserted.failure, None);
    assert_eq!(lost, [""; 0]);
    assert_eq!(doubled, [""; 0]);
    assert_eq!(bodies, [""; 0]);
    let names: BTreeSet<String> = names(&square).into_iter().collect();
    let at_square = |(name, _): &&(String, Instant)| names.contains(name);
    let pushed = inserted.taken.iter().filter(at_square).count();
    assert_eq!(pushed, inserted.taken.len(), "rows that are at Square");
    let pending = OtherProgram::new(&db).count("customers WHERE sync_state <> 'synced'");
    assert_eq!(pending, 0, "rows that are not settled");
}

/// Names that more than one customer of a side has; each was given once.
fn doubled(db: &TestDb, square: &Simulator) -> Vec<String> {
    let ours = OtherProgram::new(db).values("SELECT given_name AS value FROM customers");
    let ours = ours.into_iter().flatten().map(|name| (0, name));
    let theirs = names(square).into_iter().map(|name| (1, name));
    let mut counts: BTreeMap<(usize, String), usize> = BTreeMap::new();
    for name in ours.chain(theirs) {
        *counts.entry(name).or_default() += 1;
    }
    counts.retain(|_, count| 1 < *count);
    counts.into_keys().map(|name| format!("{name:?}")).collect()
}

/// Idempotency keys that Square saw with more than one body.
fn keys_with_two_bodies(square: &Simulator) -> Vec<String> {
    let mut bodies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for call in square.calls().iter().flat_map(Call::each) {
        if let Some(key) = call.idempotency_key {
            bodies.entry(key).or_default().insert(call.body_sha256);
        }
    }
    assert!(!bodies.is_empty(), "no call carried a key");
    bodies.retain(|_, bodies| 1 < bodies.len());
    bodies.into_keys().collect()
}

fn names(square: &Simulator) -> Vec<String> {
    let customers = square.customers();
    let names = customers
        .iter()
        .map(|customer| customer.get("given_name")?.as_str());
    names.flatten().map(ToOwned::to_owned).collect()
}
