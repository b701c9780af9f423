//! Recorded webhooks, taken in again or sent on.

use serde_json::Value;
use squaresync::square::simulator::{Options, Simulator};

use super::{options, rows, webhooks};
use crate::support::process::{Ended, Setup};
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    fixtures_taken_twice_are_known_the_second_time,
    fixtures_sent_to_a_running_service_end_the_same,
}

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
/// How many there are.
const EVENTS: usize = 11;

/// The seller of every fixture.
fn square() -> Simulator {
    let merchant_id = "MLFIXTURE0001".to_owned();
    Simulator::start(Options {
        merchant_id,
        ..options()
    })
    .unwrap()
}

/// What it says is no customer's.
fn told(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for personal in ["Ann", "ann@example.com", "+12125550101"] {
        assert!(!ended.stdout.contains(personal), "{}", ended.stdout);
        assert!(!ended.stderr.contains(personal), "{}", ended.stderr);
    }
    ended.object()
}

fn customers(db: &TestDb) -> Vec<Option<String>> {
    OtherProgram::new(db).values(
        "SELECT coalesce(square_id, '-') || ' ' || coalesce(given_name, '-') || ' ' || sync_state || ' ' || \
         CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'gone' END || ' ' || \
         CASE WHEN merged_into IS NULL THEN '' ELSE 'merged' END AS value FROM customers ORDER BY square_id",
    )
}

async fn fixtures_taken_twice_are_known_the_second_time(db: TestDb) {
    let square = square();
    let setup = Setup::new(&db, &square);
    setup.report("sync").await;
    let replay = ["replay", "--json", FIXTURES];

    let first = told(&setup.run(&replay).await);
    let after_first = customers(&db);
    let second = told(&setup.run(&replay).await);

    assert_eq!(first["events"], EVENTS, "{first}");
    assert_eq!((&first["known"], &first["dead"]), (&0.into(), &0.into()));
    assert_ne!(first["applied"], 0, "{first}");
    assert_eq!(second["known"], EVENTS, "{second}");
    assert_ne!(after_first.len(), 0);
    assert_eq!(customers(&db), after_first);
}

async fn fixtures_sent_to_a_running_service_end_the_same(db: TestDb) {
    let square = square();
    let other_db = TestDb::new(db.kind());
    let alone = Setup::new(&other_db, &square);
    alone.report("sync").await;
    told(&alone.run(&["replay", "--json", FIXTURES]).await);
    let setup = Setup::new(&db, &square);
    let (serve, address) = setup.serve().await;
    rows(&db, "marks WHERE name = 'updated'", 1).await;

    let to = webhooks(address);
    let sent = told(
        &setup
            .run(&["replay", "--json", "--to", &to, FIXTURES])
            .await,
    );

    assert_eq!(sent["taken"], EVENTS, "{sent}");
    assert_eq!(customers(&db), customers(&other_db));
    let refused = setup
        .with("SQUARE_WEBHOOK_SIGNATURE_KEY", "another-key-altogether")
        .run(&["replay", "--json", "--to", &to, FIXTURES])
        .await;
    assert_eq!(refused.code, Some(1));
    assert_eq!(refused.object()["refused"], EVENTS);
    assert!(!serve.stderr().contains("ann@example.com"));
}
