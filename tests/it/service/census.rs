//! The census of the true binary: due in time, beside the passes, shown to people.

use std::time::Duration;

use serde_json::{Value, json};
use squaresync::square::simulator::{Fault, Simulator};

use super::{rows, settled, square, with_customers};
use crate::receive::wire::{ask, request};
use crate::support::process::{LONG, NAME, Running, Setup, until};
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    sync_takes_a_census_when_it_is_due,
    many_deletions_wait_for_the_person_who_approves,
    sync_leaves_a_census_to_whoever_takes_it,
    serve_finds_a_deletion_and_says_what_is_wrong_with_a_list_once,
    a_long_census_holds_up_no_pass,
}

fn delete_first(square: &Simulator, customers: usize) {
    for customer in &square.customers()[..customers] {
        assert!(square.delete(customer["id"].as_str().unwrap()));
    }
}

async fn sync_takes_a_census_when_it_is_due(db: TestDb) {
    let square = with_customers(5);
    let setup = Setup::new(&db, &square);
    let first = setup.report("sync").await;
    assert_eq!(first["census"], Value::Null, "{first}");
    delete_first(&square, 2);

    let early = setup.report("sync").await;
    assert_eq!(early["census"], Value::Null, "{early}");
    rows(&db, "live_customers", 5).await;
    let often = setup.with("SQUARESYNC_CENSUS_EVERY", "1s");
    // The list is late, and the time must have come.
    let mut deleted = 0;
    while deleted < 2 {
        let found = often.report("sync").await;
        deleted += found["census"]["deleted"].as_u64().unwrap_or_default();
    }

    assert_eq!(deleted, 2);
    rows(&db, "images WHERE tombstone_cause = 'not_found'", 2).await;
    settled(&db, &square).await;
}

async fn many_deletions_wait_for_the_person_who_approves(db: TestDb) {
    let square = with_customers(40);
    let setup = Setup::new(&db, &square).with("SQUARESYNC_CENSUS_EVERY", "1s");
    setup.report("sync").await;
    delete_first(&square, 30);
    let told = "30 of 40 customers are missing in Square's list, and no more than 25 may go";
    loop {
        let ended = setup.run(&["sync"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        if ended.stdout.contains(told) {
            assert!(
                ended
                    .stdout
                    .contains("Census: 10 customers listed, 30 missing")
            );
            break;
        }
    }
    let status = setup.run(&["status"]).await.stdout;
    assert!(status.contains("alarm       census of "), "{status}");
    assert!(status.contains(&format!("- {told}")), "{status}");
    assert!(status.contains("squaresync sync --approve"), "{status}");
    let alarms = &setup.report("status").await["alarms"];
    assert_eq!(alarms[0]["name"], "census", "{alarms}");
    assert!(alarms[0]["since"].is_string() && alarms[0]["detail"].is_string());
    rows(&db, "live_customers", 40).await;

    let approved = setup.run(&["sync", "--approve", "--json"]).await.object();

    assert_eq!(approved["census"]["deleted"], 30, "{approved}");
    assert_eq!(setup.report("status").await["alarms"], json!([]));
    settled(&db, &square).await;
}

async fn sync_leaves_a_census_to_whoever_takes_it(db: TestDb) {
    let square = with_customers(3);
    let setup = Setup::new(&db, &square).with("SQUARESYNC_CENSUS_EVERY", "1s");
    setup.report("sync").await;
    OtherProgram::new(&db)
        .run(
            "DELETE FROM marks WHERE name = 'census'; \
             INSERT INTO leases (merchant_id, name, holder, token, expires_at) \
             SELECT merchant_id, 'census', 'another machine', 7, '2999-01-01 00:00:00.000' FROM sellers",
        )
        .unwrap();

    let report = setup.report("sync").await;

    assert_eq!(report["census"], Value::Null, "{report}");
    rows(&db, "marks WHERE name = 'census'", 0).await;
}

/// Waits until the log has so many lines with these words.
async fn logged(serve: &Running, words: &str, lines: usize) {
    let seen = || (serve.stderr().matches(words).count() == lines).then_some(());
    until(LONG, || serve.stderr(), seen).await;
}

async fn serve_finds_a_deletion_and_says_what_is_wrong_with_a_list_once(db: TestDb) {
    let square = square();
    let id = square.create(&json!({"given_name": NAME}));
    square.create(&json!({"given_name": format!("{NAME} II")}));
    let setup = Setup::new(&db, &square).with("SQUARESYNC_CENSUS_EVERY", "1s");
    let (serve, address) = setup.serve().await;
    rows(&db, "live_customers", 2).await;
    square.faults(|faults| faults.chance(Fault::HalfIndex, 1.0));
    let metric = async |value: &str| {
        let line = format!("name=\"census\"}} {value}\n");
        loop {
            let answer = ask(address, &request("GET /metrics", &[], b"")).await;
            if answer.body.contains(&line) {
                break;
            }
        }
    };

    logged(&serve, "is not whole", 1).await;
    metric("1").await;
    // It is looked at again and again, and said once.
    let fired = square.fired(Fault::HalfIndex);
    until(
        LONG,
        || serve.stderr(),
        || (fired + 12 < square.fired(Fault::HalfIndex)).then_some(()),
    )
    .await;
    assert_eq!(serve.stderr().matches("is not whole").count(), 1);
    assert!(square.delete(&id));
    square.faults(|faults| faults.clear());

    logged(&serve, "the alarm of the census is over", 1).await;
    metric("0").await;
    rows(&db, "images WHERE tombstone_cause = 'not_found'", 1).await;
    settled(&db, &square).await;
}

async fn a_long_census_holds_up_no_pass(db: TestDb) {
    let square = with_customers(1200);
    let setup = Setup::new(&db, &square)
        .with("SQUARESYNC_CENSUS_EVERY", "1s")
        .with("SQUARESYNC_RECONCILE_EVERY", "100ms");
    let (serve, _) = setup.serve().await;
    rows(&db, "live_customers", 1200).await;
    square.faults(|faults| faults.latency = Duration::from_millis(40));

    logged(&serve, "a census was taken", 1).await;

    let calls = square.calls();
    let searches: Vec<&str> = calls
        .iter()
        .filter(|call| call.path.ends_with("/search"))
        .map(|call| call.body.as_str())
        .collect();
    let is_pass = |body: &str| body.contains("\"updated_at\"");
    let is_further_page =
        |body: &str| body.contains("\"created_at\"") && body.contains("\"cursor\"");
    let between = searches
        .windows(2)
        .filter(|pair| is_pass(pair[0]) && is_further_page(pair[1]));
    assert_ne!(between.count(), 0, "no pass was made during the census");
}
