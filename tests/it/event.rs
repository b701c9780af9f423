//! What events show.

use std::fmt::Write;

use serde_json::{Value, json};
use squaresync::domain::observation::{Origin, Shown};
use squaresync::square::event::{About, Event, Idle, Reason, Unreadable};

const A: &str = "FIXTUREAAAAAAAAAAAAAAAAAA1";
const B: &str = "FIXTUREBBBBBBBBBBBBBBBBBB2";
const C: &str = "FIXTURECCCCCCCCCCCCCCCCCC3";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/webhooks/", $name, ".json"))
    };
}

fn parse(body: &str) -> Event {
    Event::parse(body.as_bytes()).unwrap()
}

fn unreadable(body: impl AsRef<[u8]>) -> Unreadable {
    Event::parse(body.as_ref()).unwrap_err()
}

/// What an event shows, one line an observation.
fn shows(body: &str) -> String {
    match parse(body).about {
        About::Nothing(idle) => idle.to_string(),
        About::Customer(all) => all.iter().fold(String::new(), |mut text, one| {
            let id = &one.square_id;
            let line = match &one.shown {
                Shown::Profile(profile, Origin::Event) => format!("{id} v{}", profile.version()),
                Shown::Deleted(version, cause) => format!("{id} deleted {version:?} {cause:?}"),
                Shown::Merged(into) => format!("{id} into {into}"),
                other => format!("{id} {other:?}"),
            };
            writeln!(text, "{line}").unwrap();
            text
        }),
    }
}

#[test]
fn every_fixture_shows_what_square_meant() {
    let nothing = Idle::OtherType.to_string();
    for (body, expected) in [
        (fixture!("customer.created"), format!("{A} v0\n")),
        (fixture!("customer.updated"), format!("{A} v1\n")),
        (
            fixture!("customer.deleted"),
            format!("{A} deleted Some(3) Event\n"),
        ),
        (
            fixture!("customer.deleted.no_object"),
            format!("{B} deleted None Event\n"),
        ),
        (
            fixture!("customer.created.merge"),
            format!("{C} v0\n{A} into {C}\n{B} into {C}\n"),
        ),
        (
            fixture!("customer.deleted.merge.1"),
            format!("{A} deleted Some(4) Merge\n{A} into {C}\n{B} into {C}\n"),
        ),
        (
            fixture!("customer.deleted.merge.2"),
            format!("{B} deleted Some(2) Merge\n{A} into {C}\n{B} into {C}\n"),
        ),
        (
            fixture!("customer.custom_attribute.owned.updated"),
            nothing.clone(),
        ),
        (
            fixture!("customer.custom_attribute.visible.deleted"),
            nothing.clone(),
        ),
        (fixture!("oauth.authorization.revoked"), nothing.clone()),
        (fixture!("webhooks.test_notification"), nothing),
    ] {
        assert_eq!(shows(body), expected);
    }
}

#[test]
fn the_envelope_is_read_whole() {
    let event = parse(fixture!("customer.updated"));

    assert_eq!(event.event_id, "c0ffee00-0000-4000-8000-000000000002");
    assert_eq!(event.merchant_id.as_str(), "MLFIXTURE0001");
    assert_eq!(event.kind, "customer.updated");
    assert_eq!(
        event.created_at.unwrap().to_rfc3339(),
        "2026-01-05T10:00:00.246373287+00:00"
    );
}

/// The event that creates `A`, changed by `change`.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut event = serde_json::from_str(fixture!("customer.created")).unwrap();
    change(&mut event);
    event.to_string()
}

/// The same with the customer's `key` set to `value`.
fn with(key: &str, value: Value) -> String {
    changed(|event| event["data"]["object"]["customer"][key] = value)
}

#[test]
fn a_time_is_never_worth_an_event() {
    for (text, expected) in [
        (
            json!("2022-04-26T10:08:40.454726"),
            Some("2022-04-26T10:08:40.454726+00:00"),
        ),
        (
            json!("2022-04-26T12:08:40+02:00"),
            Some("2022-04-26T10:08:40+00:00"),
        ),
        (json!("2022-01-10 23:29:48 +0000 UTC"), None),
        (json!("yesterday"), None),
        (json!(17), None),
        (json!(null), None),
    ] {
        let body = changed(|event| event["created_at"] = text.clone());

        let read = parse(&body).created_at.map(|moment| moment.to_rfc3339());

        assert_eq!(read.as_deref(), expected, "{text}");
    }
}

