//! Refusals of Square's, sorted by what the caller does next: status, headers and
//! body of an answer in, a JSON object or a [`SquareError`] out. The promise: a
//! body that is not clearly Square's proves nothing, neither that something was
//! done nor that a customer is gone.

mod listing;
mod refusal;

use std::time::Duration;

use serde_json::{Map, Value};

pub use crate::square::error::refusal::Refusal;

/// Why a call gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SquareError {
    /// Nothing is known of what happened; the very same call may be made again.
    #[error("Square could not answer now ({})", cause.label())]
    Retry {
        /// How long Square asks to wait, where it says.
        after: Option<Duration>,
        /// What went wrong.
        cause: Cause,
    },
    /// Our copy is old: fetch the customer, merge, and write again.
    #[error("the customer has changed at Square meanwhile")]
    Stale,
    /// The idempotency key was used with another body: look for what it made, or take a new key.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The page's cursor has ended: begin the window again.
    #[error("the cursor has ended")]
    CursorDead,
    /// Square understood and refuses; asking again cannot help until somebody changes the row.
    #[error("{}", .0.sentence())]
    Refused(Refusal),
    /// The token does not allow it: make no more calls, and call a person.
    #[error("Square does not accept the access token ({code})")]
    NotAuthorised {
        /// Square's code.
        code: String,
    },
    /// Square has no such customer.
    #[error("Square has no such customer")]
    NotFound,
    /// Square does not offer this call, which nothing depends on: do without it.
    #[error("Square does not offer this call ({code})")]
    Unavailable {
        /// Square's code.
        code: String,
        /// Whether it is the token that is refused; then other calls may be refused too.
        to_token: bool,
    },
}

/// What stood between a call and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It took too long.
    Timeout,
    /// No connection, or one that broke.
    Connection,
    /// Square, or what stands before it, wants fewer calls.
    RateLimited,
    /// Square says that it is unwell.
    Server,
    /// The answer is none of Square's, cut off, or too large.
    Unreadable,
}

impl Cause {
    /// A short name for metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::RateLimited => "rate_limited",
            Self::Server => "server",
            Self::Unreadable => "unreadable",
        }
    }
}

impl SquareError {
    /// A call that may be made again, as far as is known at once.
    pub const fn retry(cause: Cause) -> Self {
        Self::Retry { after: None, cause }
    }

    /// A short name for metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Retry { cause, .. } => cause.label(),
            Self::Stale => "stale",
            Self::KeyReused => "key_reused",
            Self::CursorDead => "cursor_dead",
            Self::Refused(_) => "refused",
            Self::NotAuthorised { .. } => "not_authorised",
            Self::NotFound => "not_found",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// The same of a call that Square need not offer: a refusal says nothing
    /// about any other call.
    pub(crate) fn of_extra(self) -> Self {
        let (code, to_token) = match self {
            Self::NotAuthorised { code } => (code, true),
            Self::Refused(refusal) => (refusal.code, false),
            Self::NotFound => ("NOT_FOUND".to_owned(), false),
            other => return other,
        };
        Self::Unavailable { code, to_token }
    }
}

/// An answer as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// How long Square asks to wait.
    pub after: Option<Duration>,
    /// The whole body.
    pub body: &'a [u8],
    /// Whether the call asked for a further page by a cursor.
    pub by_cursor: bool,
}

