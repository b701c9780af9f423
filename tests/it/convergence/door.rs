//! The simulator behind the client's door, without a socket. The process may
//! end here: before a call gets to Square, or after Square did what it asks.
//! Each create is held against the outbox on disk before it goes on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::Request;
use serde_json::value::RawValue;
use squaresync::square::client::{Answering, Door};
use squaresync::square::simulator::Simulator;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::support::{OtherProgram, inside};

/// The body of a bulk write, each customer's byte for byte.
#[derive(serde::Deserialize)]
struct Bulk<'a> {
    #[serde(borrow)]
    customers: BTreeMap<String, &'a RawValue>,
}

/// When the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CrashPoint {
    /// How many calls get through before.
    pub(crate) calls_left: u32,
    /// Whether Square does what the last one asks.
    pub(crate) is_applied: bool,
}

/// What lies between the client and the simulator.
pub(crate) struct Passage {
    square: Arc<Simulator>,
    crash: Mutex<Option<CrashPoint>>,
    /// Whether the process has ended: nothing gets through any more.
    has_ended: AtomicBool,
    /// Wakes whoever waits for the process's end.
    crashed: Notify,
    /// Where to look for the outbox: another connection to the same database.
    disk: Arc<Mutex<OtherProgram>>,
    /// Creates that were sent before they were on disk.
    pub(crate) undurable: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Passage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passage")
    }
}

impl Passage {
    pub(crate) fn new(square: Arc<Simulator>, disk: Arc<Mutex<OtherProgram>>) -> Self {
        Self {
            square,
            crash: Mutex::new(None),
            has_ended: AtomicBool::new(false),
            crashed: Notify::new(),
            disk,
            undurable: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn crash_at(&self, point: Option<CrashPoint>) {
        *self.crash.lock().unwrap() = point;
        self.has_ended.store(false, Ordering::SeqCst);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    /// Waits for the process's end.
    pub(crate) async fn end(&self) {
        while !self.has_ended() {
            self.crashed.notified().await;
        }
    }

    /// Whether this call is the last of the process, and whether Square gets it.
    fn crashes_now(&self) -> Option<CrashPoint> {
        let mut crash = self.crash.lock().unwrap();
        match crash.as_mut() {
            Some(point) if 0 < point.calls_left => {
                point.calls_left -= 1;
                None
            }
            _ => crash.take(),
        }
    }

    fn note_undurable(&self, body: &str) {
        let quoted = body.replace('\'', "''");
        let found = self
            .disk
            .lock()
            .unwrap()
            .count(&format!("outbox WHERE body = '{quoted}'"));
        if found == 0 {
            self.undurable.lock().unwrap().push(body.to_owned());
        }
    }
}

impl Door for Passage {
    fn answer(&self, request: Request) -> Answering<'_> {
        Box::pin(async move {
            if self.has_ended() {
                return std::future::pending().await;
            }
            let body = request.body().and_then(|it| it.as_bytes());
            let body = String::from_utf8_lossy(body.unwrap_or_default());
            match (request.method().as_str(), request.url().path()) {
                ("POST", "/v2/customers") => self.note_undurable(&body),
                ("POST", "/v2/customers/bulk-create" | "/v2/customers/bulk-update") => {
                    let body: Bulk<'_> = serde_json::from_str(&body).unwrap();
                    for body in body.customers.values() {
                        self.note_undurable(body.get());
                    }
                }
                _ => {}
            }
            let (latency, place) = (self.square.latency(), self.square.asked());
            // Some answers overtake others.
            let factor = u32::from(place.is_multiple_of(2)) + u32::from(place.is_multiple_of(3));
            tokio::time::sleep_until(Instant::now() + latency * factor).await;
            let Some(point) = self.crashes_now() else {
                return inside::answered(&self.square, &request);
            };
            if point.is_applied {
                drop(inside::answered(&self.square, &request));
            }
            self.has_ended.store(true, Ordering::SeqCst);
            self.crashed.notify_one();
            // Nobody of this process hears of it any more.
            std::future::pending().await
        })
    }
}
