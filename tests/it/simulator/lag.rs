//! The index lags behind, and the first directory.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::{Options, Simulator};

use super::support::{Square, given_names, oldest_first, options};

#[tokio::test]
async fn searches_show_what_was_a_while_ago_and_retrieving_shows_what_is() {
    let square = Square::with(Options {
        index_lag: Duration::from_secs(2),
        ..options()
    });
    let names = async || given_names(&square.search(json!({})).await.1);

    let ann = square.made(json!({ "given_name": "Ann" })).await;
    let id = ann["id"].as_str().unwrap();
    let path = format!("/v2/customers/{id}");
    assert_eq!(square.get(&path).await.0, 200);
    assert_eq!(names().await, Vec::<String>::new());
    square.simulator.advance(Duration::from_millis(1999));
    assert_eq!(names().await, Vec::<String>::new());
    square.simulator.advance(Duration::from_millis(1));
    assert_eq!(names().await, ["Ann"]);

    square
        .simulator
        .update(id, &json!({ "given_name": "Anna" }));
    assert_eq!(names().await, ["Ann"]);
    square.simulator.advance(Duration::from_secs(2));
    assert_eq!(names().await, ["Anna"]);

    square.simulator.delete(id);
    assert_eq!(names().await, ["Anna"]);
    assert_eq!(square.get(&path).await.0, 404);
    square.simulator.advance(Duration::from_secs(2));
    assert_eq!(names().await, Vec::<String>::new());

    square.simulator.set_index_lag(Duration::from_secs(4));
    square.simulator.advance(Duration::from_secs(1));
    assert_eq!(names().await, ["Anna"]);
}

#[tokio::test]
async fn a_seeded_directory_is_whole_and_the_same_each_time() {
    let many = || Options {
        customers: 250,
        seed: 7,
        ..options()
    };
    let square = Square::with(many());

    let names = square
        .found(json!({ "limit": 100, "query": oldest_first() }))
        .await;
    let customers = square.simulator.customers();
    let ids: BTreeSet<_> = customers.iter().map(|it| it["id"].as_str()).collect();

    assert_eq!(names.len(), 250);
    assert_eq!(ids.len(), 250);
    assert_eq!(Simulator::start(many()).unwrap().customers(), customers);
    let other = Options { seed: 8, ..many() };
    assert_ne!(Simulator::start(other).unwrap().customers(), customers);
    assert!(square.simulator.events().is_empty());
}
