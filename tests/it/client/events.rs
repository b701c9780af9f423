//! The list of events, and that a refusal of it is no refusal of anything else.

use actix_web::HttpResponse;
use chrono::DateTime;
use serde_json::{Value, json};
use squaresync::domain::id::{MerchantId, SquareId};
use squaresync::domain::window::Window;
use squaresync::square::client::{EventQuery, Square};
use squaresync::square::error::{Cause, SquareError};

use crate::client::played::{Played, profile, refusal, square};

fn first_page() -> EventQuery {
    let at = |second| DateTime::from_timestamp(second, 123_456_789).unwrap();
    let window = Window {
        start: at(1_000_000_000),
        end: at(1_000_000_060),
    };
    EventQuery::first(MerchantId::new("M"), window)
}

/// How a client ends that asked once for events and once for a profile.
async fn after(answer: impl Fn() -> HttpResponse + Send + Sync + 'static) -> (SquareError, Square) {
    let server = Played::new(move |seen| match seen.line.contains("/v2/events") {
        true => answer(),
        false => profile(0),
    })
    .await;
    let square = square(&server.url);
    let error = square.search_events(&first_page()).await.unwrap_err();
    assert_eq!(square.refusal(), None, "{error}");
    assert!(square.retrieve(&SquareId::new("A")).await.is_ok());
    assert_eq!(server.seen().len(), 2);
    (error, square)
}

#[tokio::test]
async fn a_page_is_asked_for_whole_and_each_event_stays_as_it_was_written() {
    let page = r#"{"events":[ {"event_id" : "1"},"\ud800",null],"metadata":[],"cursor":"c"}"#;
    let server = Played::new(move |_| HttpResponse::Ok().body(page)).await;
    let square = square(&server.url);
    let mut query = first_page();

    let page = square.search_events(&query).await.unwrap();
    query.cursor = page.cursor.clone();
    square.search_events(&query).await.unwrap();

    let texts: Vec<String> = page.events.into_iter().map(|it| it.into_body()).collect();
    assert_eq!(texts, [r#"{"event_id" : "1"}"#, r#""\ud800""#, "null"]);
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /v2/events");
    let mut sent: Value = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(sent["cursor"], "c");
    sent.as_object_mut().unwrap().remove("cursor");
    assert_eq!(sent, serde_json::from_str::<Value>(&seen[0].body).unwrap());
    assert_eq!(
        sent,
        json!({"limit": 100, "query": {
            "filter": {
                "event_types": ["customer.created", "customer.updated", "customer.deleted"],
                "merchant_ids": ["M"],
                "created_at": {"start_at": "2001-09-09T01:46:40.123Z", "end_at": "2001-09-09T01:47:40.123Z"},
            },
            "sort": {"field": "DEFAULT", "order": "ASC"},
        }})
    );
}

#[tokio::test]
async fn a_refusal_holds_back_no_other_call() {
    for (status, category, code, is_token) in [
        (400, "INVALID_REQUEST_ERROR", "BAD_REQUEST", false),
        (404, "INVALID_REQUEST_ERROR", "NOT_FOUND", false),
        (401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", true),
        (403, "AUTHENTICATION_ERROR", "FORBIDDEN", true),
    ] {
        let (error, square) = after(move || refusal(status, category, code)).await;

        let expected = SquareError::Unavailable {
            code: code.to_owned(),
            to_token: is_token,
        };
        assert_eq!(error, expected);
        let counted: Vec<_> = square.calls().into_iter().filter(|(_, n)| 0 < *n).collect();
        assert_eq!(counted, [("ok", 1), ("unavailable", 1)]);
    }
}

#[tokio::test]
async fn trouble_that_passes_is_worth_another_try() {
    for (status, code, cause) in [
        (429, "RATE_LIMITED", Cause::RateLimited),
        (500, "INTERNAL_SERVER_ERROR", Cause::Server),
        (503, "SERVICE_UNAVAILABLE", Cause::Server),
    ] {
        let (error, _) = after(move || refusal(status, "API_ERROR", code)).await;
        assert_eq!(error, SquareError::retry(cause));
    }
    for odd in [r#"{"events":{}}"#, r#"{"events":[],"cursor":1}"#, "<html>"] {
        let (error, _) = after(move || HttpResponse::Ok().body(odd)).await;
        assert_eq!(error, SquareError::retry(Cause::Unreadable), "{odd}");
    }
}

#[tokio::test]
async fn an_old_cursor_is_told_from_a_refusal() {
    for code in ["INVALID_CURSOR", "BAD_REQUEST"] {
        let server = Played::new(move |_| refusal(400, "INVALID_REQUEST_ERROR", code)).await;
        let mut query = first_page();
        query.cursor = Some("old".to_owned());

        let answer = square(&server.url).search_events(&query).await;

        assert_eq!(answer, Err(SquareError::CursorDead));
    }
}

#[tokio::test]
async fn while_the_token_is_refused_it_never_takes_the_place_of_another_call() {
    let server = Played::new(|_| refusal(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED")).await;
    let settings = squaresync::square::client::ClientSettings {
        authorization_pause: std::time::Duration::ZERO,
        ..crate::client::played::settings(&server.url)
    };
    let square = Square::new(settings).unwrap();
    assert!(square.retrieve(&SquareId::new("A")).await.is_err());

    let answer = square.search_events(&first_page()).await;

    let code = "UNAUTHORIZED".to_owned();
    assert_eq!(answer, Err(SquareError::NotAuthorised { code }));
    assert_eq!(server.seen().len(), 1);
    assert!(square.retrieve(&SquareId::new("A")).await.is_err());
    assert_eq!(server.seen().len(), 2);
}
