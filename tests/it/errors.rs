//! What an answer of Square's means for the caller, status and body together.

use std::time::Duration;

use squaresync::square::error::{Answer, Cause, Refusal, SquareError};

macro_rules! answer {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/answers/", $name))
    };
}

fn read(status: u16, body: &str) -> Result<usize, SquareError> {
    let answer = Answer {
        status,
        after: None,
        body: body.as_bytes(),
        by_cursor: false,
    };
    answer.read().map(|object| object.len())
}

fn refused(status: u16, body: &str) -> Refusal {
    match read(status, body) {
        Err(SquareError::Refused(refusal)) => refusal,
        other => unreachable!("{other:?}"),
    }
}

/// A body with one fault.
fn fault(code: &str, field: Option<&str>) -> String {
    serde_json::json!({"errors": [
        {"category": "INVALID_REQUEST_ERROR", "code": code, "field": field, "detail": "`secret` is wrong"}
    ]})
    .to_string()
}

#[test]
fn every_fixture_is_sorted_by_what_to_do_next() {
    for (status, body, label) in [
        (400, answer!("400.create_no_identity.json"), "refused"),
        (
            400,
            answer!("400.idempotency_key_reused.json"),
            "key_reused",
        ),
        (400, answer!("400.invalid_cursor.json"), "cursor_dead"),
        (400, answer!("400.invalid_email_address.json"), "refused"),
        (400, answer!("400.invalid_phone_number.json"), "refused"),
        (400, answer!("400.value_too_long.json"), "refused"),
        (400, answer!("400.version_mismatch.json"), "stale"),
        (409, answer!("400.version_mismatch.json"), "stale"),
        (409, answer!("409.conflict.json"), "stale"),
        (400, answer!("409.conflict.json"), "stale"),
        (
            401,
            answer!("401.access_token_expired.json"),
            "not_authorised",
        ),
        (401, answer!("401.unauthorized.json"), "not_authorised"),
        (
            403,
            answer!("403.insufficient_scopes.json"),
            "not_authorised",
        ),
        (404, answer!("404.not_found.json"), "not_found"),
        (410, answer!("410.gone.json"), "not_found"),
        (404, &fault("BRAND_NEW_CODE", None), "not_found"),
        (429, answer!("429.rate_limited.json"), "rate_limited"),
        (500, answer!("500.internal_server_error.json"), "server"),
        (503, answer!("503.service_unavailable.json"), "server"),
        (429, answer!("v1_too_many_requests.json"), "rate_limited"),
        (400, answer!("v1_bad_request.json"), "refused"),
        (502, answer!("gateway.html"), "server"),
    ] {
        assert_eq!(read(status, body).unwrap_err().label(), label, "{body}");
    }
}

