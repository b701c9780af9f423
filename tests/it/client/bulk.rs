//! Many customers asked for at once: gone is only who is clearly said to be.

use actix_web::HttpResponse;
use serde_json::{Value, json};
use squaresync::domain::id::SquareId;
use squaresync::square::client::{AccessToken, ClientSettings, Retrieved, Square};
use squaresync::square::error::{Cause, SquareError};
use squaresync::square::simulator::{Fault, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::client::played::{Played, ann, refusal, square};

fn ids<const N: usize>(ids: [&str; N]) -> Vec<SquareId> {
    ids.map(SquareId::new).to_vec()
}

fn simulated() -> (Simulator, Square) {
    let simulator = Simulator::start(crate::support::app::options()).unwrap();
    let token = AccessToken::parse(&simulator.token).unwrap();
    let client = Square::new(ClientSettings::new(simulator.url(), token)).unwrap();
    (simulator, client)
}

/// What is made of the answer for one id.
async fn read(answer: Value) -> Retrieved {
    let server = Played::new(move |_| {
        HttpResponse::Ok().json(json!({"responses": {"A": answer, "B": {"customer": ann(1)}}}))
    })
    .await;
    let answers = square(&server.url)
        .bulk_retrieve(&ids(["A", "B"]))
        .await
        .unwrap();
    assert!(matches!(&answers[1], (id, Retrieved::Profile(_)) if id.as_str() == "B"));
    answers.into_iter().next().unwrap().1
}

#[tokio::test]
async fn each_id_has_its_answer_in_order() {
    let (simulator, client) = simulated();
    let ann = simulator.create(&json!({"given_name": "Ann"}));
    let bob = simulator.create(&json!({"given_name": "Bob"}));
    let bert = simulator.create(&json!({"given_name": "Bert"}));
    let both = simulator.merge(&[&bob, &bert]).unwrap();

    let asked = ids([&bob, "NOBODY", &ann]);
    let answers = client.bulk_retrieve(&asked).await.unwrap();

    let told: Vec<SquareId> = answers.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(told, asked);
    let shown: Vec<String> = answers
        .iter()
        .map(|(_, answer)| match answer {
            Retrieved::Profile(profile) => profile.id().to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(shown, [both, "NotFound".to_owned(), ann]);
    assert_eq!(client.bulk_retrieve(&[]).await, Ok(Vec::new()));
    assert_eq!(simulator.calls().len(), 1);
}

#[tokio::test]
async fn a_missing_key_is_nothing_known() {
    let (simulator, client) = simulated();
    simulator.faults(|faults| faults.next(Fault::MissingBulkKey, 1));

    let answers = client.bulk_retrieve(&ids(["A", "B", "C"])).await.unwrap();

    assert_eq!(simulator.fired(Fault::MissingBulkKey), 1);
    let count = |wanted| answers.iter().filter(|(_, it)| *it == wanted).count();
    assert_eq!(count(Retrieved::NotFound), 2);
    assert_eq!(count(Retrieved::Unknown), 1);
}

#[tokio::test]
async fn only_a_clear_word_about_this_id_says_that_it_is_gone() {
    let error = |category: &str, code: &str| json!({"category": category, "code": code});
    let missing = error("INVALID_REQUEST_ERROR", "NOT_FOUND");
    let limited = error("RATE_LIMIT_ERROR", "RATE_LIMITED");

    let gone = read(json!({ "errors": [missing] })).await;
    assert_eq!(gone, Retrieved::NotFound);
    let null = read(json!({"customer": null, "errors": [missing]})).await;
    assert_eq!(null, Retrieved::NotFound);
    for unclear in [
        Value::Null,
        json!("NOT_FOUND"),
        json!({}),
        json!({"errors": []}),
        json!({ "errors": missing }),
        json!({ "errors": [limited] }),
        json!({"errors": [missing, limited]}),
        json!({ "errors": [error("API_ERROR", "NOT_FOUND")] }),
        json!({ "errors": [error("AUTHENTICATION_ERROR", "UNAUTHORIZED")] }),
        json!({ "errors": [error("INVALID_REQUEST_ERROR", "BAD_REQUEST")] }),
        json!({"customer": ann(1), "errors": [missing]}),
        json!({"customer": {"id": "A"}}),
        json!({"customer": []}),
    ] {
        assert_eq!(read(unclear.clone()).await, Retrieved::Unknown, "{unclear}");
    }
}

#[tokio::test]
async fn a_profile_that_no_text_can_hold_spoils_no_other() {
    let server = Played::new(|_| {
        HttpResponse::Ok().content_type("application/json").body(
            r#"{"responses":{"A":{"customer":{"id":"A","version":1,"note":"\ud800"}},
                "B":{"errors":[{"category":"INVALID_REQUEST_ERROR","code":"NOT_FOUND"}]}}}"#,
        )
    })
    .await;

    let answers = square(&server.url).bulk_retrieve(&ids(["A", "B"])).await;

    let answers = answers.unwrap().into_iter().map(|(_, answer)| answer);
    let expected = [Retrieved::Unknown, Retrieved::NotFound];
    assert_eq!(answers.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_call_that_fails_says_nothing_of_anybody() {
    let (simulator, client) = simulated();
    for (fault, cause) in [
        (Fault::RateLimited, Cause::RateLimited),
        (Fault::OldStyleError, Cause::RateLimited),
        (Fault::InternalError, Cause::Server),
        (Fault::HtmlUnavailable, Cause::Server),
        (Fault::Reset, Cause::Connection),
    ] {
        simulator.faults(|faults| faults.next(fault, 1));
        let answer = client.bulk_retrieve(&ids(["A"])).await;
        assert_eq!(answer, Err(SquareError::retry(cause)), "{fault}");
        assert_eq!(simulator.fired(fault), 1);
    }

    let server = Played::new(|_| refusal(404, "INVALID_REQUEST_ERROR", "NOT_FOUND")).await;
    let answer = square(&server.url).bulk_retrieve(&ids(["A"])).await;
    assert_eq!(answer, Err(SquareError::NotFound));
    for body in [json!({}), json!({"responses": []})] {
        let server = Played::new(move |_| HttpResponse::Ok().json(body.clone())).await;
        let answer = square(&server.url).bulk_retrieve(&ids(["A"])).await;
        assert_eq!(answer, Err(SquareError::retry(Cause::Unreadable)));
    }
}

#[tokio::test]
async fn an_answer_cut_short_says_nothing_of_anybody() {
    let whole = r#"{"responses":{"A":{"errors":[{"code":"NOT_FOUND","category":"INVALID_REQUEST_ERROR"}]}}}"#;
    for (part, promised, cause) in [
        (40, 40, Cause::Unreadable),
        (whole.len() - 1, whole.len() - 1, Cause::Unreadable),
        (40, whole.len(), Cause::Connection),
    ] {
        let cutting = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", cutting.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut caller, _) = cutting.accept().await.unwrap();
            let mut asked = [0; 4096];
            assert_ne!(caller.read(&mut asked).await.unwrap(), 0);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {promised}\r\n\r\n");
            caller.write_all(head.as_bytes()).await.unwrap();
            caller.write_all(&whole.as_bytes()[..part]).await.unwrap();
        });

        let answer = square(&url).bulk_retrieve(&ids(["A"])).await;

        server.await.unwrap();
        assert_eq!(answer, Err(SquareError::retry(cause)), "{part}");
    }
}
