//! Floor 4: HTTP in.
//!
//! In: requests from anybody. Out: answers that say no more than the asker may
//! know. The promise: every connection gets an answer or its end within its
//! deadline, memory stays within a limit whatever is sent, and a 2xx to a
//! webhook means that the event is on disk. Nothing is kept here, so a crash
//! loses nothing that was answered.
//!
//! `webhook` takes events, `health` says whether the program works, `metrics`
//! counts.

use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle, Service};
use actix_web::http::{KeepAlive, header};
use actix_web::{
    App, FromRequest, Handler, HttpResponse, HttpResponseBuilder, HttpServer, Resource, guard, web,
};

use crate::domain::Timestamp;
use crate::flows::counters::Counters;
use crate::flows::receive::Queue;
use crate::square::client::Square;
use crate::square::signature::Verifier;
use crate::store::Store;

mod health;
mod look;
mod metrics;
mod sampled;
mod unread;
mod webhook;

use health::Readiness;
use metrics::Metrics;
use unread::Unread;
use webhook::Webhook;

/// What the server needs.
pub struct Web {
    /// Tells Square's deliveries from all others.
    pub verifier: Verifier,
    /// Where deliveries wait for their commit.
    pub queue: Queue,
    /// What the flows count, and this server too.
    pub counters: Arc<Counters>,
    /// To see whether it works, and how things stand.
    pub store: Store,
    /// To tell how calls ended; none where no call is ever made.
    pub square: Option<Square>,
    /// How long the body of a webhook may take: [`BODY_TIME`], but in tests.
    pub body_time: Duration,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// How long the body of a webhook may take. Square sends it at once.
pub const BODY_TIME: Duration = Duration::from_secs(10);

/// How many connections there may be; more wait until one ends.
const CONNECTIONS: usize = 1024;
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection is kept for another request: longer than proxies keep theirs.
const IDLE_TIME: Duration = Duration::from_secs(75);
/// How long a peer may take to close its side.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// How long requests may take to end once the program is to stop.
const STOP_SECONDS: u64 = 5;

impl Web {
    /// Takes the address. Connections wait from now on; they are answered once
    /// [`Bound::run`] is awaited.
    pub fn bind(self, listen: SocketAddr) -> io::Result<Bound> {
        let workers = thread::available_parallelism().map_or(1, NonZero::get);
        let webhook = web::Data::new(Webhook::new(
            self.verifier,
            self.queue,
            Arc::clone(&self.counters),
            self.body_time,
        ));
        let readiness = web::Data::new(Readiness::new(self.store.clone(), self.square.clone()));
        let metrics = web::Data::new(Metrics::new(
            self.store,
            self.square,
            self.counters,
            self.clock,
        ));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(webhook.clone())
                .app_data(readiness.clone())
                .app_data(metrics.clone())
                .configure(routes)
                .wrap_fn(|mut request, service| {
                    let unread = Unread::share(&mut request);
                    let answer = service.call(request);
                    async {
                        let answer = answer.await?;
                        Ok(answer.map_body(|_, body| match unread {
                            Some(unread) => unread.hold(body),
                            None => body,
                        }))
                    }
                })
        })
        .workers(workers)
        .max_connections(CONNECTIONS.div_ceil(workers))
        .client_request_timeout(HEAD_TIME)
        .client_disconnect_timeout(CLOSE_TIME)
        .keep_alive(KeepAlive::Timeout(IDLE_TIME))
        .shutdown_timeout(STOP_SECONDS)
        .disable_signals()
        .bind(listen)?;
        // One address was asked for, so one was taken.
        let address = server.addrs().first().copied().unwrap_or(listen);
        Ok(Bound {
            address,
            server: server.run(),
        })
    }
}

/// A server that has its address.
pub struct Bound {
    address: SocketAddr,
    server: Server,
}

impl Bound {
    /// The address, with the port that the system chose if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// To stop the server from elsewhere.
    pub fn stop(&self) -> Stop {
        Stop(self.server.handle())
    }

    /// The server, which answers while it is awaited; may be spawned on any tokio runtime.
    pub fn run(self) -> Server {
        self.server
    }
}

/// Stops a server.
#[derive(Clone)]
pub struct Stop(ServerHandle);

impl Stop {
    /// Takes no more connections and waits until the requests that are here are
    /// answered, but not for longer than 5 s.
    pub async fn gracefully(&self) {
        self.0.stop(true).await;
    }
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource(webhook::PATH)
                .route(web::post().to(webhook::receive))
                .default_service(web::to(async || not_allowed("POST"))),
        )
        .service(readable("/health/live", health::live))
        .service(readable("/health/ready", health::ready))
        .service(readable("/metrics", metrics::scrape))
        .service(readable("/", front))
        .default_service(web::to(async || {
            text(HttpResponse::NotFound(), "there is nothing here")
        }));
}

/// A resource that can be read and nothing else.
fn readable<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output = HttpResponse>,
    Args: FromRequest + 'static,
{
    let reads = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path)
        .route(web::route().guard(reads).to(handler))
        .default_service(web::to(async || not_allowed("GET, HEAD")))
}

async fn front() -> HttpResponse {
    text(
        HttpResponse::Ok(),
        "squaresync works here; see /health/ready and /metrics",
    )
}

fn not_allowed(methods: &'static str) -> HttpResponse {
    let mut answer = HttpResponse::MethodNotAllowed();
    answer.insert_header((header::ALLOW, methods));
    text(answer, "not with this method")
}

/// An answer of one line.
fn text(mut answer: HttpResponseBuilder, line: &'static str) -> HttpResponse {
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/plain; charset=utf-8")
        .body(format!("{line}\n"))
}
