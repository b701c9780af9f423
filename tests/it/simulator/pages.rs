//! Pages and cursors.

use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::Fault;

use super::support::{Square, error, given_names, oldest_first, three};

#[tokio::test]
async fn nothing_found_is_an_empty_object() {
    let square = Square::new();

    assert_eq!(square.search(json!({})).await, (200, json!({})));
    let counted = square.search(json!({ "count": true })).await;
    assert_eq!(counted, (200, json!({ "count": 0 })));
}

#[tokio::test]
async fn a_profile_without_public_field_is_neither_shown_nor_counted() {
    let square = Square::new();
    square.made(json!({ "given_name": "Ann" })).await;
    let bob = square.made(json!({ "given_name": "Bob" })).await;
    let path = format!("/v2/customers/{}", bob["id"].as_str().unwrap());
    square.simulator.create(&json!({ "note": "instant" }));

    let changes = json!({ "given_name": null, "nickname": "B" });
    assert_eq!(square.put(&path, &changes).await.0, 200);

    let (_, page) = square.search(json!({ "count": true })).await;
    assert_eq!(page["count"], 1);
    assert_eq!(given_names(&page), ["Ann"]);
    assert_eq!(given_names(&square.get("/v2/customers").await.1), ["Ann"]);
    assert_eq!(square.get(&path).await.1["customer"]["nickname"], "B");
    assert_eq!(square.simulator.customers().len(), 3);
}

#[tokio::test]
async fn a_cursor_lives_five_minutes_and_only_with_its_query() {
    let square = three().await;
    let body = json!({ "limit": 2, "query": oldest_first() });
    let (_, page) = square.search(body.clone()).await;
    let with = |limit: u8| {
        let mut body = body.clone();
        body["cursor"] = page["cursor"].clone();
        body["limit"] = json!(limit);
        body
    };

    let (status, answer) = square.search(with(3)).await;
    assert_eq!((status, error(&answer).as_str()), (400, "INVALID_CURSOR"));
    square.simulator.advance(Duration::from_secs(299));
    assert_eq!(square.search(with(2)).await.0, 200);
    square.simulator.advance(Duration::from_secs(1));
    assert_eq!(square.search(with(2)).await.0, 400);
}

#[tokio::test]
async fn pages_are_live() {
    let square = three().await;
    let body = json!({ "limit": 1, "query": {
        "sort": { "field": "CREATED_AT" },
        "filter": { "updated_at": { "end_at": "2026-03-02T10:18:00Z" } },
    } });
    let (_, page) = square.search(body.clone()).await;
    assert_eq!(given_names(&page), ["Cleo"]);
    let cleo = page["customers"][0]["id"].as_str().unwrap();

    // Cleo leaves the window, so that Bob moves to the page that was read.
    square.simulator.update(cleo, &json!({ "note": "x" }));

    let mut next = body;
    next["cursor"] = page["cursor"].clone();
    assert_eq!(given_names(&square.search(next).await.1), ["Ann"]);
}

#[tokio::test]
async fn pages_go_wrong_when_they_are_told_to() {
    let square = three().await;
    let all = ["Cleo", "Bob", "Ann", "Dora"];
    let body = json!({ "limit": 3, "count": true, "query": oldest_first() });
    let first = |fault| {
        square.simulator.faults(|faults| faults.next(fault, 1));
        square.search(body.clone())
    };

    let (_, empty) = first(Fault::EmptyPage).await;
    assert_eq!(empty.get("customers"), None);
    let (_, short) = first(Fault::ShortPage).await;
    assert_eq!(given_names(&short), ["Cleo"]);
    for page in [empty, short] {
        let mut next = body.clone();
        next["cursor"] = page["cursor"].clone();
        let rest = square.found(next).await;
        assert_eq!(rest, all[given_names(&page).len()..]);
    }
    assert_eq!(first(Fault::EmptyIndex).await, (200, json!({ "count": 0 })));

    let (_, page) = first(Fault::ExpiredCursor).await;
    let mut next = body.clone();
    next["cursor"] = page["cursor"].clone();
    let (status, answer) = square.search(next.clone()).await;
    assert_eq!((status, error(&answer).as_str()), (400, "INVALID_CURSOR"));
    assert_eq!(square.search(next).await.0, 200);
    for fault in [
        Fault::EmptyPage,
        Fault::ShortPage,
        Fault::EmptyIndex,
        Fault::ExpiredCursor,
    ] {
        assert_eq!(square.simulator.fired(fault), 1, "{fault}");
    }
}
