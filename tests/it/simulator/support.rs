//! A simulator with a clock of its own, and a client that speaks to it.

mod receiver;

use std::time::Duration;

use chrono::DateTime;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use squaresync::square::simulator::{Clock, Options, Simulator, Webhook};

pub(super) use receiver::Receiver;

/// A simulator and its client.
pub(super) struct Square {
    pub(super) simulator: Simulator,
    pub(super) client: reqwest::Client,
}

/// Options whose clock stands still, and whose index does not lag.
pub(super) fn options() -> Options {
    let start = DateTime::parse_from_rfc3339("2026-03-02T10:15:30.400Z").unwrap();
    Options {
        clock: Clock::manual(start.to_utc()),
        index_lag: Duration::ZERO,
        webhook: Some(Webhook {
            notification_url: "https://example.com/webhook".to_owned(),
            post_to: None,
            keys: vec!["asdf1234".to_owned()],
        }),
        ..Options::default()
    }
}

impl Square {
    pub(super) fn new() -> Self {
        Self::with(options())
    }

    pub(super) fn with(options: Options) -> Self {
        let simulator = Simulator::start(options).unwrap();
        Self {
            simulator,
            // The simulator has installed the provider that this needs.
            client: reqwest::Client::new(),
        }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.simulator.url());
        let request = self.client.request(method, url);
        request.bearer_auth(&self.simulator.token)
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(Method::POST, path).json(body);
        read(request.send().await.unwrap()).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(Method::PUT, path).json(body);
        read(request.send().await.unwrap()).await
    }

    pub(super) async fn delete(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::DELETE, path).send().await.unwrap()).await
    }

    /// Makes a customer over the API and returns it.
    pub(super) async fn made(&self, body: Value) -> Value {
        let (status, answer) = self.post("/v2/customers", &body).await;
        assert_eq!(status, 200, "{answer}");
        answer["customer"].clone()
    }

    pub(super) async fn search(&self, body: Value) -> (u16, Value) {
        self.post("/v2/customers/search", &body).await
    }

    /// The given names that a search finds, over all its pages.
    pub(super) async fn found(&self, mut body: Value) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            let (status, page) = self.search(body.clone()).await;
            assert_eq!(status, 200, "{page}");
            names.extend(given_names(&page));
            match page.get("cursor") {
                Some(cursor) => body["cursor"] = cursor.clone(),
                None => return names,
            }
        }
    }
}

pub(super) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

pub(super) fn given_names(page: &Value) -> Vec<String> {
    let customers = page["customers"].as_array().cloned().unwrap_or_default();
    let name = |it: &Value| it["given_name"].as_str().unwrap_or_default().to_owned();
    customers.iter().map(name).collect()
}

/// `CODE field` of the first error.
pub(super) fn error(answer: &Value) -> String {
    let error = &answer["errors"][0];
    assert!(error["category"].is_string(), "{answer}");
    let part = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}", part("code"), part("field"))
        .trim()
        .to_owned()
}

/// By when a customer was made, oldest first.
pub(super) fn oldest_first() -> Value {
    json!({ "sort": { "field": "CREATED_AT", "order": "ASC" } })
}

/// Ann, Bob and Cleo, made one minute apart.
pub(super) async fn three() -> Square {
    let square = Square::new();
    for (name, more) in [
        (
            "Cleo",
            json!({ "email_address": "Cleo.Cook@Example.com", "reference_id": "Row-1 a" }),
        ),
        ("Bob", json!({ "phone_number": "(206) 555-0101" })),
        ("Ann", json!({ "phone_number": "+44 20 7946 0000" })),
    ] {
        let mut body = more;
        body["given_name"] = json!(name);
        square.made(body).await;
        square.simulator.advance(Duration::from_secs(60));
    }
    let source = json!({ "given_name": "Dora", "creation_source": "IMPORT" });
    square.simulator.create(&source);
    square
}
