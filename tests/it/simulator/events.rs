//! The Events API: what it lists, and to whom.

use std::time::Duration;

use serde_json::{Value, json};
use squaresync::square::simulator::{Access, Fault, Options};

use super::support::{Receiver, Square, error, options};

fn enabled() -> Square {
    Square::with(Options {
        events_enabled: true,
        ..options()
    })
}

async fn listed(square: &Square, query: Value) -> Vec<Value> {
    let mut body = json!({"query": query, "limit": 2});
    let mut events = Vec::new();
    loop {
        let (status, page) = square.post("/v2/events", &body).await;
        assert_eq!(status, 200, "{page}");
        let found = page["events"].as_array().cloned().unwrap_or_default();
        assert!(found.len() <= 2, "{page}");
        for (event, about) in found
            .iter()
            .zip(page["metadata"].as_array().into_iter().flatten())
        {
            assert_eq!(event["event_id"], about["event_id"]);
        }
        events.extend(found);
        match page.get("cursor") {
            Some(cursor) => body["cursor"] = cursor.clone(),
            None => return events,
        }
    }
}

/// The types of what is listed, oldest first, in a word each.
async fn kinds(square: &Square, filter: Value) -> Vec<String> {
    let query = json!({"filter": filter, "sort": {"field": "DEFAULT", "order": "ASC"}});
    let events = listed(square, query).await;
    let kind = |event: &Value| event["type"].as_str().unwrap().replace("customer.", "");
    events.iter().map(kind).collect()
}

