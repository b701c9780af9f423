//! What never gets as far as a signature: wrong methods and places, bodies too
//! large or too slow, and requests that two readers might take for different ones.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::served::{POST, SELLER, SIGNATURE, Served, served, signature, signed};
use super::wire::{ask, request, talk};
use crate::support::{Kind, TestDb, each};

const LARGEST: usize = 1 << 20;

/// Nothing here depends on the database.
macro_rules! on_one_database {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $test() {
                super::each::run(super::Kind::Sqlite, super::$test);
            })+
        }
    };
}

on_one_database! {
    only_posts_are_taken_and_other_places_are_empty,
    a_body_up_to_a_mebibyte_is_taken_and_no_byte_more,
    a_body_that_comes_too_slowly_is_refused,
    a_body_that_is_cut_off_leaves_nothing,
    a_request_that_could_be_two_is_refused,
    a_head_that_is_too_large_is_refused,
    a_server_that_is_stopped_answers_what_it_has,
}

async fn only_posts_are_taken_and_other_places_are_empty(db: TestDb) {
    let app = served(&db).await;

    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let answer = app
            .send(&request(&format!("{method} /webhooks/square"), &[], b""))
            .await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("post")),
            "{method}"
        );
    }
    for path in ["/metrics", "/health/live", "/health/ready", "/"] {
        let answer = app.send(&request(&format!("POST {path}"), &[], b"")).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("get, head")),
            "{path}"
        );
    }
    for line in [
        "POST /webhooks/square/",
        "POST //webhooks/square",
        "POST /webhooks/square%00",
        "GET /metrics/..",
        "GET /x",
    ] {
        assert_eq!(
            app.send(&request(line, &[], b"")).await.status,
            404,
            "{line}"
        );
    }
}

async fn a_body_up_to_a_mebibyte_is_taken_and_no_byte_more(db: TestDb) {
    let app = served(&db).await;
    let mut body = vec![b' '; LARGEST];

    app.take(&body).await;
    body.push(b' ');
    assert_eq!(app.deliver(&body).await.status, 413);

    // Declared, and refused before any of it is sent.
    let head = format!(
        "{POST} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        LARGEST + 1
    );
    assert_eq!(ask(app.address, head.as_bytes()).await.status, 413);

    // Not declared, and refused once it is too much.
    let chunk = [b"10000\r\n", vec![b' '; 0x10000].as_slice(), b"\r\n"].concat();
    let head = format!(
        "{POST} HTTP/1.1\r\nhost: x\r\n{SIGNATURE}: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        signature(&body)
    );
    let endless = [head.as_bytes(), &chunk.repeat(17)].concat();
    assert_eq!(ask(app.address, &endless).await.status, 413);
    let reason = "squaresync_events_rejected_total{reason=\"too_large\"}";
    assert_eq!(app.metric(reason).await, Some(3.0));
}

async fn a_body_that_comes_too_slowly_is_refused(db: TestDb) {
    let app = Served::new(&db, Duration::from_millis(100), None).await;
    app.meet(SELLER).await;
    let whole = signed(b"{}");

    let answer = ask(app.address, &whole[..whole.len() - 1]).await;

    assert_eq!(answer.status, 408);
    assert_eq!(answer.header("connection"), Some("close"));
    // One that says of no byte whether it is the last, here and where no body is wanted.
    let endless = "HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    for (line, status) in [
        (POST, 408),
        ("GET /webhooks/square", 405),
        ("POST /x", 404),
        ("GET /health/live", 200),
        ("HEAD /health/live", 200),
    ] {
        let answer = ask(app.address, format!("{line} {endless}").as_bytes()).await;
        assert_eq!(answer.status, status, "{line}");
    }
    let reason = "squaresync_events_rejected_total{reason=\"too_slow\"}";
    assert_eq!(app.metric(reason).await, Some(2.0));
    app.take(b"{}").await;
}

async fn a_body_that_is_cut_off_leaves_nothing(db: TestDb) {
    let mut app = served(&db).await;
    let whole = signed(b"{}");
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(&whole[..whole.len() - 1]).await.unwrap();
    drop(stream);

    let reason = "squaresync_events_rejected_total{reason=\"cut_off\"}";
    while app.metric(reason).await.is_none() {}

    assert_eq!(app.other.count("inbox"), 0);
}

async fn a_request_that_could_be_two_is_refused(db: TestDb) {
    let app = served(&db).await;
    let inner = String::from_utf8(request("GET /health/live", &[], b"")).unwrap();
    for headers in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "content-length: 4\r\ncontent-length: 5",
        "content-length: +4",
        "transfer-encoding: xchunked",
        "transfer-encoding: chunked, identity",
        "transfer-encoding : chunked",
    ] {
        let bytes = format!("{POST} HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n0\r\n\r\n{inner}");

        let said = talk(app.address, bytes.as_bytes()).await;

        assert!(said.starts_with("HTTP/1.1 400 "), "{headers}: {said}");
        assert_eq!(said.matches("HTTP/1.1").count(), 1, "{headers}: {said}");
    }
}

async fn a_head_that_is_too_large_is_refused(db: TestDb) {
    let app = served(&db).await;
    let long = "x".repeat(200_000);
    let many = vec![("x", "y"); 200];

    for bytes in [
        request(POST, &[("x", &long)], b""),
        request(POST, &many, b""),
    ] {
        assert_eq!(app.send(&bytes).await.status, 431);
    }
}

async fn a_server_that_is_stopped_answers_what_it_has(db: TestDb) {
    let app = served(&db).await;
    app.take(b"{}").await;

    app.stop.gracefully().await;

    TcpStream::connect(app.address).await.unwrap_err();
}
