//! Every answer to a delivery: who is let in, and who is told what.

use squaresync::square::signature::{NotificationUrl, SigningKey, sign};

use super::served::{KEY, OLD_KEY, POST, SIGNATURE, URL, fixture, key, served, signature};
use super::wire::request;
use crate::support::{TestDb, on_each_database};

on_each_database! {
    a_signed_event_is_kept_and_a_second_time_without_effect,
    every_current_key_counts,
    refusals_are_all_alike_and_leave_only_a_count,
    bytes_that_claim_to_be_compressed_are_taken_as_they_are,
    a_signed_body_that_cannot_be_read_is_kept_as_dead,
}

fn with(signatures: &[&str], body: &[u8]) -> Vec<u8> {
    let headers: Vec<_> = signatures.iter().map(|it| (SIGNATURE, *it)).collect();
    request(POST, &headers, body)
}

fn by(key: &SigningKey, body: &[u8]) -> String {
    sign(&NotificationUrl::parse(URL).unwrap(), key, body)
}

async fn a_signed_event_is_kept_and_a_second_time_without_effect(db: TestDb) {
    let mut app = served(&db).await;
    let body = fixture("customer.created");

    let answer = app.deliver(&body).await;

    assert_eq!((answer.status, answer.body.as_str()), (200, "kept\n"));
    let after_once = app.other.customers();
    assert_eq!(app.other.inbox(), ["customer.created applied"]);
    assert_eq!(app.other.count("customers WHERE given_name = 'Ann'"), 1);

    assert_eq!(app.deliver(&body).await, answer);

    assert_eq!(app.other.customers(), after_once);
    assert_eq!(app.other.count("inbox"), 1);
    assert_eq!(app.other.count("changes"), 1);
}

async fn every_current_key_counts(db: TestDb) {
    let app = served(&db).await;
    let body = fixture("customer.created");

    for key in [KEY, OLD_KEY].map(key) {
        let answer = app.send(&with(&[&by(&key, &body)], &body)).await;
        assert_eq!(answer.status, 200);
    }
    let stranger = by(&key("another-key-entirely"), &body);
    assert_eq!(app.send(&with(&[&stranger], &body)).await.status, 403);
}

async fn refusals_are_all_alike_and_leave_only_a_count(db: TestDb) {
    let mut app = served(&db).await;
    let body = fixture("customer.created");
    let right = signature(&body);
    let sha1 = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let elsewhere = NotificationUrl::parse("https://example.com/webhooks/square/").unwrap();
    let of_another_url = sign(&elsewhere, &key(KEY), &body);
    let legacy = request(POST, &[("x-square-signature", sha1)], &body);
    let cases = [
        (with(&[], &body), "missing"),
        (with(&[&right, &right], &body), "doubled"),
        (with(&[&format!("{right}, {right}")], &body), "malformed"),
        (with(&[&right[..43]], &body), "malformed"),
        (with(&[&right[..40]], &body), "malformed"),
        (with(&[""], &body), "malformed"),
        (with(&[sha1], &body), "legacy_sha1"),
        (legacy, "legacy_sha1"),
        (with(&[&right], &[&body[..], b" "].concat()), "mismatch"),
        (with(&[&right.to_ascii_lowercase()], &body), "mismatch"),
        (with(&[&of_another_url], &body), "mismatch"),
    ];
    let first = app.send(&cases[0].0).await;
    assert_eq!(first.status, 403);

    for (bytes, reason) in &cases {
        let name = format!("squaresync_events_rejected_total{{reason=\"{reason}\"}}");
        let before = app.metric(&name).await.unwrap_or(0.0);

        assert_eq!(app.send(bytes).await, first, "{reason}");

        assert_eq!(app.metric(&name).await, Some(before + 1.0), "{reason}");
    }
    assert_eq!(
        app.metric("squaresync_events_received_total").await,
        Some(0.0)
    );
    for table in ["inbox", "images", "customers", "changes"] {
        assert_eq!(app.other.count(table), 0, "{table}");
    }
}

async fn bytes_that_claim_to_be_compressed_are_taken_as_they_are(db: TestDb) {
    let mut app = served(&db).await;
    let body = fixture("customer.created");
    // What gzip makes of nothing: ten bytes of head, an empty block, and its sums.
    let packed: [u8; 20] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let encoded = |signature: &str, body: &[u8]| {
        let headers = [(SIGNATURE, signature), ("content-encoding", "gzip")];
        request(POST, &headers, body)
    };

    let signed_as_packed = encoded(&signature(&packed), &packed);
    assert_eq!(app.send(&signed_as_packed).await.status, 200);
    let signed_as_unpacked = encoded(&signature(b""), &packed);
    assert_eq!(app.send(&signed_as_unpacked).await.status, 403);
    let not_packed_at_all = encoded(&signature(&body), &body);
    assert_eq!(app.send(&not_packed_at_all).await.status, 200);

    assert_eq!(app.other.inbox(), ["- dead", "customer.created applied"]);
}

async fn a_signed_body_that_cannot_be_read_is_kept_as_dead(db: TestDb) {
    let mut app = served(&db).await;
    let bodies: [&[u8]; 6] = [
        b"",
        b"Ann",
        b"{\"event_id\":\"\\u0000\"}",
        b"\xff\xfe",
        b"{\"event_id\":\"E\",\"merchant_id\":\"M\",\"type\":\"customer.created\",\"data\":[1]}",
        b"{\"event_id\":\"E\",\"merchant_id\":\"M\",\"type\":\"customer.created\",\"data\":\"\\ud800\"}",
    ];

    for body in bodies {
        app.take(body).await;
    }

    let reasons = app
        .other
        .count("inbox WHERE state = 'dead' AND reason <> ''");
    assert_eq!(reasons, bodies.len());
    let quoting = app.other.count("inbox WHERE reason LIKE '%Ann%'");
    assert_eq!(quoting, 0);
}
