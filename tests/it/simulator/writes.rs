//! Creating, retrieving, changing and deleting.

use serde_json::{Value, json};
use squaresync::square::simulator::{Options, Stale};

use super::support::{Square, error, options};

#[tokio::test]
async fn a_customer_is_made_kept_changed_and_deleted() {
    let square = Square::new();

    let made = square
        .made(json!({ "given_name": "Ann", "birthday": "02-29" }))
        .await;
    let path = format!("/v2/customers/{}", made["id"].as_str().unwrap());
    assert_eq!(
        made,
        json!({
            "id": made["id"], "given_name": "Ann", "birthday": "0000-02-29", "version": 0,
            "created_at": "2026-03-02T10:15:30.400Z", "updated_at": "2026-03-02T10:15:30Z",
            "preferences": { "email_unsubscribed": false }, "creation_source": "THIRD_PARTY",
        })
    );
    assert_eq!(square.get(&path).await, (200, json!({ "customer": made })));

    let changes = json!({ "birthday": null, "nickname": "A", "version": 0 });
    let (status, answer) = square.put(&path, &changes).await;
    assert_eq!(status, 200);
    assert_eq!(answer["customer"]["version"], 1);
    assert_eq!(answer["customer"]["nickname"], "A");
    assert_eq!(answer["customer"].get("birthday"), None);

    assert_eq!(
        square.delete(&format!("{path}?version=1")).await,
        (200, json!({}))
    );
    let (status, answer) = square.get(&path).await;
    assert_eq!((status, error(&answer).as_str()), (404, "NOT_FOUND"));
    let history = square.simulator.history(made["id"].as_str().unwrap());
    assert_eq!(history.len(), 3);
    assert_eq!(history[2], Value::Null);
}

#[tokio::test]
async fn a_customer_without_a_public_field_is_refused() {
    let square = Square::new();

    for body in [
        json!({}),
        json!([]),
        json!({ "note": "no name", "nickname": "A" }),
        json!({ "given_name": "", "family_name": null }),
    ] {
        let (status, answer) = square.post("/v2/customers", &body).await;
        assert_eq!((status, error(&answer).as_str()), (400, "BAD_REQUEST"));
    }
    assert!(square.simulator.is_empty());
}

#[tokio::test]
async fn a_text_that_is_too_long_is_refused_with_its_field() {
    let square = Square::new();

    for (field, limit) in [
        ("given_name", 300),
        ("family_name", 300),
        ("nickname", 100),
        ("company_name", 500),
        ("reference_id", 100),
        ("email_address", 254),
        ("tax_ids.eu_vat", 20),
    ] {
        let text = |length: usize| match field {
            "email_address" => format!("{}@example.com", "x".repeat(length - 12)),
            _ => "x".repeat(length),
        };
        let body = |length: usize| match field.split_once('.') {
            Some((outer, inner)) => {
                json!({ "company_name": "A", outer: { inner: text(length) } })
            }
            None => json!({ "phone_number": "+12065550101", field: text(length) }),
        };
        square.made(body(limit)).await;
        let (status, answer) = square.post("/v2/customers", &body(limit + 1)).await;
        let expected = format!("VALUE_TOO_LONG {field}");
        assert_eq!((status, error(&answer)), (400, expected));
    }
}

#[tokio::test]
async fn a_text_that_square_cannot_read_is_refused_with_its_own_code() {
    let square = Square::new();

    for (field, code, texts) in [
        (
            "email_address",
            "INVALID_EMAIL_ADDRESS",
            ["ann", "a@b", "a b@c.de", "@c.de"],
        ),
        (
            "phone_number",
            "INVALID_PHONE_NUMBER",
            ["12345678", "+12345678901234567", "1-800-FLOWERS", "++1"],
        ),
        (
            "birthday",
            "INVALID_TIME",
            ["2023-02-29", "13-01", "yesterday", "1999-1-1"],
        ),
    ] {
        for text in texts {
            let body = json!({ "given_name": "Ann", field: text });
            let (status, answer) = square.post("/v2/customers", &body).await;
            let expected = format!("{code} {field}");
            assert_eq!((status, error(&answer)), (400, expected), "{text}");
        }
    }
}

