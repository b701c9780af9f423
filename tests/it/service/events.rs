//! Missed events in the true program: taken where Square lists them, done
//! without where it does not.

use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::{Access, Fault, Options, Simulator};

use super::{options, ready, rows, settled, square, webhooks};
use crate::support::process::{LONG, NAME, Running, Setup, passed, until};
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    dropped_deletes_and_merges_arrive_all_the_same,
    a_nightly_sync_takes_them_too,
    where_it_is_not_enabled_that_is_said_once,
    an_oauth_token_is_told_once_and_everything_else_works,
    a_gap_that_square_cannot_fill_is_said_where_it_can_be_asked,
}

const ABSENT: &str = "Square's Events API does not answer this token";

fn enabled() -> Simulator {
    Simulator::start(Options {
        events_enabled: true,
        ..options()
    })
    .unwrap()
}

fn searches(square: &Simulator, path: &str) -> usize {
    let calls = square.calls();
    calls.iter().filter(|call| call.path == path).count()
}

/// Lets the reading loop make several more rounds.
async fn rounds(square: &Simulator) {
    let path = "/v2/customers/search";
    let before = searches(square, path);
    let told = || "the loop stands still".to_owned();
    until(LONG, told, || {
        (before + 4 < searches(square, path)).then_some(())
    })
    .await;
}

async fn dropped_deletes_and_merges_arrive_all_the_same(db: TestDb) {
    let square = enabled();
    let (serve, address) = Setup::new(&db, &square).serve().await;
    rows(&db, "marks WHERE name = 'updated'", 1).await;
    square.faults(|faults| faults.chance(Fault::WebhookDropped, 1.0));
    square.post_to(webhooks(address));
    let ids: Vec<String> = (0..4)
        .map(|_| square.create(&json!({"given_name": NAME})))
        .collect();
    rows(&db, "live_customers", 4).await;

    square.delete(&ids[0]);
    square.merge(&[&ids[1], &ids[2]]).unwrap();

    settled(&db, &square).await;
    for (cause, count) in [("event", 1), ("merge", 2)] {
        rows(
            &db,
            &format!("images WHERE tombstone_cause = '{cause}'"),
            count,
        )
        .await;
    }
    let dropped = square.fired(Fault::WebhookDropped);
    assert_eq!(dropped, u64::try_from(square.events().len()).unwrap());
    assert!(!serve.stderr().contains(ABSENT), "{}", serve.stderr());
}

async fn a_nightly_sync_takes_them_too(db: TestDb) {
    let square = enabled();
    let ann = square.create(&json!({"given_name": NAME}));
    passed(Duration::from_millis(300)).await;
    let setup = Setup::new(&db, &square);
    setup.report("sync").await;
    rows(&db, "live_customers", 1).await;
    square.delete(&ann);
    // Times of events are rounded to the second.
    passed(Duration::from_millis(1500)).await;

    setup.report("sync").await;

    assert_eq!(OtherProgram::new(&db).count("live_customers"), 0);
}

/// The program goes on without, says so once and does not ask again.
async fn goes_on_without(db: &TestDb, square: &Simulator, serve: &Running) {
    let said = || serve.stderr().matches(ABSENT).count();
    until(LONG, || serve.stderr(), || (said() == 1).then_some(())).await;
    let asked = searches(square, "/v2/events");

    let other = format!("INSERT INTO customers (given_name) VALUES ('{NAME}')");
    OtherProgram::new(db).run(&other).unwrap();
    square.create(&json!({"given_name": NAME}));
    rounds(square).await;

    settled(db, square).await;
    assert_eq!(square.len(), 2);
    assert_eq!((asked, searches(square, "/v2/events")), (1, 1));
    assert_eq!(said(), 1);
}

async fn where_it_is_not_enabled_that_is_said_once(db: TestDb) {
    let square = square();
    let (serve, address) = Setup::new(&db, &square).serve().await;

    goes_on_without(&db, &square, &serve).await;

    assert_eq!(ready(address).await.1["square"], "ok");
    let log = serve.stderr();
    let line = log.lines().find(|line| line.contains(ABSENT)).unwrap();
    assert!(line.contains("\"INFO\""), "{line}");
    // One is about a setting of these tests.
    assert_eq!(log.matches("\"WARN\"").count(), 1, "{log}");
}

async fn an_oauth_token_is_told_once_and_everything_else_works(db: TestDb) {
    let square = enabled();
    square.faults(|faults| faults.access = Access::OAuth);
    let (serve, address) = Setup::new(&db, &square).serve().await;

    goes_on_without(&db, &square, &serve).await;

    assert_eq!(square.fired(Fault::AccessRefused), 1);
    assert_eq!(ready(address).await.1["square"], "ok");
    assert_eq!(
        OtherProgram::new(&db).count("sellers WHERE refusal IS NOT NULL"),
        0
    );
}

async fn a_gap_that_square_cannot_fill_is_said_where_it_can_be_asked(db: TestDb) {
    let square = square();
    let setup = Setup::new(&db, &square);
    setup.report("sync").await;
    let old = "UPDATE marks SET reached_at = '2020-01-01 00:00:00' WHERE name = 'events'";
    OtherProgram::new(&db).run(old).unwrap();

    let mut said = Vec::new();
    for is_on in [false, true, true] {
        square.enable_events(is_on);
        let log = setup.run(&["sync"]).await.stderr;
        said.push(["28 days", ABSENT].map(|words| log.matches(words).count()));
    }

    assert_eq!(said, [[0, 1], [1, 0], [0, 0]]);
}
