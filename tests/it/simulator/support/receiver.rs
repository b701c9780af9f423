//! A subscriber that writes down what it is sent.

use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

/// What was sent.
#[derive(Clone)]
pub(in super::super) struct Received {
    headers: Vec<(String, String)>,
    pub(in super::super) body: String,
}

impl Received {
    pub(in super::super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

struct Book {
    status: u16,
    seen: Vec<Received>,
}

/// The subscriber.
pub(in super::super) struct Receiver {
    book: Arc<Mutex<Book>>,
    address: std::net::SocketAddr,
    handle: actix_web::dev::ServerHandle,
}

impl Receiver {
    pub(in super::super) fn start() -> Self {
        let book = Arc::new(Mutex::new(Book {
            status: 200,
            seen: Vec::new(),
        }));
        let data = web::Data::from(Arc::clone(&book));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(receive))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        drop(tokio::spawn(server));
        Self {
            book,
            address,
            handle,
        }
    }

    pub(in super::super) fn url(&self) -> String {
        format!("http://{}/webhooks/square", self.address)
    }

    /// What it answers from now on.
    pub(in super::super) fn answer(&self, status: u16) {
        self.book.lock().unwrap().status = status;
    }

    pub(in super::super) fn seen(&self) -> Vec<Received> {
        self.book.lock().unwrap().seen.clone()
    }

    pub(in super::super) fn forget(&self) {
        self.book.lock().unwrap().seen.clear();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn receive(
    request: HttpRequest,
    body: web::Bytes,
    book: web::Data<Mutex<Book>>,
) -> HttpResponse {
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value)));
    let mut book = book.lock().unwrap();
    book.seen.push(Received {
        headers: headers.collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let status = StatusCode::from_u16(book.status).unwrap();
    let location = ("location", "http://127.0.0.1:9/");
    HttpResponse::build(status).insert_header(location).finish()
}