#[test]
fn a_customer_event_without_a_customer_shows_nothing() {
    for body in [
        changed(|event| event["data"] = Value::Null),
        changed(|event| event["data"]["object"] = Value::Null),
        changed(|event| event["data"]["object"] = json!({})),
        changed(|event| {
            *event = json!({"event_id": "e", "merchant_id": "M", "type": "customer.deleted"})
        }),
    ] {
        assert_eq!(parse(&body).about, About::Nothing(Idle::NoObject), "{body}");
    }
}

#[test]
fn a_deletion_is_believed_by_either_id() {
    let deleted = |data: Value| {
        shows(
            &json!({"event_id": "e", "merchant_id": "M", "type": "customer.deleted", "data": data})
                .to_string(),
        )
    };

    assert_eq!(
        deleted(json!({"id": A})),
        format!("{A} deleted None Event\n")
    );
    assert_eq!(
        deleted(json!({"object": {"customer": {"id": A, "version": 7}}})),
        format!("{A} deleted Some(7) Event\n")
    );
}

#[test]
fn a_merge_never_ends_the_profile_that_stays() {
    let merge = json!({"merge": {"from_customer_ids": [A, C], "to_customer_id": C}});
    let mut created: Value = serde_json::from_str(fixture!("customer.created.merge")).unwrap();
    created["data"]["object"]["event_context"] = merge;

    assert_eq!(
        shows(&created.to_string()),
        format!("{C} v0\n{A} into {C}\n")
    );

    let mut deleted: Value = serde_json::from_str(fixture!("customer.deleted.merge.1")).unwrap();
    deleted["data"]["object"]["event_context"]["merge"]["to_customer_id"] = json!(A);
    assert_eq!(
        unreadable(deleted.to_string()).reason,
        Reason::MergedIntoItself
    );
}

#[test]
fn an_unusable_customer_makes_its_event_unreadable_and_keeps_its_names() {
    let long = "x".repeat(256);
    for body in [
        with("id", json!(B)),
        with("id", json!("")),
        with("id", json!([A])),
        with("version", json!(-1)),
        with("version", json!(9_223_372_036_854_775_808_u64)),
        with("version", json!(1.5)),
        with("version", json!("1")),
        with("version", Value::Null),
        with("given_name", json!(7)),
        with("address", json!({"locality": ["x"]})),
        with("note", json!("a\0b")),
        with("unknown", json!({"deep": ["\0"]})),
        with("\0", json!(1)),
        changed(|event| event["data"] = json!([])),
        changed(|event| event["data"]["id"] = json!("\0")),
        changed(|event| event["data"]["id"] = json!({})),
        changed(|event| event["data"]["id"] = json!(long)),
        changed(|event| {
            event["data"]["id"] = Value::Null;
            event["data"]["object"]["customer"]["id"] = json!(long);
        }),
        changed(|event| event["data"]["object"] = json!("customer")),
        changed(|event| event["data"]["object"]["customer"] = json!([])),
        changed(|event| event["data"]["object"]["event_context"] = json!({"merge": {}})),
        changed(|event| {
            event["data"]["object"]["event_context"] =
                json!({"merge": {"to_customer_id": B, "from_customer_ids": A}})
        }),
        changed(|event| {
            event["data"]["object"]["event_context"] =
                json!({"merge": {"to_customer_id": B, "from_customer_ids": ["\0"]}})
        }),
        fixture!("customer.created").replace(
            "\"version\":0",
            &format!("\"version\":1{}", "0".repeat(400)),
        ),
        fixture!("customer.created").replace("\"Ann\"", "\"\\ud800\""),
        fixture!("customer.created").replace(
            "\"Ann\"",
            &format!("{}{}", "[".repeat(200), "]".repeat(200)),
        ),
        fixture!("customer.deleted").replacen(A, B, 1),
        fixture!("customer.deleted").replace("\"version\": 3", "\"version\": -1"),
        fixture!("customer.deleted").replace("\"version\": 3", "\"version\": 9223372036854775808"),
    ] {
        let refused = unreadable(&body);

        assert!(refused.event_id.unwrap().starts_with("c0ffee00"), "{body}");
        assert_eq!(refused.merchant_id.unwrap().as_str(), "MLFIXTURE0001");
        assert!(refused.kind.unwrap().starts_with("customer."));
        assert!(!refused.reason.to_string().contains("Ann"));
    }
}
