//! The client over real HTTP: what it sends, and what it makes of answers.

mod bulk;
mod events;
mod faults;
pub(crate) mod played;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::HttpResponse;
use chrono::DateTime;
use serde_json::{Value, json};
use squaresync::domain::id::SquareId;
use squaresync::domain::window::Window;
use squaresync::square::client::{AccessToken, By, ClientSettings, FindBy, SearchQuery, Square};
use squaresync::square::error::SquareError;

use crate::client::played::{Played, TOKEN, ann, profile, refusal, settings, square};

fn first_page() -> SearchQuery {
    let at = |second| DateTime::from_timestamp(second, 123_456_789).unwrap();
    SearchQuery::first(
        By::UpdatedAt,
        Window {
            start: at(1_000_000_000),
            end: at(1_000_000_060),
        },
    )
}

#[tokio::test]
async fn every_request_names_token_version_and_program_and_encodes_ids() {
    let server = Played::new(|seen| match &seen.line[..6] {
        "DELETE" => HttpResponse::Ok().json(json!({})),
        _ => profile(3),
    })
    .await;
    // A path before Square's own, and a slash behind it, both stay out of the way.
    let square = square(&format!("{}/proxy/", server.url));
    let id = SquareId::new("A/../B?x=1#%2F é");

    square.retrieve(&id).await.unwrap();
    square.update(&id, r#"{"note":null}"#).await.unwrap();
    square.create(r#"{"given_name":"Ann"}"#).await.unwrap();
    square.delete(&id, 3).await.unwrap();

    let seen = server.seen();
    let encoded = "A%2F..%2FB%3Fx=1%23%252F%20%C3%A9";
    let lines: Vec<&str> = seen.iter().map(|one| one.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            &format!("GET /proxy/v2/customers/{encoded}"),
            &format!("PUT /proxy/v2/customers/{encoded}"),
            "POST /proxy/v2/customers",
            &format!("DELETE /proxy/v2/customers/{encoded}?version=3"),
        ]
    );
    assert_eq!(seen[1].body, r#"{"note":null}"#);
    for one in seen {
        assert_eq!(one.token, format!("Bearer {TOKEN}"));
        assert_eq!(one.version, "2025-08-20");
        assert_eq!(one.agent, concat!("squaresync/", env!("CARGO_PKG_VERSION")));
    }
}

#[tokio::test]
async fn an_id_that_would_leave_its_path_is_never_asked_for() {
    let server = Played::new(|_| profile(0)).await;
    let square = square(&server.url);

    for id in ["", ".", ".."] {
        let answer = square.retrieve(&SquareId::new(id)).await;
        assert_eq!(answer.unwrap_err().label(), "refused");
    }

    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn each_page_is_asked_for_with_the_whole_question() {
    let server = Played::new(|seen| {
        let cursor = if seen.body.contains("\"cursor\"") {
            ""
        } else {
            "next"
        };
        HttpResponse::Ok()
            .insert_header(("date", "Sun, 06 Nov 1994 08:49:37 GMT"))
            .json(json!({"customers": [ann(1), {"id": "B"}], "cursor": cursor, "count": 250}))
    })
    .await;
    let square = square(&server.url);
    let query = SearchQuery {
        count: true,
        ..first_page()
    };

    let first = square.search(&query).await.unwrap();
    let again = SearchQuery {
        cursor: first.cursor.clone(),
        ..query
    };
    let last = square.search(&again).await.unwrap();

    assert_eq!(first.cursor.as_deref(), Some("next"));
    assert_eq!(first.customers[0].as_ref().unwrap().version(), 1);
    assert!(first.customers[1].is_err());
    assert_eq!(first.count, Some(250));
    assert_eq!(first.now.unwrap().to_rfc3339(), "1994-11-06T08:49:37+00:00");
    assert_eq!(last.cursor, None);
    let bodies: Vec<Value> = server
        .seen()
        .iter()
        .map(|one| serde_json::from_str(&one.body).unwrap())
        .collect();
    let mut expected = json!({
        "limit": 100,
        "count": true,
        "query": {
            "filter": {"updated_at": {
                "start_at": "2001-09-09T01:46:40.123Z",
                "end_at": "2001-09-09T01:47:40.123Z",
            }},
            "sort": {"field": "CREATED_AT", "order": "ASC"},
        },
    });
    assert_eq!(bodies[0], expected);
    expected["cursor"] = json!("next");
    assert_eq!(bodies[1], expected);
}

#[tokio::test]
async fn an_empty_object_is_an_empty_last_page() {
    let server = Played::new(|_| HttpResponse::Ok().json(json!({}))).await;

    for (by, value, field) in [
        (FindBy::Reference, "row-1", "reference_id"),
        (FindBy::Email, "ann@example.com", "email_address"),
        (FindBy::Phone, "+12125554240", "phone_number"),
    ] {
        let found = square(&server.url).find(by, value).await.unwrap();

        assert!(found.is_empty());
        let body: Value = serde_json::from_str(&server.seen().last().unwrap().body).unwrap();
        assert_eq!(
            body,
            json!({"query": {"filter": {field: {"exact": value}}}})
        );
    }
}

#[tokio::test]
async fn a_customer_is_looked_for_on_every_page_and_none_that_is_unreadable_is_passed_over() {
    let server = Played::new(|request| {
        HttpResponse::Ok().json(if request.body.contains("cursor") {
            json!({"customers": [{"id": "A", "version": 0}]})
        } else {
            json!({"cursor": "next"})
        })
    })
    .await;
    let found = square(&server.url).find(FindBy::Reference, "row-1").await;
    assert_eq!(found.unwrap().len(), 1);

    let bad = json!({"customers": [{"id": "A", "version": 0}, {"id": "B"}]});
    let server = Played::new(move |_| HttpResponse::Ok().json(&bad)).await;
    let found = square(&server.url).find(FindBy::Reference, "row-1").await;
    assert!(matches!(found, Err(SquareError::Retry { .. })), "{found:?}");

    let endless = json!({"cursor": "next"});
    let server = Played::new(move |_| HttpResponse::Ok().json(&endless)).await;
    let found = square(&server.url).find(FindBy::Reference, "row-1").await;
    assert!(matches!(found, Err(SquareError::Retry { .. })), "{found:?}");
}

#[tokio::test]
async fn a_token_s_status_is_read_with_and_without_an_end() {
    for (expires_at, expected) in [
        (
            json!("2026-10-14T14:44:00Z"),
            Some("2026-10-14T14:44:00+00:00"),
        ),
        (json!(""), None),
        (Value::Null, None),
    ] {
        let server = Played::new(move |_| {
            HttpResponse::Ok().json(json!({
                "client_id": "C", "merchant_id": "M", "scopes": ["CUSTOMERS_READ"], "expires_at": expires_at,
            }))
        })
        .await;

        let status = square(&server.url).token_status().await.unwrap();

        assert_eq!(server.seen()[0].line, "POST /oauth2/token/status");
        assert_eq!(status.merchant_id.as_str(), "M");
        assert_eq!(status.scopes, ["CUSTOMERS_READ"]);
        let end = status.expires_at.map(|end| end.to_rfc3339());
        assert_eq!(end.as_deref(), expected);
    }
}

#[tokio::test]
async fn a_refused_token_stops_all_calls_of_all_clones() {
    let server =
        Played::new(|_| refusal(401, "AUTHENTICATION_ERROR", "ACCESS_TOKEN_REVOKED")).await;
    let square = square(&server.url);
    let clone = square.clone();

    let refused = SquareError::NotAuthorised {
        code: "ACCESS_TOKEN_REVOKED".to_owned(),
    };
    assert_eq!(square.refusal(), None);
    assert_eq!(square.search(&first_page()).await, Err(refused.clone()));
    assert_eq!(clone.create("{}").await, Err(refused.clone()));
    assert_eq!(square.token_status().await, Err(refused));

    assert_eq!(server.seen().len(), 1);
    assert_eq!(clone.refusal().as_deref(), Some("ACCESS_TOKEN_REVOKED"));
}

#[tokio::test]
async fn after_the_pause_a_call_is_let_through_and_its_success_ends_the_refusal() {
    let asked = AtomicUsize::new(0);
    let server = Played::new(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => refusal(403, "AUTHENTICATION_ERROR", "INSUFFICIENT_SCOPES"),
        _ => profile(1),
    })
    .await;
    let square = Square::new(ClientSettings {
        authorization_pause: Duration::ZERO,
        ..settings(&server.url)
    })
    .unwrap();

    assert!(square.create("{}").await.is_err());
    assert_eq!(square.refusal().as_deref(), Some("INSUFFICIENT_SCOPES"));
    assert!(square.create("{}").await.is_ok());
    assert_eq!(square.refusal(), None);
}

#[tokio::test]
async fn calls_are_counted_by_how_they_ended() {
    let server = Played::new(|seen| match seen.line.split(' ').next() {
        Some("GET") => refusal(404, "INVALID_REQUEST_ERROR", "NOT_FOUND"),
        Some("PUT") => refusal(409, "INVALID_REQUEST_ERROR", "CONFLICT"),
        _ => profile(0),
    })
    .await;
    let square = square(&server.url);
    let id = SquareId::new("A");

    square.create("{}").await.unwrap();
    assert_eq!(square.retrieve(&id).await, Err(SquareError::NotFound));
    assert_eq!(square.update(&id, "{}").await, Err(SquareError::Stale));
    assert_eq!(square.update(&id, "{}").await, Err(SquareError::Stale));

    let counted: Vec<_> = square.calls().into_iter().filter(|(_, n)| 0 < *n).collect();
    assert_eq!(counted, [("ok", 1), ("stale", 2), ("not_found", 1)]);
}

#[test]
fn nothing_that_is_printed_shows_the_token() {
    let settings = settings("https://connect.squareupsandbox.com");
    let shown = format!("{settings:?} {:?}", Square::new(settings.clone()).unwrap());

    assert!(!shown.contains(TOKEN), "{shown}");
    for bad in ["", "two words", "line\nbreak", "ä"] {
        assert!(AccessToken::parse(bad).is_err(), "{bad:?}");
    }
    assert!(Square::new(ClientSettings::new("http://example.com", settings.token)).is_err());
}
