//! The bar that the whole program has to clear: the true binary, killed every
//! few seconds, Square at its worst, and both sides edited all the time. Once
//! that ends, both sides are equal within seconds, nobody is there twice, no
//! edit is lost, and then nothing is sent any more.
//!
//! `SQUARESYNC_BAR_SECONDS` says for how long; a full run is one of 60.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use squaresync::square::simulator::{Fault, Options, Simulator};

use super::{options, rows, webhooks};
use crate::support::compare::{at_square, held};
use crate::support::process::{LONG, Running, Setup, passed, until};
use crate::support::{Kind, OtherProgram, TestDb, each};

mod editor;

use editor::{Editor, Edits};

/// How soon both sides have to be equal.
const EQUAL: Duration = Duration::from_secs(20);
/// The pause between two passes of the reconciler.
const PASS: Duration = Duration::from_secs(1);

/// What goes wrong at Square, and how often.
const FAULTS: [(Fault, f64); 7] = [
    (Fault::WebhookDropped, 0.2),
    (Fault::WebhookDoubled, 0.2),
    (Fault::WebhookDelayed, 0.4),
    (Fault::WebhookReordered, 0.4),
    (Fault::RateLimited, 0.05),
    (Fault::InternalError, 0.05),
    (Fault::LostAnswer, 0.05),
];

#[test]
fn both_sides_are_equal_in_the_end_on_sqlite() {
    run(Kind::Sqlite);
}

#[test]
fn both_sides_are_equal_in_the_end_on_postgres() {
    run(Kind::Postgres);
}

fn run(kind: Kind) {
    let asked = std::env::var("SQUARESYNC_BAR_SECONDS").ok();
    let seconds = asked.map_or(10, |text| text.parse().unwrap());
    let time = Duration::from_secs(seconds);
    each::run_within(time + 4 * LONG, kind, move |db| clear(db, time));
}

async fn clear(db: TestDb, time: Duration) {
    let options = Options {
        index_lag: Duration::from_secs(2),
        // A minute becomes half a second.
        retry_scale: 0.01,
        ..options()
    };
    let square = Arc::new(Simulator::start(options).unwrap());
    let setup = Setup::new(&db, &square)
        .with("SQUARESYNC_RECONCILE_EVERY", "1s")
        .with("SQUARESYNC_OVERLAP", "10s")
        .with("SQUARESYNC_PUSH_EVERY", "100ms");
    let (mut serve, address) = setup.serve().await;
    square.post_to(webhooks(address));
    rows(&db, "marks WHERE name = 'updated'", 1).await;
    square.faults(|faults| {
        for (fault, chance) in FAULTS {
            faults.chance(fault, chance);
            // A short run has to see each of them too.
            faults.after(fault, 5, 1);
        }
    });
    let editor = Editor::start(&db, &square);
    let (began, mut kills) = (Instant::now(), 0);
    while began.elapsed() < time {
        let delay = Duration::from_millis(fastrand::u64(0..3000));
        square.faults(|faults| faults.webhook_delay = delay);
        passed(Duration::from_millis(fastrand::u64(1000..3000))).await;
        serve = killed(serve, &setup, &square).await;
        kills += 1;
    }
    let edits = editor.stop();
    let fired = square.all_fired();
    square.faults(squaresync::square::simulator::Faults::clear);
    let took = equal(&db, &square).await;
    eprintln!(
        "{:?}: {} edits here and {} at Square in {time:?}, {} events, {kills} kills, equal after {took:?}; {fired:?}",
        db.kind(),
        edits.here,
        edits.at_square,
        square.events().len()
    );

    for (fault, _) in FAULTS {
        assert!(fired.contains_key(&fault), "{fault} never fired");
    }
    assert!(took < EQUAL, "equal only after {took:?}");
    nobody_is_there_twice(&db, &square, &edits);
    edits.assert_none_is_lost(&db, &square);
    nothing_is_sent_any_more(&square).await;
    drop(serve);
}

async fn killed(serve: Running, setup: &Setup, square: &Simulator) -> Running {
    serve.kill();
    let (serve, address) = setup.serve().await;
    square.post_to(webhooks(address));
    serve
}

/// How long it takes until both sides hold the same and nobody owes anything.
async fn equal(db: &TestDb, square: &Simulator) -> Duration {
    let began = Instant::now();
    let owed = "customers WHERE sync_state <> 'synced'";
    let told = || {
        let (ours, theirs) = (held(db), at_square(square));
        let alone = |these: &[String], those: &[String]| {
            let alone = these.iter().filter(|line| !those.contains(line));
            alone.take(3).cloned().collect::<Vec<_>>().join("\n")
        };
        let calls = "SELECT operation || ' after ' || attempts || ' attempts at ' || next_attempt_at AS value FROM outbox";
        format!(
            "{} rows are owed by the calls {:?}; ours alone\n{}\ntheirs alone\n{}",
            OtherProgram::new(db).count(owed),
            OtherProgram::new(db).values(calls),
            alone(&ours, &theirs),
            alone(&theirs, &ours)
        )
    };
    let look = || {
        let mut other = OtherProgram::new(db);
        let settled = other.count(owed) == 0 && other.count("outbox") == 0;
        (settled && held(db) == at_square(square)).then_some(())
    };
    until(2 * LONG, told, look).await;
    began.elapsed()
}

/// Each customer was made once, and has one row and one profile.
fn nobody_is_there_twice(db: &TestDb, square: &Simulator, edits: &Edits) {
    let theirs: Vec<String> = square
        .customers()
        .iter()
        .map(|customer| customer["given_name"].as_str().unwrap().to_owned())
        .collect();
    let ours = OtherProgram::new(db).values("SELECT given_name AS value FROM live_customers");
    let ours: Vec<String> = ours.into_iter().flatten().collect();
    for side in [ours, theirs] {
        let count = side.len();
        let names: BTreeSet<String> = side.into_iter().collect();
        assert_eq!(names.len(), count, "somebody is there twice");
        assert_eq!(names, edits.names);
    }
}

/// Calls that change something are made by none of the next ten passes.
async fn nothing_is_sent_any_more(square: &Simulator) {
    let before = square.calls().len();
    passed(PASS * 10).await;
    let calls = square.calls().split_off(before);
    assert!(!calls.is_empty(), "no pass was made");
    let writes: Vec<Value> = calls
        .iter()
        .filter(|call| call.method != "GET" && call.path != "/v2/customers/search")
        .map(|call| format!("{} {} {}", call.method, call.path, call.body).into())
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
}
