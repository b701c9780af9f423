//! The API's door: from a request to an answer, without a socket.
//!
//! In comes a request as it arrived, out goes what to answer, or that the
//! connection is to be closed. On the way the faults strike: before anything is
//! done, or after, when only the answer is lost. Each request is written into
//! the ledger.

use crate::domain::Timestamp;

use super::fault::Fault;
use super::faults::Access;
use super::ledger::{self, Call};
use super::profile;
use super::refusal::Refusal;
use super::routes;
use super::state::State;

/// A request as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// What follows the question mark.
    pub query: &'a str,
    /// The whole `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `Square-Version` header.
    pub square_version: Option<&'a str>,
    /// The body.
    pub body: &'a str,
}

/// An answer as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: &'static str,
    /// The `Date` header.
    pub date: String,
    /// The `Square-Version` header.
    pub square_version: String,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// The `Location` header.
    pub location: Option<&'static str>,
    /// The body.
    pub body: String,
}

/// What to answer.
#[derive(Debug)]
pub(super) enum Answer {
    Json {
        status: u16,
        body: String,
        retry_after: Option<u64>,
    },
    /// 503 with a page that a gateway might send.
    Html(&'static str),
    /// 307 to another host.
    Elsewhere(&'static str),
    /// What arrives of an answer that was whole when it was sent.
    Cut(String),
    /// Close the connection.
    Nothing,
}

/// An answer with what every answer carries.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) answer: Answer,
    pub(super) at: Timestamp,
    pub(super) square_version: String,
}

impl Reply {
    /// What goes over the wire; none where the connection is closed.
    pub(super) fn answered(self) -> Option<Answered> {
        const HTML: &str = "text/html; charset=utf-8";
        let (mut retry_after, mut location) = (None, None);
        let (status, content_type, body) = match self.answer {
            Answer::Json {
                status,
                body,
                retry_after: after,
            } => {
                retry_after = after;
                (status, "application/json", body)
            }
            Answer::Html(page) => (503, HTML, page.to_owned()),
            Answer::Cut(part) => (200, "application/json", part),
            Answer::Elsewhere(url) => {
                location = Some(url);
                (307, HTML, String::new())
            }
            Answer::Nothing => return None,
        };
        Some(Answered {
            status,
            content_type,
            date: self.at.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            square_version: self.square_version,
            retry_after,
            location,
            body,
        })
    }
}

/// Answers a request.
pub(super) fn answer(state: &mut State, request: Request<'_>) -> Reply {
    let is_write = routes::is_write(request.method, request.path);
    if state.fires(Fault::RequestDoubled, is_write) {
        answer_once(state, request);
    }
    answer_once(state, request)
}

fn answer_once(state: &mut State, request: Request<'_>) -> Reply {
    let at = state.now();
    let (commits, lies) = (state.commits, lies(state));
    let answer = struck_or_answered(state, request);
    let items = std::mem::take(&mut state.items);
    if state.options.keep_calls {
        let applied = commits < state.commits;
        let call = noted(request, &answer, at, applied);
        state.calls.push(Call {
            items,
            is_short: lies < self::lies(state),
            ..call
        });
    }
    let square_version = request
        .square_version
        .unwrap_or(&state.options.square_version);
    Reply {
        answer,
        at,
        square_version: square_version.to_owned(),
    }
}

/// How often the index told less than there is.
fn lies(state: &State) -> u64 {
    let kinds = [Fault::EmptyIndex, Fault::HalfIndex];
    kinds.map(|fault| state.faults.fired(fault)).iter().sum()
}

fn struck_or_answered(state: &mut State, request: Request<'_>) -> Answer {
    let is_write = routes::is_write(request.method, request.path);
    let [reads, writes] = &mut state.asked;
    *(if is_write { writes } else { reads }) += 1;
    if let Some(answer) = struck_before(state, is_write) {
        return answer;
    }
    let result = admitted(state, request, is_write).and_then(|()| routes::dispatch(state, request));
    // A refused write has no effect whose answer could be lost.
    if is_write && result.is_ok() {
        if state.fires(Fault::LostAnswer, is_write) {
            return Answer::Nothing;
        }
        if state.fires(Fault::RateLimitedThoughApplied, is_write) {
            return rate_limited(state);
        }
        if state.fires(Fault::InternalErrorThoughApplied, is_write) {
            return json(500, Refusal::internal_error().body());
        }
    }
    match result {
        Ok(mut body) if state.fires(Fault::CutAnswer, is_write) => {
            body.truncate(body.floor_char_boundary(body.len() / 2));
            Answer::Cut(body)
        }
        Ok(body) => json(200, body),
        Err(refusal) => json(refusal.status, refusal.body()),
    }
}

/// Faults that strike before anything is done.
fn struck_before(state: &mut State, is_write: bool) -> Option<Answer> {
    if state.fires(Fault::Reset, is_write) {
        return Some(Answer::Nothing);
    }
    let now = state.now();
    if state.faults.is_over_budget(now) || state.fires(Fault::RateLimited, is_write) {
        return Some(rate_limited(state));
    }
    if state.fires(Fault::OldStyleError, is_write) {
        let body = r#"{"type":"too_many_requests","message":"This request was rate limited. Please retry later."}"#;
        return Some(json(429, body.to_owned()));
    }
    if state.fires(Fault::InternalError, is_write) {
        return Some(json(500, Refusal::internal_error().body()));
    }
    if state.fires(Fault::Redirected, is_write) {
        return Some(Answer::Elsewhere("https://elsewhere.invalid/"));
    }
    if state.fires(Fault::HtmlUnavailable, is_write) {
        return Some(Answer::Html(
            "<!DOCTYPE html><html><body><h1>Service Unavailable</h1></body></html>",
        ));
    }
    None
}

/// Is the token good for this, and the version one of Square's?
fn admitted(state: &mut State, request: Request<'_>, is_write: bool) -> Result<(), Refusal> {
    let token = request
        .authorization
        .and_then(|it| it.strip_prefix("Bearer "));
    if token != Some(state.options.token.as_str()) {
        return Err(Refusal::unauthorized("UNAUTHORIZED"));
    }
    let is_about_customers = routes::is_about_customers(request.path);
    let refusal = match state.faults.access {
        Access::Unknown => Some(Refusal::unauthorized("UNAUTHORIZED")),
        Access::Expired => Some(Refusal::unauthorized("ACCESS_TOKEN_EXPIRED")),
        Access::Revoked => Some(Refusal::unauthorized("ACCESS_TOKEN_REVOKED")),
        Access::ReadOnly if is_write => Some(Refusal::insufficient_scopes()),
        Access::NoScopes if is_about_customers => Some(Refusal::insufficient_scopes()),
        Access::OAuth if routes::needs_personal_token(request.path) => {
            Some(Refusal::unauthorized("UNAUTHORIZED"))
        }
        Access::Granted | Access::ReadOnly | Access::NoScopes | Access::OAuth => None,
    };
    if let Some(refusal) = refusal {
        state.faults.count(Fault::AccessRefused);
        return Err(refusal);
    }
    let is_date = |text: &str| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    match request.square_version {
        Some(version) if !is_date(version) => {
            Err(Refusal::invalid("INVALID_SQUARE_VERSION_FORMAT"))
        }
        _ => Ok(()),
    }
}

fn rate_limited(state: &State) -> Answer {
    let refusal = Refusal::rate_limited();
    Answer::Json {
        status: refusal.status,
        body: refusal.body(),
        retry_after: state.faults.retry_after.map(|it| it.as_secs()),
    }
}

fn json(status: u16, body: String) -> Answer {
    Answer::Json {
        status,
        body,
        retry_after: None,
    }
}

fn noted(request: Request<'_>, answer: &Answer, at: Timestamp, applied: bool) -> Call {
    let path = match request.query {
        "" => request.path.to_owned(),
        query => format!("{}?{query}", request.path),
    };
    let key = profile::read(request.body);
    Call {
        at,
        method: request.method.to_owned(),
        path,
        idempotency_key: profile::text(&key, "idempotency_key").map(str::to_owned),
        body_sha256: ledger::sha256(request.body),
        body: request.body.to_owned(),
        status: match answer {
            Answer::Json { status, .. } => Some(*status),
            Answer::Html(_) => Some(503),
            Answer::Elsewhere(_) => Some(307),
            Answer::Cut(_) | Answer::Nothing => None,
        },
        applied,
        is_short: false,
        items: Vec::new(),
    }
}
