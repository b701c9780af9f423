//! Webhooks: bytes that claim to be Square's in, an answer after the commit
//! out. The promise: 200 is on disk; what no current key signed leaves a number
//! and nothing else, and its sender hears the same whatever was wrong; 503
//! makes Square send again. The bytes are never touched before the signature
//! is checked, whatever encoding they claim to have.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::ConnectionType;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::flows::counters::Counters;
use crate::flows::receive::{Delivery, Overloaded, Queue};
use crate::square::signature::{Refusal, Verifier};
use crate::web::sampled::Sampled;

/// Where Square posts to.
pub(super) const PATH: &str = "/webhooks/square";

const SIGNATURE: &str = "x-square-hmacsha256-signature";
const LEGACY_SIGNATURE: &str = "x-square-signature";

/// The largest body that is taken.
const LARGEST: usize = 1 << 20;
/// Bodies up to this size need no leave. Square's have some thousand bytes.
const SMALL: usize = 1 << 16;
/// How many larger ones may be here at a time.
const LARGE_ONES: usize = 64;

/// The way in for webhooks.
pub(super) struct Webhook {
    verifier: Verifier,
    queue: Queue,
    counters: Arc<Counters>,
    body_time: Duration,
    /// Leave to be large; held until the answer, so that memory has a limit.
    large: Arc<Semaphore>,
    log: Sampled,
}

impl Webhook {
    pub(super) fn new(
        verifier: Verifier,
        queue: Queue,
        counters: Arc<Counters>,
        body_time: Duration,
    ) -> Self {
        Self {
            verifier,
            queue,
            counters,
            body_time,
            large: Arc::new(Semaphore::new(LARGE_ONES)),
            log: Sampled::default(),
        }
    }

    /// A delivery that is not taken, for `reason`.
    fn refuse(&self, reason: &'static str, words: &str, advice: &str) {
        self.counters
            .rejected
            .get_or_create(&[("reason", reason)])
            .inc();
        if let Some(count) = self.log.count(reason, Instant::now()) {
            tracing::warn!(reason, count, "webhooks were refused: {words}{advice}");
        }
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    TooLarge,
    TooSlow,
    CutOff,
    NoRoom,
}

/// Takes a delivery in.
pub(super) async fn receive(
    request: HttpRequest,
    payload: web::Payload,
    webhook: web::Data<Webhook>,
) -> HttpResponse {
    let (body, _room) = match webhook.body(request.headers(), payload).await {
        Ok(read) => read,
        Err(unread) => {
            let mut answer = webhook.unread(unread);
            // As it is: a body that is not read to its end ends its connection.
            answer.head_mut().set_connection_type(ConnectionType::Close);
            return answer;
        }
    };
    let signatures: Vec<&[u8]> = request
        .headers()
        .get_all(SIGNATURE)
        .map(header::HeaderValue::as_bytes)
        .collect();
    let verified = match webhook.verifier.verify(&signatures, body) {
        Ok(verified) => verified,
        Err(refusal) => return webhook.forbid(refusal, request.headers()),
    };
    webhook.counters.received.inc();
    match webhook.queue.commit(Delivery::read(&verified)).await {
        Ok(Ok(_kept)) => super::text(HttpResponse::Ok(), "kept"),
        Ok(Err(error)) => webhook.later("not_stored", &error.to_string(), "5"),
        Err(overloaded @ Overloaded) => webhook.later("overloaded", &overloaded.to_string(), "1"),
    }
}

impl Webhook {
    /// Reads the body as it comes, and the leave to keep it.
    async fn body(
        &self,
        headers: &HeaderMap,
        payload: web::Payload,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Unread> {
        let length = declared(headers).unwrap_or_default();
        if LARGEST < length {
            return Err(Unread::TooLarge);
        }
        timeout(self.body_time, self.read(length, payload))
            .await
            .unwrap_or(Err(Unread::TooSlow))
    }

    /// Copies a body that says how long it is once, into a place of that size; a
    /// large one gets more room as it comes.
    async fn read(
        &self,
        declared: usize,
        mut payload: web::Payload,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Unread> {
        let mut body = BytesMut::with_capacity(declared.min(SMALL));
        let mut room = None;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_cut| Unread::CutOff)?;
            let length = body.len() + chunk.len();
            if LARGEST < length {
                return Err(Unread::TooLarge);
            }
            if SMALL < length && room.is_none() {
                let leave = Arc::clone(&self.large).try_acquire_owned();
                room = Some(leave.ok().ok_or(Unread::NoRoom)?);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((body.freeze(), room))
    }

    fn unread(&self, unread: Unread) -> HttpResponse {
        let (label, words) = match unread {
            Unread::TooLarge => ("too_large", "a body is larger than 1 MiB"),
            Unread::TooSlow => ("too_slow", "a body did not come in time"),
            Unread::CutOff => ("cut_off", "a body was cut off"),
            Unread::NoRoom => {
                return self.later("no_room", "too many large bodies at once", "1");
            }
        };
        self.refuse(label, words, "");
        let answer = match unread {
            Unread::TooLarge => HttpResponse::PayloadTooLarge(),
            Unread::TooSlow => HttpResponse::RequestTimeout(),
            Unread::CutOff | Unread::NoRoom => HttpResponse::BadRequest(),
        };
        super::text(answer, words)
    }

    /// The same answer for every refusal, which is told only to the log.
    fn forbid(&self, refusal: Refusal, headers: &HeaderMap) -> HttpResponse {
        let refusal = match refusal {
            Refusal::Missing if headers.contains_key(LEGACY_SIGNATURE) => Refusal::LegacySha1,
            refusal => refusal,
        };
        let advice = match refusal {
            Refusal::Missing | Refusal::Mismatch => {
                "; SQUARE_WEBHOOK_URL must be byte for byte the notification URL that is registered \
                 with Square, and SQUARE_WEBHOOK_SIGNATURE_KEY the key of that subscription"
            }
            Refusal::LegacySha1 => "; the older header x-square-signature is not accepted",
            Refusal::Doubled | Refusal::Malformed => "",
        };
        self.refuse(refusal.label(), &refusal.to_string(), advice);
        super::text(
            HttpResponse::Forbidden(),
            "not signed by a key that is known here",
        )
    }

    /// Nothing is kept; Square is to send again.
    fn later(&self, reason: &'static str, words: &str, seconds: &'static str) -> HttpResponse {
        self.refuse(reason, words, "; Square will send them again");
        let mut answer = HttpResponse::ServiceUnavailable();
        answer.insert_header((header::RETRY_AFTER, seconds));
        super::text(answer, "not now")
    }
}

/// How long the body says that it is.
fn declared(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
