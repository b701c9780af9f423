//! Servers that misbehave on purpose, and what the client makes of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use squaresync::domain::id::SquareId;
use squaresync::square::client::{ClientSettings, Square};
use squaresync::square::error::{Cause, SquareError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::played::{Played, ann, profile, settings, square};

fn impatient(url: &str) -> Square {
    Square::new(ClientSettings {
        total_timeout: Duration::from_millis(150),
        ..settings(url)
    })
    .unwrap()
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    // Connections are taken by the system, and nobody ever reads them.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let square = impatient(&format!("http://{}", silent.local_addr().unwrap()));

    let answer = square.create("{}").await;

    assert_eq!(answer, Err(SquareError::retry(Cause::Timeout)));
}

#[tokio::test]
async fn nobody_there_is_worth_another_try() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);

    let answer = square(&url).create("{}").await;

    assert_eq!(answer, Err(SquareError::retry(Cause::Connection)));
}

#[tokio::test]
async fn an_answer_cut_off_is_no_answer() {
    let cutting = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let square = square(&format!("http://{}", cutting.local_addr().unwrap()));
    let server = tokio::spawn(async move {
        let (mut caller, _) = cutting.accept().await.unwrap();
        let part = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"customer\":{}";
        caller.write_all(part).await.unwrap();
    });

    let answer = square.create("{}").await;

    server.await.unwrap();
    assert_eq!(answer, Err(SquareError::retry(Cause::Connection)));
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_doubles_no_write() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let square = square(&format!("http://{}", listener.local_addr().unwrap()));
    let (seen, served) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(AtomicUsize::new(0)),
    );
    let (bodies, connections) = (seen.clone(), served.clone());
    let server = tokio::spawn(async move {
        loop {
            let (mut caller, _) = listener.accept().await.unwrap();
            connections.fetch_add(1, Ordering::Relaxed);
            let Some(body) = read(&mut caller).await else {
                continue;
            };
            bodies.lock().unwrap().push(body);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n";
            let customer = br#"{"customer":{"id":"A","version":0}}     "#;
            caller
                .write_all(&[answer, &customer[..]].concat())
                .await
                .unwrap();
            // And that was all, though nothing of it was said.
        }
    });

    let mut taken = Vec::new();
    for number in 0..50 {
        let body = format!(r#"{{"number":{number}}}"#);
        match square.create(&body).await {
            Ok(_) => taken.push(body),
            Err(error) => assert_eq!(error, SquareError::retry(Cause::Connection)),
        }
    }

    server.abort();
    let mut seen = seen.lock().unwrap().clone();
    let written = seen.len();
    assert!(taken.iter().all(|body| seen.contains(body)));
    seen.dedup();
    assert_eq!(seen.len(), written, "nothing was written twice");
    assert!(!taken.is_empty() && 1 < served.load(Ordering::Relaxed));
}

/// The body of a request; none where the caller hung up first.
async fn read(caller: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut part = [0; 1024];
        let length = caller
            .read(&mut part)
            .await
            .ok()
            .filter(|length| 0 < *length)?;
        text.push_str(std::str::from_utf8(&part[..length]).unwrap());
        let whole = text.split_once("\r\n\r\n").and_then(|(head, body)| {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))?;
            (body.len() == length.parse::<usize>().unwrap()).then(|| body.to_owned())
        });
        if whole.is_some() {
            return whole;
        }
    }
}

#[tokio::test]
async fn an_endless_answer_is_given_up_early() {
    const CHUNK: usize = 64 * 1024;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let server = Played::new(move |_| {
        let counter = counter.clone();
        HttpResponse::Ok().streaming(stream::repeat_with(move || {
            counter.fetch_add(CHUNK, Ordering::Relaxed);
            Ok::<_, actix_web::Error>(Bytes::from_static(&[b' '; CHUNK]))
        }))
    })
    .await;

    let answer = square(&server.url).retrieve(&SquareId::new("A")).await;

    assert_eq!(answer, Err(SquareError::retry(Cause::Unreadable)));
    // What was sent and not taken waits in the buffers of the two sockets.
    assert!(sent.load(Ordering::Relaxed) < 64 * 1024 * 1024);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Played::new(|_| profile(0)).await;
    let target = elsewhere.url.clone();
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let server = Played::new(move |_| {
            HttpResponse::build(StatusCode::from_u16(status).unwrap())
                .insert_header(("location", target.as_str()))
                .json(json!({"customer": ann(0)}))
        })
        .await;

        let answer = square(&server.url).retrieve(&SquareId::new("A")).await;

        assert_eq!(answer, Err(SquareError::retry(Cause::Unreadable)));
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_page_of_html_is_not_believed() {
    let server = Played::new(|seen| {
        let html = include_str!("../../../fixtures/answers/gateway.html");
        let status = if seen.line.starts_with("GET") {
            404
        } else {
            200
        };
        HttpResponse::build(StatusCode::from_u16(status).unwrap()).body(html)
    })
    .await;
    let square = square(&server.url);

    let unreadable = SquareError::retry(Cause::Unreadable);
    assert_eq!(square.create("{}").await, Err(unreadable.clone()));
    assert_eq!(
        square.delete(&SquareId::new("A"), 0).await,
        Err(unreadable.clone())
    );
    assert_eq!(square.retrieve(&SquareId::new("A")).await, Err(unreadable));
}

#[tokio::test]
async fn a_busy_square_says_how_long_to_wait() {
    for (header, seconds) in [
        ("7", Some(7)),
        ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("99999999999", Some(900)),
        ("soon", None),
        ("-1", None),
    ] {
        let server = Played::new(move |_| {
            HttpResponse::TooManyRequests()
                .insert_header(("date", "Sun, 06 Nov 1994 08:49:37 GMT"))
                .insert_header(("retry-after", header))
                .json(json!({"errors": [{"category": "RATE_LIMIT_ERROR", "code": "RATE_LIMITED"}]}))
        })
        .await;

        let answer = square(&server.url).create("{}").await;

        let after = seconds.map(Duration::from_secs);
        let cause = Cause::RateLimited;
        assert_eq!(answer, Err(SquareError::Retry { after, cause }), "{header}");
    }
}