impl Answer<'_> {
    /// The JSON object of a success, in which a listed customer that cannot be
    /// read is null. Errors are looked for before anything else, since a body
    /// may carry them under any status.
    pub fn read(&self) -> Result<Map<String, Value>, SquareError> {
        let Ok(object) = listing::read(self.body) else {
            return Err(self.retry(self.cause_by_status().unwrap_or(Cause::Unreadable)));
        };
        if !matches!(
            object.get("errors"),
            None | Some(Value::Null | Value::Array(_))
        ) {
            return Err(self.retry(Cause::Unreadable));
        }
        let faults = Fault::all_in(&object);
        match faults.first() {
            Some(first) => Err(self.sort(first, &faults)),
            None if (200..300).contains(&self.status) => Ok(object),
            None => Err(self.by_status_alone()),
        }
    }

    /// The first fault is the one that gave the answer its status.
    fn sort(&self, first: &Fault<'_>, all: &[Fault<'_>]) -> SquareError {
        if let Some(cause) = self.cause_by_status().or_else(|| first.cause()) {
            return self.retry(cause);
        }
        if matches!(self.status, 401 | 403) || first.is_about_the_token() {
            let code = refusal::plain(first.code);
            return SquareError::NotAuthorised { code };
        }
        match (first.code, self.status) {
            ("VERSION_MISMATCH" | "CONFLICT", _) => SquareError::Stale,
            ("IDEMPOTENCY_KEY_REUSED", _) => SquareError::KeyReused,
            ("INVALID_CURSOR", _) => SquareError::CursorDead,
            // An old cursor may also give no more than a plain 400.
            (_, 400) if self.by_cursor => SquareError::CursorDead,
            ("NOT_FOUND" | "CUSTOMER_NOT_FOUND" | "GONE", _) | (_, 404 | 410) => {
                SquareError::NotFound
            }
            _ => SquareError::Refused(Refusal::of(all)),
        }
    }

    /// An object without errors under a bad status: some gateway's. Its 404 is
    /// about a path of its own, so only a refused token is believed.
    fn by_status_alone(&self) -> SquareError {
        match (self.cause_by_status(), self.status) {
            (Some(cause), _) => self.retry(cause),
            (None, 401 | 403) => SquareError::NotAuthorised {
                code: format!("HTTP_{}", self.status),
            },
            (None, _) => self.retry(Cause::Unreadable),
        }
    }

    fn cause_by_status(&self) -> Option<Cause> {
        match self.status {
            429 => Some(Cause::RateLimited),
            408 | 500.. => Some(Cause::Server),
            _ => None,
        }
    }

    fn retry(&self, cause: Cause) -> SquareError {
        SquareError::Retry {
            after: self.after,
            cause,
        }
    }
}

/// A bulk answer, whose status says nothing of any one customer in it.
const BULK: Answer<'static> = Answer {
    status: 200,
    after: None,
    body: &[],
    by_cursor: false,
};

/// What the errors about one customer in a bulk answer mean.
pub(super) fn of_one(object: &Map<String, Value>) -> SquareError {
    let faults = Fault::all_in(object);
    match faults.first() {
        Some(first) => BULK.sort(first, &faults),
        None => SquareError::retry(Cause::Unreadable),
    }
}

/// Whether the errors about one customer in a bulk answer say that there is no
/// such customer, and nothing else.
pub(super) fn is_not_found(object: &Map<String, Value>) -> bool {
    let faults = Fault::all_in(object);
    let says_so = |fault| BULK.sort(fault, &faults) == SquareError::NotFound;
    !faults.is_empty() && faults.iter().all(says_so)
}

/// One entry of `errors`.
#[derive(Clone, Copy, Debug)]
struct Fault<'a> {
    category: &'a str,
    code: &'a str,
    field: Option<&'a str>,
    detail: &'a str,
}

impl<'a> Fault<'a> {
    /// The faults that an answer carries, in either of the two shapes Square has for them.
    fn all_in(object: &'a Map<String, Value>) -> Vec<Self> {
        let text = |value: &'a Value, key| value.get(key).and_then(Value::as_str);
        match object.get("errors").and_then(Value::as_array) {
            Some(errors) => errors
                .iter()
                .map(|error| Self {
                    category: text(error, "category").unwrap_or_default(),
                    code: text(error, "code").unwrap_or("UNKNOWN"),
                    field: text(error, "field"),
                    detail: text(error, "detail").unwrap_or_default(),
                })
                .collect(),
            None => Self::of_old_shape(object).into_iter().collect(),
        }
    }

    /// The shape of Square's first API: a type and a message, and no list.
    fn of_old_shape(object: &'a Map<String, Value>) -> Option<Self> {
        let text = |key| object.get(key).and_then(Value::as_str);
        let detail = text("message")?;
        let code = match text("type")? {
            "too_many_requests" => "RATE_LIMITED",
            "unauthorized" | "service.not_authorized" => "UNAUTHORIZED",
            "not_found" => "NOT_FOUND",
            other => other,
        };
        Some(Self {
            category: "",
            code,
            field: text("field"),
            detail,
        })
    }

    /// Why the call may be made again, where the code says that it may.
    fn cause(&self) -> Option<Cause> {
        match (self.code, self.category) {
            ("RATE_LIMITED", _) | (_, "RATE_LIMIT_ERROR") => Some(Cause::RateLimited),
            ("REQUEST_TIMEOUT", _) | (_, "API_ERROR") => Some(Cause::Server),
            _ => None,
        }
    }

    fn is_about_the_token(&self) -> bool {
        self.category == "AUTHENTICATION_ERROR"
            || matches!(
                self.code,
                "UNAUTHORIZED" | "FORBIDDEN" | "APPLICATION_DISABLED"
            )
    }
}
