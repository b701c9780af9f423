//! Killed again and again under a stream of webhooks and of another program's
//! rows: whatever was answered 200 is there, and nothing is there twice.
//!
//! `SQUARESYNC_KILL_SECONDS` makes it longer.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender as Stop};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use squaresync::square::simulator::{Options, Simulator};

use super::sender::Sender;
use super::{options, rows, settled};
use crate::support::process::{NAME, Setup, passed};
use crate::support::{Kind, OtherProgram, TestDb, each};

/// How long a test may take beyond the time it kills for.
const REST: Duration = Duration::from_secs(100);
/// How often another program inserts a row.
const INSERT: Duration = Duration::from_millis(50);

#[test]
fn nothing_answered_is_lost_on_sqlite() {
    run(Kind::Sqlite, 20);
}

#[test]
fn nothing_answered_is_lost_on_postgres() {
    run(Kind::Postgres, 10);
}

fn run(kind: Kind, seconds: u64) {
    let asked = std::env::var("SQUARESYNC_KILL_SECONDS").ok();
    let seconds = asked.map_or(seconds, |text| text.parse().unwrap());
    let time = Duration::from_secs(seconds);
    each::run_within(time + REST, kind, move |db| kill_for(db, time));
}

async fn kill_for(db: TestDb, time: Duration) {
    let options = Options {
        deliver: false,
        keep_calls: false,
        ..options()
    };
    let square = Arc::new(Simulator::start(options).unwrap());
    let setup = Setup::new(&db, &square);
    let sender = Sender::start(&square);
    let (mut kills, mut inserter) = (0, None);
    let began = Instant::now();
    while began.elapsed() < time {
        let (serve, address) = setup.serve().await;
        sender.send_to(address);
        inserter.get_or_insert_with(|| Inserter::start(&db));
        let life = Duration::from_millis(fastrand::u64(600..1400));
        passed(life).await;
        serve.kill();
        kills += 1;
    }
    let answered = sender.stop().await;
    let (inserted, longest) = inserter.unwrap().stop();
    let (_serve, _) = setup.serve().await;
    settled(&db, &square).await;
    rows(&db, "outbox", 0).await;

    let mut other = OtherProgram::new(&db);
    let kept = other
        .values("SELECT event_id AS value FROM inbox WHERE state IN ('applied', 'superseded')");
    let kept: HashSet<String> = kept.into_iter().flatten().collect();
    let lost = answered.iter().filter(|id| !kept.contains(*id)).count();
    let doubled = doubled(&mut other, &square);
    eprintln!(
        "{:?}: {kills} kills in {time:?}, {} events answered 200, {lost} lost, {inserted} rows inserted in \
         {longest:?} at most, \
         {} customers, {} doubled",
        db.kind(),
        answered.len(),
        square.len(),
        doubled.len(),
    );
    assert!(0 < inserted && !answered.is_empty() && 1 < kills);
    assert_eq!(lost, 0);
    assert_eq!(doubled, [""; 0]);
    let names = other.count(&format!(
        "live_customers WHERE given_name LIKE '{NAME} inserted %'"
    ));
    assert_eq!(names, inserted, "the other program's rows");
}

/// Names that more than one customer of a side has; each was given once.
fn doubled(other: &mut OtherProgram, square: &Simulator) -> Vec<String> {
    let ours = other.values("SELECT given_name AS value FROM customers");
    let theirs = square.customers();
    let theirs = theirs.iter().map(|customer| customer.get("given_name"));
    let theirs = theirs.map(|name| name.and_then(Value::as_str).map(ToOwned::to_owned));
    let mut counts: BTreeMap<(usize, Option<String>), usize> = BTreeMap::new();
    let sides = ours.into_iter().map(|name| (0, name));
    for name in sides.chain(theirs.map(|name| (1, name))) {
        *counts.entry(name).or_default() += 1;
    }
    counts.retain(|_, count| 1 < *count);
    counts.into_keys().map(|name| format!("{name:?}")).collect()
}

/// Another program that inserts rows and knows how many were taken, and how
/// long it had to wait for one.
struct Inserter {
    stop: Stop<()>,
    thread: JoinHandle<(usize, Duration)>,
}

impl Inserter {
    fn start(db: &TestDb) -> Self {
        let mut other = OtherProgram::new(db);
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let (mut inserted, mut longest) = (0, Duration::ZERO);
            while stopped.recv_timeout(INSERT) == Err(RecvTimeoutError::Timeout) {
                let name = format!("{NAME} inserted {inserted}");
                let insert = format!("INSERT INTO customers (given_name) VALUES ('{name}')");
                let began = Instant::now();
                other.run(&insert).unwrap();
                longest = longest.max(began.elapsed());
                inserted += 1;
            }
            (inserted, longest)
        });
        Self { stop, thread }
    }

    fn stop(self) -> (usize, Duration) {
        drop(self.stop);
        self.thread.join().unwrap()
    }
}
