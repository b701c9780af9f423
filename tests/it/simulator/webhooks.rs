//! Events: bytes, signature, headers, and the faults of their delivery.

use std::time::Duration;

use serde_json::{Value, json};
use squaresync::square::simulator::{Fault, Options};

use super::support::{Receiver, Square, options};

#[tokio::test]
async fn an_api_write_is_echoed_in_the_bytes_of_the_wire() {
    let square = Square::new();

    let made = square.made(json!({ "given_name": "A\"ö<" })).await;

    let event = square.simulator.events().remove(0);
    let body = format!(
        concat!(
            r#"{{"merchant_id":"SIMULATEDSELLER","type":"customer.created","event_id":"{}","#,
            r#""created_at":"2026-03-02T10:15:30Z","data":{{"type":"customer","id":"{id}","#,
            r#""object":{{"customer":{{"id":"{id}","created_at":"2026-03-02T10:15:30.400Z","#,
            r#""updated_at":"2026-03-02T10:15:30Z","given_name":"A\"ö<","#,
            r#""preferences":{{"email_unsubscribed":false}},"creation_source":"THIRD_PARTY","#,
            r#""version":0}}}}}}}}"#,
        ),
        event.event_id,
        id = made["id"].as_str().unwrap(),
    );
    assert_eq!(&*event.body, body);
}

/// The key, address and body of a vector that Square publishes, with its signature.
#[test]
fn the_signature_is_squares() {
    let signed = squaresync::square::simulator::sign(
        "asdf1234",
        "https://example.com/webhook",
        r#"{"hello":"world"}"#,
    );

    assert_eq!(signed, "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og=");
}

#[tokio::test]
async fn a_delivery_carries_squares_headers_and_is_made_once() {
    let (square, receiver) = subscribed(options()).await;
    square.simulator.create(&json!({ "given_name": "Ann" }));
    assert_eq!(square.simulator.outstanding(), 1);

    assert_eq!(square.simulator.deliver_due().await, 1);
    assert_eq!(square.simulator.deliver_due().await, 0);

    let event = &square.simulator.events()[0];
    let seen = receiver.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].body, &*event.body);
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", "Square Connect v2"),
        ("square-environment", "Sandbox"),
        ("square-version", "2025-08-20"),
        ("square-initial-delivery-timestamp", "2026-03-02T10:15:30Z"),
        ("x-square-hmacsha256-signature", event.signature.as_str()),
    ] {
        assert_eq!(seen[0].header(name), Some(value), "{name}");
    }
    assert_eq!(seen[0].header("square-retry-number"), None);
    assert_eq!(square.simulator.outstanding(), 0);
}

#[tokio::test]
async fn an_event_may_be_dropped_doubled_or_delayed() {
    let (square, receiver) = subscribed(options()).await;
    for (fault, posts) in [
        (Fault::WebhookDropped, 0),
        (Fault::WebhookDoubled, 2),
        (Fault::WebhookDelayed, 0),
    ] {
        square.simulator.faults(|faults| {
            faults.next(fault, 1);
            faults.webhook_delay = Duration::from_secs(90);
        });
        receiver.forget();
        square.simulator.create(&json!({ "given_name": "Ann" }));
        square.simulator.deliver_due().await;
        assert_eq!(receiver.seen().len(), posts, "{fault}");
        assert_eq!(square.simulator.fired(fault), 1, "{fault}");
    }
    assert_eq!(square.simulator.outstanding(), 1);
    square.simulator.advance(Duration::from_secs(89));
    assert_eq!(square.simulator.deliver_due().await, 0);
    square.simulator.advance(Duration::from_secs(1));
    assert_eq!(square.simulator.deliver_due().await, 1);
    assert_eq!(square.simulator.outstanding(), 0);
}

#[tokio::test]
async fn events_come_in_order_unless_they_are_to_change_places() {
    for is_reordered in [false, true] {
        let (square, receiver) = subscribed(Options {
            deliveries_at_once: 1,
            ..options()
        })
        .await;
        if is_reordered {
            square
                .simulator
                .faults(|faults| faults.next(Fault::WebhookReordered, 1));
        }
        for name in ["Ann", "Bob", "Cleo"] {
            square.simulator.create(&json!({ "given_name": name }));
        }
        square.simulator.deliver_due().await;

        let events = square.simulator.events();
        let emitted: Vec<&str> = events.iter().map(|it| &*it.body).collect();
        let seen = receiver.seen();
        let seen: Vec<&str> = seen.iter().map(|it| it.body.as_str()).collect();
        assert_eq!(seen != emitted, is_reordered);
        let fired = square.simulator.fired(Fault::WebhookReordered);
        assert_eq!(fired, u64::from(is_reordered));
    }
}

#[tokio::test]
async fn a_rotated_key_signs_what_comes_after_it() {
    let square = Square::new();
    let create = || square.simulator.create(&json!({ "given_name": "Ann" }));
    create();
    square.simulator.rotate_key("new key");
    create();
    square
        .simulator
        .faults(|faults| faults.next(Fault::WebhookOldKey, 1));
    create();

    let keys: Vec<&str> = square
        .simulator
        .events()
        .iter()
        .map(|event| {
            let signed_with = |key: &&&str| {
                let url = "https://example.com/webhook";
                squaresync::square::simulator::sign(key, url, &event.body) == event.signature
            };
            *["asdf1234", "new key"].iter().find(signed_with).unwrap()
        })
        .collect();
    assert_eq!(keys, ["asdf1234", "new key", "asdf1234"]);
    assert_eq!(square.simulator.fired(Fault::WebhookOldKey), 1);
}

#[tokio::test]
async fn any_event_can_be_raised() {
    let square = Square::new();
    let data = json!({ "type": "webhooks", "id": "X" });

    let id = square.simulator.emit("webhooks.test_notification", &data);

    let body: Value = serde_json::from_str(&square.simulator.events()[0].body).unwrap();
    assert_eq!(body["event_id"], id.as_str());
    assert_eq!(body["type"], "webhooks.test_notification");
    assert_eq!(body["data"], data);
}

#[tokio::test]
async fn without_a_subscription_there_are_no_events() {
    let square = Square::with(Options {
        webhook: None,
        ..options()
    });
    square.simulator.create(&json!({ "given_name": "Ann" }));

    assert!(square.simulator.events().is_empty());
    assert_eq!(square.simulator.outstanding(), 0);
}

async fn subscribed(options: Options) -> (Square, Receiver) {
    let square = Square::with(options);
    let receiver = Receiver::start();
    square.simulator.post_to(receiver.url());
    (square, receiver)
}
