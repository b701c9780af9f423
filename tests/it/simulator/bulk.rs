//! The bulk calls.

use serde_json::json;
use squaresync::square::simulator::Fault;

use super::support::{Square, error};

#[tokio::test]
async fn bulk_calls_answer_each_customer_for_itself() {
    let square = Square::new();

    let body = json!({ "customers": { "k1": { "given_name": "Ann" }, "k2": { "note": "x" } } });
    let (status, made) = square.post("/v2/customers/bulk-create", &body).await;
    assert_eq!(status, 200);
    let ann = made["responses"]["k1"]["customer"].clone();
    let id = ann["id"].as_str().unwrap();
    assert_eq!(error(&made["responses"]["k2"]), "BAD_REQUEST");
    let (_, again) = square.post("/v2/customers/bulk-create", &body).await;
    assert_eq!(again["responses"]["k1"]["customer"], ann);

    let body = json!({ "customers": {
        id: { "nickname": "A", "version": 0 }, "NOBODY": { "nickname": "B" },
    } });
    let (_, changed) = square.post("/v2/customers/bulk-update", &body).await;
    assert_eq!(changed["responses"][id]["customer"]["version"], 1);
    assert_eq!(error(&changed["responses"]["NOBODY"]), "NOT_FOUND");

    let body = json!({ "customer_ids": [id, "NOBODY"] });
    let (_, seen) = square.post("/v2/customers/bulk-retrieve", &body).await;
    assert_eq!(seen["responses"][id]["customer"]["nickname"], "A");
    assert_eq!(error(&seen["responses"]["NOBODY"]), "NOT_FOUND");

    let (_, gone) = square.post("/v2/customers/bulk-delete", &body).await;
    assert_eq!(gone["responses"][id], json!({}));
    assert_eq!(error(&gone["responses"]["NOBODY"]), "NOT_FOUND");
    assert!(square.simulator.is_empty());
}

#[tokio::test]
async fn bulk_calls_take_one_to_a_hundred() {
    let square = Square::new();
    let ids: Vec<String> = (0..101).map(|it| it.to_string()).collect();

    for (path, body) in [
        ("bulk-create", json!({ "customers": {} })),
        ("bulk-update", json!({ "customers": {} })),
        ("bulk-retrieve", json!({ "customer_ids": [] })),
        ("bulk-delete", json!({ "customer_ids": ids })),
        ("bulk-delete", json!({})),
    ] {
        let (status, answer) = square.post(&format!("/v2/customers/{path}"), &body).await;
        assert_eq!(status, 400, "{path} {answer}");
    }
    square
        .simulator
        .faults(|faults| faults.next(Fault::MissingBulkKey, 1));
    let body = json!({ "customer_ids": ["A", "B"] });
    let (_, seen) = square.post("/v2/customers/bulk-retrieve", &body).await;
    assert_eq!(seen["responses"].as_object().unwrap().len(), 1);
}