#[tokio::test]
async fn a_field_of_another_kind_is_refused() {
    let square = Square::new();

    for (field, value, expected) in [
        ("nickname", json!(7), "EXPECTED_STRING nickname"),
        ("address", json!("here"), "EXPECTED_OBJECT address"),
        ("version", json!(1), "UNKNOWN_BODY_PARAMETER version"),
        (
            "address",
            json!({ "country": "usa" }),
            "INVALID_ENUM_VALUE address.country",
        ),
        (
            "tax_ids",
            json!({ "eu_vat": "IE-1" }),
            "INVALID_VALUE tax_ids.eu_vat",
        ),
        (
            "idempotency_key",
            json!(1),
            "EXPECTED_STRING idempotency_key",
        ),
    ] {
        let body = json!({ "given_name": "Ann", field: value });
        let (status, answer) = square.post("/v2/customers", &body).await;
        assert_eq!((status, error(&answer).as_str()), (400, expected));
    }
}

#[tokio::test]
async fn what_square_accepts_is_kept_as_it_was_sent() {
    let square = Square::new();
    let body = json!({
        "given_name": "Ä".repeat(300), "email_address": "Ann.B+c@Example.com",
        "phone_number": "+1-212-555-4240", "birthday": "1999-12-31", "note": "x".repeat(5000),
        "address": { "address_line_1": "1 Main Street", "country": "US" },
        "tax_ids": { "eu_vat": "IE3426675K" },
    });

    let made = square.made(body.clone()).await;

    for (key, value) in body.as_object().unwrap() {
        assert_eq!(&made[key], value);
    }
}

#[tokio::test]
async fn an_update_is_sparse_inside_address_and_tax_ids_too() {
    let square = Square::new();
    let made = square
        .made(json!({
            "given_name": "Ann",
            "address": { "locality": "Oakland", "postal_code": "94601", "first_name": "Ann" },
            "tax_ids": { "eu_vat": "IE3426675K" },
        }))
        .await;
    let path = format!("/v2/customers/{}", made["id"].as_str().unwrap());
    assert_eq!(made["address"].get("first_name"), None);

    let changes = json!({
        "address": { "locality": null, "country": "US" }, "tax_ids": { "eu_vat": null },
        "given_name": "", "family_name": "Baker",
    });
    let (_, answer) = square.put(&path, &changes).await;

    let changed = &answer["customer"];
    let address = json!({ "postal_code": "94601", "country": "US" });
    assert_eq!(changed["address"], address);
    assert_eq!(changed.get("tax_ids"), None);
    assert_eq!(changed.get("given_name"), None);
}

#[tokio::test]
async fn a_stale_version_is_refused_in_either_way() {
    for (stale, status, code) in [
        (Stale::VersionMismatch, 400, "VERSION_MISMATCH version"),
        (Stale::Conflict, 409, "CONFLICT version"),
    ] {
        let square = Square::with(Options { stale, ..options() });
        let made = square.made(json!({ "given_name": "Ann" })).await;
        let path = format!("/v2/customers/{}", made["id"].as_str().unwrap());
        square.put(&path, &json!({ "note": "no version" })).await;

        let change = square
            .put(&path, &json!({ "note": "x", "version": 0 }))
            .await;
        let removal = square.delete(&format!("{path}?version=0")).await;

        for (seen, answer) in [change, removal] {
            assert_eq!((seen, error(&answer).as_str()), (status, code));
        }
        assert_eq!(square.get(&path).await.1["customer"]["version"], 1);
    }
}

#[tokio::test]
async fn an_update_needs_a_field_and_a_customer() {
    let square = Square::new();
    let made = square.made(json!({ "given_name": "Ann" })).await;
    let path = format!("/v2/customers/{}", made["id"].as_str().unwrap());

    for (path, body, status, code) in [
        (path.as_str(), json!({}), 400, "BAD_REQUEST"),
        (path.as_str(), json!({ "version": 0 }), 400, "BAD_REQUEST"),
        (
            path.as_str(),
            json!({ "version": "0", "note": "x" }),
            400,
            "EXPECTED_INTEGER version",
        ),
        (
            "/v2/customers/NOBODY",
            json!({ "note": "x" }),
            404,
            "NOT_FOUND",
        ),
    ] {
        let (seen, answer) = square.put(path, &body).await;
        assert_eq!((seen, error(&answer).as_str()), (status, code), "{body}");
    }
    assert_eq!(square.delete("/v2/customers/NOBODY").await.0, 404);
}
