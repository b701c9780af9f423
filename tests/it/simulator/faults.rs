//! Faults of the API, each of which is counted when it fires.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use squaresync::square::simulator::{Fault, Faults, Strikes};

use super::support::{Square, error};

#[tokio::test]
async fn a_fault_before_the_write_answers_and_changes_nothing() {
    let square = Square::new();

    for (fault, status, sign) in [
        (Fault::RateLimited, 429, "RATE_LIMITED"),
        (Fault::OldStyleError, 429, r#""type":"too_many_requests""#),
        (Fault::InternalError, 500, "INTERNAL_SERVER_ERROR"),
        (Fault::HtmlUnavailable, 503, "<!DOCTYPE html>"),
        (Fault::Redirected, 307, ""),
    ] {
        square.simulator.faults(|faults| faults.next(fault, 1));
        let url = format!("{}/v2/customers", square.simulator.url());
        let request = unled().post(url).bearer_auth(&square.simulator.token);
        let answer = request.json(&json!({ "given_name": "Ann" }));
        let answer = answer.send().await.unwrap();

        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().get("retry-after"), None);
        let leads = answer.headers().contains_key("location");
        assert_eq!(leads, fault == Fault::Redirected);
        assert!(answer.text().await.unwrap().contains(sign), "{fault}");
        assert_eq!(square.simulator.fired(fault), 1);
    }
    assert!(square.simulator.is_empty());
    square.made(json!({ "given_name": "Ann" })).await;
}

#[tokio::test]
async fn a_rate_limit_may_say_how_long_and_may_hide_a_write() {
    let square = Square::new();
    square.simulator.faults(|faults| {
        faults.retry_after = Some(Duration::from_secs(3));
        faults.next(Fault::RateLimitedThoughApplied, 1);
    });

    assert_eq!(square.get("/v2/customers").await.0, 200);
    let request = square.request(Method::POST, "/v2/customers");
    let body = json!({ "given_name": "Ann", "idempotency_key": "k" });
    let answer = request.json(&body).send().await.unwrap();

    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "3");
    assert_eq!(square.simulator.len(), 1);
    assert_eq!(square.simulator.events().len(), 1);
    square.made(body).await;
    assert_eq!(square.simulator.len(), 1);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_write_and_a_reset_does_not() {
    let square = Square::new();

    for (fault, there) in [(Fault::Reset, 0), (Fault::LostAnswer, 1)] {
        square.simulator.faults(|faults| faults.next(fault, 1));
        let request = square.request(Method::POST, "/v2/customers");
        let answer = request.json(&json!({ "given_name": "Ann" })).send().await;

        assert!(answer.is_err(), "{fault}");
        assert_eq!(square.simulator.len(), there, "{fault}");
        assert_eq!(square.simulator.fired(fault), 1);
    }
    let fired = square.simulator.all_fired();
    assert_eq!(
        fired,
        BTreeMap::from([(Fault::LostAnswer, 1), (Fault::Reset, 1)])
    );
    let calls = square.simulator.calls();
    let ends: Vec<_> = calls.iter().map(|it| (it.status, it.applied)).collect();
    assert_eq!(ends, [(None, false), (None, true)]);
}

