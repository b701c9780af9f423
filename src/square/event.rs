//! Reading of events: the bytes of a webhook in, what they show out. The
//! promise: any bytes give an [`Event`] or an [`Unreadable`] that says why in
//! words without personal data; nothing panics, and only a customer event can be
//! unreadable for what it carries.

mod customer;

use chrono::{DateTime, NaiveDateTime};
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::domain::observation::Observation;
use crate::domain::profile::ProfileError;
use crate::square::event::customer::Change;

/// One event as Square reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Names the event; the same on every resend.
    pub event_id: String,
    /// The seller.
    pub merchant_id: MerchantId,
    /// Its `type`, such as `customer.updated`.
    pub kind: String,
    /// When Square says it happened, where that can be read; never used for order.
    pub created_at: Option<Timestamp>,
    /// What it shows.
    pub about: About,
}

/// What an event shows.
#[derive(Clone, Debug, PartialEq)]
pub enum About {
    /// Something of one or more customers.
    Customer(Vec<Observation>),
    /// Nothing for us.
    Nothing(Idle),
}

/// Why an event shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Idle {
    /// Its type is none that changes a profile.
    #[error("events of this type change no profile")]
    OtherType,
    /// It names no customer, as Square's test notifications do.
    #[error("the event carries no customer")]
    NoObject,
}

/// An event that Square may have sent, but that we cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unreadable {
    /// What is wrong with it.
    pub reason: Reason,
    /// Its `event_id`, where that can be read.
    pub event_id: Option<String>,
    /// The seller, where that can be read.
    pub merchant_id: Option<MerchantId>,
    /// Its `type`, where that can be read.
    pub kind: Option<String>,
}

/// Why an event cannot be read, without a word of what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The parser stopped at this place.
    #[error("the body is not JSON we can read from line {line}, column {column} on")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// The last bytes are missing.
    #[error("the body ends too early")]
    Truncated,
    /// It is a list, a text or a number.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// A part that must be an object is something else.
    #[error("{0} is not an object")]
    PartNotAnObject(&'static str),
    /// A name is missing, empty, too long, not text, or has a NUL, which PostgreSQL cannot hold.
    #[error("{0} is missing or is not a text of 1 to {LONGEST_NAME} characters without NUL")]
    BadName(&'static str),
    /// Two places that must name the same profile do not.
    #[error("data.id and the customer's id differ")]
    OtherCustomer,
    /// The customer cannot be used.
    #[error(transparent)]
    Customer(#[from] ProfileError),
    /// A profile cannot go into itself.
    #[error("the merge names the deleted customer as the one that stays")]
    MergedIntoItself,
}

/// The longest id or type that is taken, in characters; Square's have fewer than 100.
const LONGEST_NAME: usize = 255;

impl Event {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        match serde_json::from_slice::<Map<String, Value>>(body) {
            Ok(envelope) => Self::of_envelope(envelope),
            Err(error) => Self::of_head(&error, body),
        }
    }

    fn of_envelope(mut envelope: Map<String, Value>) -> Result<Self, Unreadable> {
        let mut take = |key| envelope.remove(key).unwrap_or_default();
        let head = Head {
            event_id: take("event_id"),
            merchant_id: take("merchant_id"),
            kind: take("type"),
            created_at: take("created_at"),
        };
        let data = take("data");
        head.event(|kind| match Change::of_kind(kind) {
            Some(change) => customer::read(change, data),
            None => Ok(About::Nothing(Idle::OtherType)),
        })
    }

    /// Reads no more than the names of a body that the parser refuses somewhere
    /// else, and so keeps what is wrong in events of other types from mattering.
    fn of_head(error: &serde_json::Error, body: &[u8]) -> Result<Self, Unreadable> {
        let reason = match error.classify() {
            Category::Data => Reason::NotAnObject,
            Category::Eof => Reason::Truncated,
            Category::Syntax | Category::Io => Reason::NotJson {
                line: error.line(),
                column: error.column(),
            },
        };
        let head = match reason {
            Reason::NotJson { .. } => serde_json::from_slice(body).unwrap_or_default(),
            _ => Head::default(),
        };
        if text(&head.kind).is_none() {
            return Err(head.unreadable(reason));
        }
        head.event(|kind| match Change::of_kind(kind) {
            Some(_) => Err(reason),
            None => Ok(About::Nothing(Idle::OtherType)),
        })
    }
}

/// What every event has beside its data. The parser walks over all else
/// without judging it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    event_id: Value,
    merchant_id: Value,
    #[serde(rename = "type")]
    kind: Value,
    created_at: Value,
}

impl Head {
    fn event(self, about: impl FnOnce(&str) -> Result<About, Reason>) -> Result<Event, Unreadable> {
        let name = |value, key| text(value).ok_or(Reason::BadName(key));
        let read = || {
            let event_id = name(&self.event_id, "event_id")?;
            let merchant_id = name(&self.merchant_id, "merchant_id")?;
            let kind = name(&self.kind, "type")?;
            Ok(Event {
                about: about(&kind)?,
                event_id,
                merchant_id: MerchantId::new(merchant_id),
                kind,
                created_at: self.created_at.as_str().and_then(moment),
            })
        };
        read().map_err(|reason| self.unreadable(reason))
    }

    fn unreadable(&self, reason: Reason) -> Unreadable {
        Unreadable {
            reason,
            event_id: text(&self.event_id),
            merchant_id: text(&self.merchant_id).map(MerchantId::new),
            kind: text(&self.kind),
        }
    }
}

/// The text of `value`, where it is a usable name.
fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| is_name(text))
        .map(str::to_owned)
}

/// Whether every database can hold `text`, and an index on it.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= LONGEST_NAME && !text.contains('\0')
}

/// A moment; without a zone, as the Events API has them, in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc());
    let bare = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    zoned
        .or_else(|_| bare().map(|moment| moment.and_utc()))
        .ok()
}