#[test]
fn a_misleading_status_misleads_nobody() {
    for (status, body, label) in [
        (200, answer!("gateway.html"), "unreadable"),
        (404, answer!("gateway.html"), "unreadable"),
        (403, answer!("gateway.html"), "unreadable"),
        (429, answer!("gateway.html"), "rate_limited"),
        (200, answer!("404.not_found.json"), "not_found"),
        (200, answer!("400.version_mismatch.json"), "stale"),
        (200, answer!("401.unauthorized.json"), "not_authorised"),
        (200, answer!("429.rate_limited.json"), "rate_limited"),
        (200, answer!("503.service_unavailable.json"), "server"),
        (200, answer!("v1_too_many_requests.json"), "rate_limited"),
        (503, answer!("404.not_found.json"), "server"),
        (429, answer!("404.not_found.json"), "rate_limited"),
        (408, "{}", "server"),
        (404, "{}", "unreadable"),
        (404, r#"{"message":"no such route"}"#, "unreadable"),
        (401, "{}", "not_authorised"),
        (302, "{}", "unreadable"),
        (200, "", "unreadable"),
        (200, "[]", "unreadable"),
        (200, "\"ok\"", "unreadable"),
        (200, r#"{"customer":{"id":"A""#, "unreadable"),
        (200, r#"{"errors":"many"}"#, "unreadable"),
        (200, r#"{"errors":[17]}"#, "refused"),
        (418, r#"{"errors":[]}"#, "unreadable"),
    ] {
        assert_eq!(
            read(status, body).unwrap_err().label(),
            label,
            "{status} {body}"
        );
    }
}

#[test]
fn a_success_is_an_object_without_errors() {
    assert_eq!(read(200, "{}"), Ok(0));
    assert_eq!(read(200, r#"{"customer":{},"errors":[]}"#), Ok(2));
    assert_eq!(read(200, r#"{"cursor":"x","errors":null}"#), Ok(2));
}

#[test]
fn any_bad_request_by_cursor_ends_the_cursor_and_nothing_else_does() {
    let by_cursor = |status, body: &str| {
        Answer {
            status,
            after: None,
            body: body.as_bytes(),
            by_cursor: true,
        }
        .read()
        .unwrap_err()
    };

    assert_eq!(
        by_cursor(400, &fault("BAD_REQUEST", None)),
        SquareError::CursorDead
    );
    assert_eq!(
        by_cursor(429, answer!("429.rate_limited.json")),
        SquareError::retry(Cause::RateLimited)
    );
    assert_eq!(
        by_cursor(401, answer!("401.unauthorized.json")).label(),
        "not_authorised"
    );
}

#[test]
fn the_wait_that_square_asks_for_is_kept() {
    let after = Some(Duration::from_secs(7));
    for (status, body, cause) in [
        (429, "", Cause::RateLimited),
        (503, answer!("gateway.html"), Cause::Server),
        (429, answer!("429.rate_limited.json"), Cause::RateLimited),
    ] {
        let answer = Answer {
            status,
            after,
            body: body.as_bytes(),
            by_cursor: false,
        };

        assert_eq!(
            answer.read().unwrap_err(),
            SquareError::Retry { after, cause }
        );
    }
}

#[test]
fn a_refusal_says_which_column_to_correct() {
    for (code, field, expected) in [
        (
            "INVALID_EMAIL_ADDRESS",
            Some("email_address"),
            "Square refuses the e-mail address; correct email_address",
        ),
        (
            "INVALID_PHONE_NUMBER",
            None,
            "Square refuses the phone number; correct phone_number",
        ),
        (
            "VALUE_TOO_LONG",
            Some("note"),
            "note is longer than Square takes",
        ),
        (
            "VALUE_TOO_LONG",
            Some("customer.nickname"),
            "nickname is longer than Square takes, which is 100 characters",
        ),
        (
            "VALUE_TOO_LONG",
            Some("address.address_line_1"),
            "address_line_1 is longer than Square takes",
        ),
        (
            "INVALID_VALUE",
            Some("tax_ids.eu_vat"),
            "Square refuses tax_id_eu_vat (INVALID_VALUE)",
        ),
        (
            "INVALID_ENUM_VALUE",
            Some("address.country"),
            "Square does not know the country; write country as two capital letters such as US",
        ),
        (
            "INVALID_TIME",
            Some("birthday"),
            "Square refuses the birthday; write birthday as YYYY-MM-DD or MM-DD",
        ),
        (
            "BRAND_NEW_CODE",
            Some("brand.new"),
            "Square refuses brand.new (BRAND_NEW_CODE)",
        ),
        (
            "BAD_REQUEST",
            None,
            "Square refuses the customer (BAD_REQUEST)",
        ),
    ] {
        let refusal = refused(400, &fault(code, field));

        assert_eq!(refusal.sentence(), expected);
        assert_eq!(refusal.code, code);
    }
}

#[test]
fn who_cannot_be_known_by_anything_is_told_what_is_needed() {
    let refusal = refused(400, answer!("400.create_no_identity.json"));

    assert_eq!(
        refusal.sentence(),
        "Square needs at least one of given_name, family_name, company_name, email_address, phone_number"
    );
    assert_eq!(refusal.field, None);
}

#[test]
fn all_faults_are_told_at_once() {
    let refusal = refused(400, answer!("400.two_faults.json"));

    assert_eq!(refusal.field.as_deref(), Some("address_line_1"));
    assert_eq!(
        refusal.sentence(),
        "address_line_1 is longer than Square takes; Square refuses tax_id_eu_vat (INVALID_VALUE)"
    );
}

#[test]
fn neither_values_nor_hostile_text_are_repeated() {
    let long = "X".repeat(1_000_000);
    for code in ["BAD_REQUEST", "VALUE_TOO_LONG", "a\r\nb<script>", &long] {
        for field in [None, Some("note\u{1b}[31m<b>"), Some(long.as_str())] {
            let refusal = refused(400, &fault(code, field));

            assert!(!refusal.sentence().contains("secret"));
            assert!(refusal.sentence().len() < 300);
            assert!(!refusal.sentence().contains(['<', '\n', '\r', '\u{1b}']));
            assert!(refusal.code.len() <= 80);
        }
    }
}