#[tokio::test]
async fn an_error_and_half_an_answer_may_hide_a_write() {
    let square = Square::new();
    let ann = json!({ "given_name": "Ann" });

    let hidden = Fault::InternalErrorThoughApplied;
    square.simulator.faults(|faults| faults.next(hidden, 1));
    assert_eq!(square.get("/v2/customers").await.0, 200);
    let (status, answer) = square.post("/v2/customers", &ann).await;
    assert_eq!(
        (status, error(&answer)),
        (500, "INTERNAL_SERVER_ERROR".to_owned())
    );
    assert_eq!(square.simulator.len(), 1);

    let cut = Fault::CutAnswer;
    square.simulator.faults(|faults| faults.next(cut, 1));
    let request = square.request(Method::POST, "/v2/customers").json(&ann);
    let part = request.send().await.unwrap().text().await.unwrap();
    assert!(part.starts_with(r#"{"customer":{"#), "{part}");
    assert!(serde_json::from_str::<serde_json::Value>(&part).is_err());
    assert_eq!(square.simulator.len(), 2);

    let fired = square.simulator.all_fired();
    assert_eq!(fired, BTreeMap::from([(hidden, 1), (cut, 1)]));
    let calls = square.simulator.calls();
    let ends: Vec<_> = calls.iter().map(|it| (it.status, it.applied)).collect();
    let seen = [(Some(200), false), (Some(500), true), (None, true)];
    assert_eq!(ends, seen);
}

#[tokio::test]
async fn of_a_write_that_comes_twice_the_second_answer_arrives() {
    let square = Square::new();
    let twice = |times| {
        let plan = |faults: &mut Faults| faults.next(Fault::RequestDoubled, times);
        square.simulator.faults(plan);
    };

    twice(1);
    let body = json!({ "given_name": "Ann", "idempotency_key": "k" });
    let ann = square.made(body).await;
    let path = format!("/v2/customers/{}", ann["id"].as_str().unwrap());
    twice(1);
    let (status, _) = square
        .put(&path, &json!({ "note": "b", "version": 0 }))
        .await;
    assert_eq!(status, 400, "the second is stale");
    let (_, answer) = square.get(&path).await;
    assert_eq!(answer["customer"]["note"], "b");
    twice(1);
    assert_eq!(square.delete(&path).await.0, 404, "the second finds nobody");

    assert!(square.simulator.is_empty());
    assert_eq!(square.simulator.fired(Fault::RequestDoubled), 3);
    let calls = square.simulator.calls();
    let applied: Vec<_> = calls.iter().map(|it| it.applied).collect();
    assert_eq!(applied, [true, false, true, false, false, true, false]);
}

/// A client that goes nowhere else.
fn unled() -> reqwest::Client {
    let nowhere = reqwest::redirect::Policy::none();
    reqwest::Client::builder()
        .redirect(nowhere)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_refused_write_keeps_the_fault_for_one_that_succeeds() {
    let square = Square::new();
    square
        .simulator
        .faults(|faults| faults.next(Fault::LostAnswer, 1));

    let (status, answer) = square.post("/v2/customers", &json!({})).await;
    assert_eq!((status, error(&answer).as_str()), (400, "BAD_REQUEST"));
    assert_eq!(square.simulator.fired(Fault::LostAnswer), 0);
}

#[tokio::test]
async fn a_plan_may_skip_choose_and_end() {
    let square = Square::new();
    let fault = Fault::InternalError;
    square.simulator.faults(|faults| {
        faults.after(fault, 1, 1);
        faults.strikes(fault, Strikes::Reads);
    });

    let mut seen = Vec::new();
    for _ in 0..3 {
        square.made(json!({ "given_name": "Ann" })).await;
        seen.push(square.get("/v2/customers").await.0);
    }
    assert_eq!(seen, [200, 500, 200]);

    square.simulator.faults(|faults| faults.chance(fault, 1.0));
    assert_eq!(square.get("/v2/customers").await.0, 500);
    square.simulator.faults(|faults| faults.clear());
    assert_eq!(square.get("/v2/customers").await.0, 200);
    assert_eq!(square.simulator.fired(fault), 2);
}

#[tokio::test]
async fn a_budget_is_for_one_second() {
    let square = Square::new();
    square.simulator.faults(|faults| faults.budget = Some(2));

    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(square.get("/v2/customers").await.0);
    }
    square.simulator.advance(Duration::from_secs(1));
    seen.push(square.get("/v2/customers").await.0);

    assert_eq!(seen, [200, 200, 429, 200]);
    assert_eq!(square.simulator.fired(Fault::RateLimited), 1);
}

#[tokio::test]
async fn latency_makes_an_answer_late() {
    let square = Square::new();
    let late = Duration::from_millis(50);
    square.simulator.faults(|faults| faults.latency = late);

    let begun = Instant::now();
    assert_eq!(square.get("/v2/customers").await.0, 200);
    assert!(late <= begun.elapsed());
}

#[test]
fn a_fault_is_found_by_its_name() {
    assert_eq!(
        Fault::RateLimitedThoughApplied.name(),
        "rate-limited-though-applied"
    );
    for fault in Fault::ALL {
        assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
    }
    assert!("no-such-fault".parse::<Fault>().is_err());
}

#[tokio::test]
async fn a_simulator_that_was_stopped_does_not_answer() {
    let square = Square::new();
    assert_eq!(square.get("/v2/customers").await.0, 200);

    square.simulator.stop().await;

    let again = square.request(Method::GET, "/v2/customers").send().await;
    assert!(again.is_err());
}
