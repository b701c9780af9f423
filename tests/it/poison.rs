//! Bodies that are no event, or hardly: nothing Square could sign brings the reader down.

use serde_json::{Value, json};
use squaresync::square::event::{About, Event, Idle, Reason, Unreadable};

const CREATED: &str = include_str!("../../fixtures/webhooks/customer.created.json");
const MERGED: &str = include_str!("../../fixtures/webhooks/customer.created.merge.json");

fn parse(body: &str) -> Event {
    Event::parse(body.as_bytes()).unwrap()
}

fn unreadable(body: impl AsRef<[u8]>) -> Unreadable {
    Event::parse(body.as_ref()).unwrap_err()
}

/// The event that creates a customer, with `key` of the envelope set to `value`.
fn with(key: &str, value: &Value) -> String {
    let mut event: Value = serde_json::from_str(CREATED).unwrap();
    event[key] = value.clone();
    event.to_string()
}

#[test]
fn unusable_names_are_left_out_and_the_rest_is_kept() {
    let million = "e".repeat(1_000_000);
    for bad in [
        json!(""),
        json!(million),
        json!("a\0"),
        json!(["e"]),
        json!({"e": 1}),
        json!(1),
        Value::Null,
    ] {
        let refused = unreadable(with("event_id", &bad));
        assert_eq!(refused.reason, Reason::BadName("event_id"));
        assert_eq!(refused.event_id, None);
        assert_eq!(refused.kind.as_deref(), Some("customer.created"));

        let refused = unreadable(with("merchant_id", &bad));
        assert_eq!(refused.reason, Reason::BadName("merchant_id"));
        assert_eq!(refused.merchant_id, None);

        let refused = unreadable(with("type", &bad));
        assert_eq!(refused.reason, Reason::BadName("type"));
        assert_eq!((refused.kind, refused.event_id.is_some()), (None, true));
    }
}

#[test]
fn bodies_that_are_no_event_say_so_without_repeating_themselves() {
    let invalid_utf8 = [br#"{"event_id":"Ann"#.as_slice(), &[0xff, 0xfe], br#""}"#].concat();
    let cut = &CREATED.as_bytes()[..CREATED.len() - 1];
    // None stands for "not JSON from some place on".
    let bodies: [(&[u8], Option<Reason>); 14] = [
        (b"", Some(Reason::Truncated)),
        (cut, Some(Reason::Truncated)),
        (b"\"Ann\"", Some(Reason::NotAnObject)),
        (b"[\"Ann\", \"M\", \"T\", \"x\"]", Some(Reason::NotAnObject)),
        (b"17", Some(Reason::NotAnObject)),
        (b"null", Some(Reason::NotAnObject)),
        (b"true", Some(Reason::NotAnObject)),
        (b"{}", Some(Reason::BadName("event_id"))),
        (b"{} Ann", None),
        (b"\xef\xbb\xbf{\"event_id\":\"Ann\"}", None),
        (&invalid_utf8, None),
        (b"Ann <html>", None),
        (b"{\"Ann\":\0}", None),
        (b"{'Ann':1}", None),
    ];
    for (body, expected) in bodies {
        let reason = unreadable(body).reason;

        match &expected {
            Some(expected) => assert_eq!(&reason, expected),
            None => assert!(matches!(reason, Reason::NotJson { .. }), "{reason}"),
        }
        assert!(!reason.to_string().contains("Ann"), "{reason}");
    }
}

#[test]
fn nesting_of_any_depth_is_survived() {
    for depth in [127, 128, 129, 500_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let body = format!(r#"{{"event_id":"e","merchant_id":"M","type":"T","data":{value}}}"#);

            // Of another type, so it does not matter.
            assert_eq!(parse(&body).about, About::Nothing(Idle::OtherType));
            assert!(Event::parse(value.as_bytes()).is_err());
        }
    }
}

#[test]
fn of_a_key_given_twice_one_value_is_taken_everywhere() {
    let twice = CREATED.replacen('{', r#"{"event_id":"first","#, 1);

    assert_eq!(
        parse(&twice).event_id,
        "c0ffee00-0000-4000-8000-000000000001"
    );
}

#[test]
fn no_cut_and_no_changed_byte_of_an_event_panics() {
    let body = MERGED.as_bytes();
    for place in 0..body.len() {
        assert!(Event::parse(&body[..place]).is_err());
        for byte in [0, b'"', b'{', b']', b'9', b'\\', 0xff] {
            let mut changed = body.to_vec();
            changed[place] = byte;
            // Either answer is right; that there is one is the promise.
            drop(Event::parse(&changed));
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_have_an_answer(body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        proptest::prop_assert!(Event::parse(&body).is_err());
    }
}
