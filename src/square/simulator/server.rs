//! The simulator's HTTP: sockets in, answers out.
//!
//! Everything that is decided is decided in [`api`]; here requests
//! are taken apart and answers put together, with Square's `Date`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::stream;

use super::api::{self, Reply, Request};
use super::door;
use super::post;
use super::shared::Shared;

/// The largest body that is read.
const LARGEST_BODY: usize = 4 << 20;

/// A server in a thread of its own.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) address: SocketAddr,
    pub(super) handle: ServerHandle,
}

/// Binds and serves.
pub(super) fn start(shared: &Arc<Shared>) -> io::Result<Serving> {
    let (listen, workers, deliver) = {
        let state = shared.lock();
        let options = &state.options;
        (options.listen, options.workers, options.deliver)
    };
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let client = match deliver {
        true => Some(post::client().map_err(io::Error::other)?),
        false => None,
    };
    let (started, running) = mpsc::channel();
    let shared = Arc::clone(shared);
    std::thread::Builder::new()
        .name("simulator".to_owned())
        .spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                if let Some(client) = client {
                    actix_web::rt::spawn(post::run(Arc::clone(&shared), client));
                }
                match serve(shared, listener, workers) {
                    Ok(server) => {
                        started.send(Ok(server.handle())).ok();
                        server.await.ok();
                    }
                    Err(error) => {
                        started.send(Err(error)).ok();
                    }
                }
            });
        })?;
    let handle = running.recv().map_err(io::Error::other)??;
    Ok(Serving { address, handle })
}

fn serve(shared: Arc<Shared>, listener: TcpListener, workers: usize) -> io::Result<Server> {
    let shared = web::Data::from(shared);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(LARGEST_BODY))
            .route("/simulator/merge", web::post().to(door::merge))
            .route("/simulator/state", web::get().to(door::state))
            .default_service(web::to(handle))
    });
    let server = server
        .workers(workers.max(1))
        .keep_alive(Duration::from_secs(75))
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

async fn handle(request: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let latency = shared.lock().faults.latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    if shared.lock().is_stopped {
        return closed();
    }
    let body = String::from_utf8_lossy(&body);
    let reply = api::answer(
        &mut shared.lock(),
        Request {
            method: request.method().as_str(),
            path: request.path(),
            query: request.query_string(),
            authorization: text(request.headers(), "authorization"),
            square_version: text(request.headers(), "square-version"),
            body: &body,
        },
    );
    respond(reply)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn respond(reply: Reply) -> HttpResponse {
    let Some(answered) = reply.answered() else {
        return closed();
    };
    let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_TYPE, answered.content_type))
        .insert_header((header::DATE, answered.date))
        .insert_header(("square-version", answered.square_version));
    if let Some(seconds) = answered.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if let Some(url) = answered.location {
        response.insert_header((header::LOCATION, url));
    }
    response.body(answered.body)
}

/// A body that breaks before its first byte makes actix close the connection
/// with nothing of the answer sent.
fn closed() -> HttpResponse {
    let broken = io::Error::from(io::ErrorKind::ConnectionAborted);
    HttpResponse::Ok().streaming(stream::iter([Err::<web::Bytes, _>(broken)]))
}
