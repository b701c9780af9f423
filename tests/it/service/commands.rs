//! Commands that report: one JSON object on standard output and nothing else.

use serde_json::json;

use super::{settled, square};
use crate::support::process::{LONG, NAME, Setup};
use crate::support::{Kind, OtherProgram, TestDb, each, on_each_database};

on_each_database! {
    each_command_reports_in_one_object,
    many_deletes_wait_for_approval,
    a_deleted_row_that_is_put_back_is_told_of,
    the_state_of_an_empty_database_needs_no_token,
}

async fn each_command_reports_in_one_object(db: TestDb) {
    let square = square();
    square.create(&json!({"given_name": NAME}));
    let setup = Setup::new(&db, &square);

    let migrated = setup.report("migrate").await;
    assert_eq!(migrated["steps"].as_array().unwrap().len(), 6);
    assert_eq!(setup.report("migrate").await, json!({"steps": []}));
    // The index of searches lags behind.
    rows_at_least(&setup, 1).await;
    let insert = format!("INSERT INTO customers (given_name) VALUES ('{NAME}')");
    OtherProgram::new(&db).run(&insert).unwrap();
    let pushed = setup.report("push").await;
    let expected = json!({"sent": 1, "refused": 0, "unanswered": 0, "held": 0});
    assert_eq!(pushed, expected);
    let synced = setup.report("sync").await;
    assert_eq!(synced["pushed"]["sent"], 0);
    let status = setup.report("status").await;

    assert_eq!(status["customers"]["synced"], 2, "{status}");
    assert_eq!(status["sellers"][0]["merchant_id"], square.merchant_id);
    settled(&db, &square).await;
}

async fn a_deleted_row_that_is_put_back_is_told_of(db: TestDb) {
    let square = square();
    square.create(&json!({"given_name": NAME}));
    let setup = Setup::new(&db, &square);
    rows_at_least(&setup, 1).await;
    let mut other = OtherProgram::new(&db);
    let id = other.values("SELECT id AS value FROM customers").remove(0);
    other.run("DELETE FROM customers").unwrap();

    let pushed = setup.run(&["push"]).await;

    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    let told = "a deleted row was put back; SQUARESYNC_PUSH_DELETES=true deletes at Square instead";
    let told = pushed.stderr.lines().filter(|line| line.contains(told));
    let told: Vec<&str> = told.collect();
    assert_eq!(told.len(), 1, "{}", pushed.stderr);
    assert!(told[0].contains(&id.unwrap()), "{told:?}");
    settled(&db, &square).await;
}

async fn many_deletes_wait_for_approval(db: TestDb) {
    let square = square();
    for _ in 0..30 {
        square.create(&json!({"given_name": NAME}));
    }
    let setup = Setup::new(&db, &square).with("SQUARESYNC_PUSH_DELETES", "true");
    rows_at_least(&setup, 30).await;
    OtherProgram::new(&db).run("DELETE FROM customers").unwrap();

    let held = setup.run(&["push"]).await;
    assert_eq!(held.code, Some(1), "{}", held.stderr);
    assert!(held.stdout.contains("30 deletions wait"), "{}", held.stdout);
    assert_eq!(square.len(), 30);
    let approved = setup.run(&["push", "--approve"]).await;
    assert_eq!(approved.code, Some(0), "{}", approved.stderr);
    assert_eq!(square.len(), 0);
}

/// Pulls all until so many customers are seen.
async fn rows_at_least(setup: &Setup, customers: u64) {
    let began = std::time::Instant::now();
    loop {
        let pulled = setup.report("backfill").await;
        if pulled["read"] == customers {
            return;
        }
        assert!(began.elapsed() < LONG, "{pulled}");
    }
}

async fn the_state_of_an_empty_database_needs_no_token(db: TestDb) {
    let setup = Setup::bare(&db);
    if db.kind() == Kind::Sqlite {
        let early = setup.run(&["status"]).await;
        assert_eq!(early.code, Some(1), "a missing file is no empty shop");
    }

    setup.report("migrate").await;
    let status = setup.report("status").await;

    assert_eq!(status["sellers"], json!([]));
    assert_eq!(status["outbox"]["waiting"], 0);
    let words = setup.run(&["status"]).await;
    assert_eq!(words.code, Some(0));
    assert!(!words.stdout.is_empty());
}

#[test]
fn the_demo_ends_with_both_sides_in_agreement() {
    each::run(Kind::Sqlite, async |db| {
        let demo = Setup::bare(&db).start(&["demo", "--seconds", "3"]);

        let ended = demo.end(2 * LONG).await;

        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        let last = ended.stdout.lines().last();
        assert_eq!(last, Some("Both sides agree."), "{}", ended.stdout);
    });
}
