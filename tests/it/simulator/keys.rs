//! Idempotency keys.

use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::Options;

use super::support::{Square, error, options};

#[tokio::test]
async fn a_key_makes_one_customer_and_outlives_it() {
    let square = Square::new();
    let body = json!({ "idempotency_key": "k", "given_name": "Ann", "note": "x" });
    let same = json!({ "note": "x", "given_name": "Ann", "idempotency_key": "k" });
    let other = json!({ "idempotency_key": "k", "given_name": "Bob" });

    let first = square.made(body.clone()).await;
    square.simulator.delete(first["id"].as_str().unwrap());
    let again = square.made(same).await;
    let (status, answer) = square.post("/v2/customers", &other).await;

    assert_eq!(again, first);
    assert_eq!(status, 400);
    assert_eq!(error(&answer), "IDEMPOTENCY_KEY_REUSED idempotency_key");
    let applied: Vec<bool> = square
        .simulator
        .calls()
        .iter()
        .map(|it| it.applied)
        .collect();
    assert_eq!(applied, [true, false, false]);
    assert_eq!(
        square.simulator.calls()[0].idempotency_key.as_deref(),
        Some("k")
    );

    square.simulator.forget_keys();
    assert_ne!(square.made(body).await["id"], first["id"]);
}

#[tokio::test]
async fn a_key_that_is_forgotten_makes_another_customer() {
    let square = Square::with(Options {
        key_life: Some(Duration::from_secs(60)),
        ..options()
    });
    let body = json!({ "idempotency_key": "k", "given_name": "Ann" });

    let first = square.made(body.clone()).await;
    square.simulator.advance(Duration::from_secs(59));
    assert_eq!(square.made(body.clone()).await, first);
    square.simulator.advance(Duration::from_secs(1));
    assert_ne!(square.made(body).await["id"], first["id"]);
}
