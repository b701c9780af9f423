//! One request over HTTP: a [`Call`] in, the JSON object of a success or a
//! sorted error out, counted by how it ended. The promise: redirects are not
//! followed, proxies are not used, nothing is repeated, and of an answer no more
//! than [`LARGEST`] bytes are held.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta};
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, Method, Request, Response, Url};
use serde_json::{Map, Value};
use tracing::debug;

use crate::domain::Timestamp;
use crate::domain::budget::Class;
use crate::square::client::calls::Calls;
use crate::square::client::door::{Carrier, Door, broken};
use crate::square::client::gate::Gate;
use crate::square::client::pace::{self, Pace};
use crate::square::client::{ClientSettings, SQUARE_VERSION};
use crate::square::error::{Answer, Cause, SquareError};
use crate::square::tls;

/// The largest answer taken, in bytes: a page of 100 customers is a fraction of it.
const LARGEST: usize = 8 * 1024 * 1024;

/// The longest wait that an answer can ask for; more than that is somebody's mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Names this program and its version to Square.
const USER_AGENT: &str = concat!("squaresync/", env!("CARGO_PKG_VERSION"));

/// One request.
#[derive(Debug)]
pub(super) struct Call {
    /// Which call of ours it is, for the log.
    pub(super) kind: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    /// JSON text.
    pub(super) body: Option<String>,
    /// Whether it asks for a further page.
    pub(super) by_cursor: bool,
    /// Whether Square need not offer it to this token.
    pub(super) is_extra: bool,
}

impl Call {
    pub(super) fn new(kind: &'static str, method: Method, url: Url) -> Self {
        Self {
            kind,
            method,
            url,
            body: None,
            by_cursor: false,
            is_extra: false,
        }
    }

    pub(super) fn with_body(mut self, body: String) -> Self {
        self.body = Some(body);
        self
    }
}

/// A success.
#[derive(Debug)]
pub(super) struct Success {
    pub(super) object: Map<String, Value>,
    /// Square's clock.
    pub(super) now: Option<Timestamp>,
}

/// Carries calls to Square.
#[derive(Clone)]
pub(super) struct Transport {
    carrier: Carrier,
    /// What every request carries: the token, and the version of the API.
    headers: HeaderMap,
    /// Shared by all clones, since the token is.
    gate: Arc<Gate>,
    /// Shared by all clones: the seller's budget is one.
    pace: Arc<Pace>,
    /// What the calls of this clone are for.
    class: Class,
    /// Shared by all clones; metrics read it.
    calls: Arc<Calls>,
    /// Square's clock as last heard, and when that was. Shared by all clones.
    clock: Arc<Mutex<Option<(Timestamp, Instant)>>>,
}

impl Transport {
    /// Over HTTP.
    pub(super) fn new(settings: &ClientSettings) -> Result<Self, reqwest::Error> {
        tls::provide();
        let http = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.total_timeout)
            // A redirect could carry the token to another host.
            .redirect(Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .build()?;
        Ok(Self::with(Carrier::Socket(http), settings))
    }

    /// To a Square that is in this process.
    pub(super) fn behind(door: Arc<dyn Door>, settings: &ClientSettings) -> Self {
        Self::with(Carrier::Door(door), settings)
    }

    fn with(carrier: Carrier, settings: &ClientSettings) -> Self {
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, settings.token.0.clone()),
            (
                HeaderName::from_static("square-version"),
                HeaderValue::from_static(SQUARE_VERSION),
            ),
        ]);
        Self {
            carrier,
            headers,
            gate: Arc::new(Gate::new(settings.authorization_pause)),
            pace: Arc::new(Pace::new(settings.is_paced)),
            class: Class::default(),
            calls: Arc::default(),
            clock: Arc::default(),
        }
    }

    /// The same, for calls that are for something else.
    pub(super) fn of_class(&self, class: Class) -> Self {
        Self {
            class,
            ..self.clone()
        }
    }

    /// How many calls may be under way.
    pub(super) fn width(&self) -> usize {
        self.pace.width(self.class)
    }

    /// Makes one call when it is its turn, unless the gate is closed.
    pub(super) async fn send(&self, call: Call) -> Result<Success, SquareError> {
        let (kind, is_extra) = (call.kind, call.is_extra);
        let leaving = self.pace.leave(self.class).await?;
        if is_extra {
            self.gate.enter_extra()?;
        } else {
            self.gate.enter(pace::now())?;
        }
        let mut outcome = self.exchange(call).await;
        leaving.ends(&outcome);
        if is_extra {
            outcome = outcome.map_err(SquareError::of_extra);
        }
        self.gate.learn(&outcome, pace::now());
        let label = outcome.as_ref().map_or_else(SquareError::label, |_| "ok");
        self.calls.count(label);
        debug!(call = kind, outcome = label, "asked Square");
        outcome
    }

    /// What Square's clock shows by now; none before it was first heard.
    pub(super) fn square_time(&self) -> Option<Timestamp> {
        let (heard, at) = (*self.clock.lock().unwrap_or_else(PoisonError::into_inner))?;
        heard.checked_add_signed(
            TimeDelta::from_std(pace::now().saturating_duration_since(at)).ok()?,
        )
    }

    pub(super) fn refusal(&self) -> Option<String> {
        self.gate.refusal()
    }

    pub(super) fn calls(&self) -> Vec<(&'static str, u64)> {
        self.calls.counts()
    }

    async fn exchange(&self, call: Call) -> Result<Success, SquareError> {
        let mut request = Request::new(call.method, call.url);
        request.headers_mut().clone_from(&self.headers);
        if let Some(body) = call.body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(Body::from(body));
        }
        let response = self.carrier.carry(request).await?;
        let status = response.status().as_u16();
        let now = date(response.headers(), &DATE);
        if let Some(now) = now {
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, pace::now()));
        }
        let after = wait(response.headers(), now);
        let body = bounded(response).await?;
        let answer = Answer {
            status,
            after,
            body: &body,
            by_cursor: call.by_cursor,
        };
        Ok(Success {
            object: answer.read()?,
            now,
        })
    }
}

/// The body of an answer, given up as soon as it is too large.
async fn bounded(mut response: Response) -> Result<Vec<u8>, SquareError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if LARGEST < body.len() + chunk.len() {
            return Err(SquareError::retry(Cause::Unreadable));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The moment in a header.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

/// How long Square asks to wait: seconds, or a moment by its own clock.
fn wait(headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let wait = match text.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let left: TimeDelta = date(headers, &RETRY_AFTER)? - now?;
            left.to_std().unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}