#[tokio::test]
async fn only_what_happens_while_it_is_enabled_is_ever_listed() {
    let square = Square::new();
    let ann = square.simulator.create(&json!({"given_name": "Ann"}));
    let (status, answer) = square.post("/v2/events", &json!({})).await;
    assert_eq!((status, error(&answer).as_str()), (400, "BAD_REQUEST"));

    assert_eq!(
        square.put("/v2/events/enable", &json!({})).await,
        (200, json!({}))
    );
    assert_eq!(kinds(&square, json!({})).await, Vec::<String>::new());
    square.simulator.update(&ann, &json!({"note": "x"}));
    assert_eq!(
        square.put("/v2/events/disable", &json!({})).await,
        (200, json!({}))
    );
    square.simulator.update(&ann, &json!({"note": "y"}));
    assert_eq!(square.post("/v2/events", &json!({})).await.0, 400);
    square.simulator.enable_events(true);
    square.simulator.delete(&ann);

    assert_eq!(kinds(&square, json!({})).await, ["updated", "deleted"]);
    let (_, types) = square.get("/v2/events/types").await;
    assert_eq!(types["event_types"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_listed_event_is_the_webhook_in_other_bytes() {
    let square = enabled();
    for name in ["Ann", "Bob", "Cleo", "Dora"] {
        square.simulator.create(&json!({"given_name": name}));
    }
    let query = json!({"sort": {"field": "DEFAULT", "order": "ASC"}});

    let events = listed(&square, query).await;

    let webhooks = square.simulator.events();
    assert_eq!(events.len(), webhooks.len());
    let mut bare = Vec::new();
    for (event, webhook) in events.iter().zip(&webhooks) {
        let mut sent: Value = serde_json::from_str(&webhook.body).unwrap();
        assert_ne!(event.to_string(), *webhook.body, "not byte for byte");
        assert_eq!(event["event_id"], webhook.event_id.as_str());
        bare.push(!event["created_at"].as_str().unwrap().ends_with('Z'));
        sent["created_at"] = event["created_at"].clone();
        assert_eq!(*event, sent);
    }
    assert_eq!(bare, [true, false, false, true]);
    assert_eq!(events[0]["created_at"], "2026-03-02T10:15:30.000000");
}

#[tokio::test]
async fn what_does_not_fit_is_left_out() {
    let square = enabled();
    let ann = square.simulator.create(&json!({"given_name": "Ann"}));
    square.simulator.advance(Duration::from_secs(60));
    square.simulator.update(&ann, &json!({"note": "x"}));
    square.simulator.emit("invoice.created", &json!({}));
    square.simulator.advance(Duration::from_secs(60));
    square.simulator.delete(&ann);

    let range = json!({"start_at": "2026-03-02T10:15:30Z", "end_at": "2026-03-02T10:17:30Z"});
    for (filter, kinds_of) in [
        (
            json!({}),
            ["created", "updated", "invoice.created", "deleted"].as_slice(),
        ),
        (
            json!({"event_types": ["customer.deleted", "customer.created"]}),
            &["created", "deleted"],
        ),
        (json!({"merchant_ids": ["OTHER"]}), &[]),
        (
            json!({"merchant_ids": [square.simulator.merchant_id], "event_types": ["customer.updated"]}),
            &["updated"],
        ),
        // The start belongs to it, the end does not.
        (
            json!({"created_at": range}),
            &["created", "updated", "invoice.created"],
        ),
        (
            json!({"created_at": {"start_at": "2026-03-02T10:15:31Z"}}),
            &["updated", "invoice.created", "deleted"],
        ),
    ] {
        assert_eq!(kinds(&square, filter.clone()).await, kinds_of, "{filter}");
    }
    let newest = listed(&square, json!({})).await;
    assert_eq!(newest[0]["type"], "customer.deleted");

    square
        .simulator
        .advance(Duration::from_secs(28 * 24 * 3600 - 62));
    assert_eq!(
        kinds(&square, json!({})).await,
        ["updated", "invoice.created", "deleted"]
    );
    square.simulator.advance(Duration::from_secs(3600));
    assert_eq!(kinds(&square, json!({})).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_square_does_not_take_is_refused() {
    let square = enabled();
    for name in ["Ann", "Bob", "Cleo"] {
        square.simulator.create(&json!({"given_name": name}));
    }
    for (body, code) in [
        (json!({"limit": 0}), "VALUE_TOO_LOW limit"),
        (json!({"limit": 101}), "VALUE_TOO_HIGH limit"),
        (json!({"cursor": "x"}), "INVALID_CURSOR"),
        (json!({"cursor": 1}), "EXPECTED_STRING cursor"),
        (json!({"filter": {}}), "UNKNOWN_BODY_PARAMETER filter"),
        (
            json!({"query": {"filter": {"ids": []}}}),
            "UNKNOWN_BODY_PARAMETER query.filter.ids",
        ),
        (
            json!({"query": {"filter": {"event_types": "x"}}}),
            "EXPECTED_ARRAY query.filter.event_types",
        ),
        (
            json!({"query": {"filter": {"created_at": {"end_at": "x"}}}}),
            "INVALID_TIME query.filter.created_at.end_at",
        ),
        (
            json!({"query": {"sort": {"field": "CREATED_AT"}}}),
            "INVALID_ENUM_VALUE query.sort.field",
        ),
        (
            json!({"query": {"sort": {"order": "UP"}}}),
            "INVALID_ENUM_VALUE query.sort.order",
        ),
    ] {
        let (status, answer) = square.post("/v2/events", &body).await;
        assert_eq!((status, error(&answer).as_str()), (400, code), "{body}");
    }

    let (_, page) = square.post("/v2/events", &json!({"limit": 1})).await;
    let other = json!({"limit": 2, "cursor": page["cursor"]});
    let (status, answer) = square.post("/v2/events", &other).await;
    assert_eq!((status, error(&answer).as_str()), (400, "INVALID_CURSOR"));
    square.simulator.advance(Duration::from_secs(300));
    let late = json!({"limit": 1, "cursor": page["cursor"]});
    assert_eq!(square.post("/v2/events", &late).await.0, 400);
}

#[tokio::test]
async fn an_oauth_token_opens_all_but_the_events() {
    let square = enabled();
    square
        .simulator
        .faults(|faults| faults.access = Access::OAuth);

    for (status, answer) in [
        square.post("/v2/events", &json!({})).await,
        square.put("/v2/events/disable", &json!({})).await,
        square.get("/v2/events/types").await,
    ] {
        assert_eq!((status, error(&answer).as_str()), (401, "UNAUTHORIZED"));
    }
    square.made(json!({"given_name": "Ann"})).await;
    assert_eq!(square.search(json!({})).await.0, 200);
    assert_eq!(square.simulator.fired(Fault::AccessRefused), 3);
    square
        .simulator
        .faults(|faults| faults.access = Access::ReadOnly);
    assert_eq!(kinds(&square, json!({})).await, ["created"]);
}

#[tokio::test]
async fn an_event_whose_webhook_is_dropped_is_listed() {
    let square = enabled();
    let receiver = Receiver::start();
    square.simulator.post_to(receiver.url());
    square
        .simulator
        .faults(|faults| faults.chance(Fault::WebhookDropped, 1.0));
    square.simulator.create(&json!({"given_name": "Ann"}));

    assert_eq!(square.simulator.deliver_due().await, 0);

    assert_eq!(square.simulator.fired(Fault::WebhookDropped), 1);
    assert_eq!(square.simulator.outstanding(), 0);
    assert_eq!(kinds(&square, json!({})).await, ["created"]);
}
