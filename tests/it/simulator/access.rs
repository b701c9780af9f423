//! Who may, and what every answer carries.

use serde_json::json;
use squaresync::square::simulator::{Access, Fault};

use super::support::{Square, error, read};

#[tokio::test]
async fn a_token_opens_only_what_it_is_good_for() {
    let square = Square::new();
    let url = format!("{}/v2/customers", square.simulator.url());
    for request in [
        square.client.get(&url),
        square.client.get(&url).bearer_auth("other"),
    ] {
        let answer = read(request.send().await.unwrap()).await;
        assert_eq!((answer.0, error(&answer.1).as_str()), (401, "UNAUTHORIZED"));
    }

    for (access, read, write, code) in [
        (Access::Granted, 200, 200, ""),
        (Access::Unknown, 401, 401, "UNAUTHORIZED"),
        (Access::Expired, 401, 401, "ACCESS_TOKEN_EXPIRED"),
        (Access::Revoked, 401, 401, "ACCESS_TOKEN_REVOKED"),
        (Access::ReadOnly, 200, 403, "INSUFFICIENT_SCOPES"),
        (Access::NoScopes, 403, 403, "INSUFFICIENT_SCOPES"),
    ] {
        square.simulator.faults(|faults| faults.access = access);
        let before = square.simulator.fired(Fault::AccessRefused);
        assert_eq!(square.search(json!({})).await.0, read, "{access:?}");
        let (status, answer) = square
            .post("/v2/customers", &json!({ "given_name": "A" }))
            .await;
        assert_eq!(status, write, "{access:?}");
        if write != 200 {
            assert_eq!(error(&answer), code);
        }
        let fired = square.simulator.fired(Fault::AccessRefused) - before;
        let refused = [read, write].iter().filter(|it| **it != 200).count();
        assert_eq!(fired, u64::try_from(refused).unwrap());
    }
    assert_eq!(square.simulator.len(), 1);
}

#[tokio::test]
async fn the_token_tells_its_seller_and_scopes() {
    let square = Square::new();

    let (_, status) = square.post("/oauth2/token/status", &json!({})).await;
    let (_, me) = square.get("/v2/merchants/me").await;

    assert_eq!(status["merchant_id"], square.simulator.merchant_id.as_str());
    assert_eq!(status["expires_at"], "");
    assert!(
        status["scopes"]
            .as_array()
            .unwrap()
            .contains(&json!("CUSTOMERS_WRITE"))
    );
    assert_eq!(me["merchant"]["id"], square.simulator.merchant_id.as_str());
    assert_eq!(square.get("/v2/nothing").await.0, 404);
}

#[tokio::test]
async fn an_answer_carries_the_version_and_the_time_of_the_simulator() {
    let square = Square::new();
    let request = square.request(reqwest::Method::GET, "/v2/customers");
    let asked = request.header("square-version", "2026-01-22");

    let answer = asked.send().await.unwrap();
    assert_eq!(answer.headers()["square-version"], "2026-01-22");
    assert_eq!(answer.headers()["date"], "Mon, 02 Mar 2026 10:15:30 GMT");

    let request = square.request(reqwest::Method::GET, "/v2/customers");
    let asked = request.header("square-version", "latest");
    assert_eq!(asked.send().await.unwrap().status(), 400);
}
