//! Many deletions at once need a person.

use serde_json::json;
use squaresync::square::simulator::Options;

use super::{alarm, approved, bulk_retrieves, drop_webhooks, gone, many, mark};
use crate::support::app::options;
use crate::support::each::run_within;
use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    many_deletions_need_approval_and_then_all_are_done,
    twenty_five_need_none,
    hidden_profiles_that_are_gone_need_approval_too,
    a_shop_whose_last_customer_is_gone_needs_approval,
}

async fn many_deletions_need_approval_and_then_all_are_done(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 100).await;
    for id in &ids[..30] {
        app.square.delete(id);
    }
    drop_webhooks(&mut app);
    let began = mark(&app);

    app.census_all().await;

    let words = alarm(&app).unwrap();
    assert!(
        words.starts_with("30 of 100 customers are missing"),
        "{words}"
    );
    assert!(words.contains("no more than 25") && words.contains("squaresync sync --approve"));
    assert_eq!((gone(&app), bulk_retrieves(&app)), (Vec::new(), 0));
    assert_eq!(mark(&app), began);
    approved(&mut app).await;
    assert_eq!((gone(&app).len(), app.census.found().deleted), (30, 30));
    assert_eq!(alarm(&app), None);
    assert!(began < mark(&app));
    app.assert_equal();
}

async fn twenty_five_need_none(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 60).await;
    for pair in ids[..10].chunks(2) {
        app.square.merge(&[&pair[0], &pair[1]]).unwrap();
    }
    for id in &ids[10..25] {
        app.square.delete(id);
    }
    drop_webhooks(&mut app);

    app.census_all().await;

    let found = app.census.found();
    assert_eq!((found.deleted, found.merged, &found.alarm), (15, 10, &None));
    app.assert_equal();
}

async fn hidden_profiles_that_are_gone_need_approval_too(db: TestDb) {
    let mut app = App::new(db).await;
    let hidden: Vec<String> = (0..30)
        .map(|_| app.square.create(&json!({"note": "hidden"})))
        .collect();
    app.deliver_all().await;
    many(&mut app, 5).await;
    // Nobody expects them on the list, so it takes an answer to know that they are gone.
    for id in &hidden {
        app.square.delete(id);
    }
    drop_webhooks(&mut app);

    app.census_all().await;

    let words = alarm(&app).unwrap();
    assert!(words.contains("deleted 30 and merged 0"), "{words}");
    assert_eq!((gone(&app), bulk_retrieves(&app)), (Vec::new(), 1));
    approved(&mut app).await;
    assert_eq!((gone(&app).len(), alarm(&app)), (30, None));
    app.assert_equal();
}

async fn a_shop_whose_last_customer_is_gone_needs_approval(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 1).await;
    app.square.delete(&ids[0]);
    drop_webhooks(&mut app);

    app.census_all().await;

    assert!(alarm(&app).unwrap().contains("1 are here"));
    assert_eq!(gone(&app), [""; 0]);
    approved(&mut app).await;
    assert_eq!((gone(&app).len(), alarm(&app)), (1, None));
}

/// Everything of a large shop; not in every run, since it takes a while.
async fn ten_thousand_deletions(db: TestDb) {
    let large = Options {
        customers: 12_000,
        keep_calls: false,
        ..options()
    };
    let mut app = App::with(db, large, false).await;
    let ids: Vec<String> = app
        .square
        .customers()
        .iter()
        .map(|customer| customer["id"].as_str().unwrap().to_owned())
        .collect();
    for id in &ids[..10_000] {
        app.square.delete(id);
    }
    drop_webhooks(&mut app);

    app.census_all().await;
    let words = alarm(&app).unwrap();
    assert!(
        words.starts_with("10000 of 12000 customers are missing"),
        "{words}"
    );
    assert_eq!(app.other().count("live_customers"), 12_000);
    approved(&mut app).await;

    assert_eq!(app.census.found().deleted, 10_000);
    assert_eq!((gone(&app).len(), alarm(&app)), (10_000, None));
    assert_eq!(app.other().count("live_customers"), 2000);
}

#[test]
#[ignore = "takes minutes: cargo test --test it -- --ignored ten_thousand"]
fn ten_thousand_deletions_are_done_once_approved() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        run_within(
            std::time::Duration::from_secs(900),
            kind,
            ten_thousand_deletions,
        );
    }
}
