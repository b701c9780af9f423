//! A repair does what the other commands do, within their limits.

use serde_json::json;
use squaresync::square::simulator::{Access, Options};

use super::Shop;
use crate::support::process::Setup;
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    more_deletions_than_usual_wait_for_approval,
    a_repair_that_does_not_get_through_says_so,
    an_empty_database_is_filled,
    it_reads_beside_a_running_service,
}

async fn more_deletions_than_usual_wait_for_approval(db: TestDb) {
    let many = Options {
        customers: 60,
        ..Options::default()
    };
    let mut shop = Shop::with(db, many).await;
    for customer in shop.app.square.customers().iter().take(30) {
        shop.app.square.delete(customer["id"].as_str().unwrap());
    }
    shop.unheard().await;

    let ended = shop.setup.run(&["verify", "--repair", "--json"]).await;
    let report = ended.object();
    assert_eq!(ended.code, Some(3), "{report}");
    assert!(
        report["alarm"].as_str().unwrap().contains("30 of 60"),
        "{report}"
    );
    assert_eq!(report["left"]["extra"].as_array().unwrap().len(), 30);
    assert_eq!(report["left"]["extra"], report["found"]["extra"]);

    let approved = ["verify", "--repair", "--approve", "--json"];
    let ended = shop.setup.run(&approved).await;
    assert_eq!(
        (ended.code, &ended.object()["alarm"]),
        (Some(0), &json!(null))
    );
    shop.app.assert_equal();
}

async fn a_repair_that_does_not_get_through_says_so(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({})).await;
    shop.app.sql("UPDATE customers SET note = 'edited'");
    shop.app
        .square
        .faults(|faults| faults.access = Access::ReadOnly);

    let ended = shop.setup.run(&["verify", "--repair", "--json"]).await;

    let report = ended.object();
    assert_eq!(
        (ended.code, &report["verdict"]),
        (Some(4), &json!("could not tell"))
    );
    assert_eq!(report["found"]["owed"][0]["square_id"], ann);
    let reason = report["left"]["reasons"][0].as_str().unwrap();
    assert!(reason.contains("INSUFFICIENT_SCOPES"), "{reason}");
}

async fn an_empty_database_is_filled(db: TestDb) {
    let many = Options {
        customers: 130,
        ..Options::default()
    };
    let shop = Shop::with(db, many).await;
    let other = TestDb::new(shop.app.db.kind());
    let setup = Setup::new(&other, &shop.app.square);
    setup.report("migrate").await;

    let ended = setup.run(&["verify", "--json"]).await;
    assert_eq!(
        (
            ended.code,
            ended.object()["missing"].as_array().unwrap().len()
        ),
        (Some(3), 130)
    );
    assert_eq!(OtherProgram::new(&other).count("sellers"), 0);

    let ended = setup.run(&["verify", "--repair", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert_eq!(OtherProgram::new(&other).count("live_customers"), 130);
}

async fn it_reads_beside_a_running_service(db: TestDb) {
    let mut shop = Shop::new(db).await;
    shop.known(json!({})).await;
    let (_serve, _) = shop.setup.serve().await;

    let ended = shop.setup.run(&["verify", "--json"]).await;

    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
}
