//! A server that answers as a test tells it and remembers what it was asked.

use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use serde_json::{Value, json};
use squaresync::square::client::{AccessToken, ClientSettings, Square};

pub(crate) const TOKEN: &str = "a-token-nobody-may-see";

/// One request as a server got it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) token: String,
    pub(crate) version: String,
    pub(crate) agent: String,
    pub(crate) body: String,
}

/// A server that answers as told and remembers what it was asked.
pub(crate) struct Played {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Played {
    pub(crate) async fn new(
        answer: impl Fn(&Seen) -> HttpResponse + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, memory) = (Arc::new(answer), seen.clone());
        let server = HttpServer::new(move || {
            let (answer, memory) = (answer.clone(), memory.clone());
            App::new().default_service(web::to(move |request: HttpRequest, body: Bytes| {
                let seen = note(&request, &body);
                memory.lock().unwrap().push(seen.clone());
                std::future::ready(answer(&seen))
            }))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { url, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn note(request: &HttpRequest, body: &Bytes) -> Seen {
    let header = |name| {
        let value = request.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    Seen {
        line: format!("{} {}", request.method(), request.uri()),
        token: header("authorization"),
        version: header("square-version"),
        agent: header("user-agent"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

pub(crate) fn settings(url: &str) -> ClientSettings {
    ClientSettings {
        is_paced: false,
        ..ClientSettings::new(url, AccessToken::parse(TOKEN).unwrap())
    }
}

pub(crate) fn square(url: &str) -> Square {
    Square::new(settings(url)).unwrap()
}

pub(crate) fn ann(version: i64) -> Value {
    json!({"id": "A", "version": version, "given_name": "Ann"})
}

pub(crate) fn profile(version: i64) -> HttpResponse {
    HttpResponse::Ok().json(json!({"customer": ann(version)}))
}

pub(crate) fn refusal(status: u16, category: &str, code: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(status).unwrap())
        .json(json!({"errors": [{"category": category, "code": code}]}))
}
