//! Square's Events API, which lists the events of the last 28 days again: a
//! question in, a page of events out, each as the text that Square wrote. Square
//! need not offer it: it takes a personal token, and its owner has to enable it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::domain::id::MerchantId;
use crate::domain::window::Window;
use crate::square::client::Square;
use crate::square::client::page::{cursor, moment};
use crate::square::client::transport::{Call, Success};
use crate::square::error::{Cause, SquareError};

/// The events that tell of customers.
const TYPES: [&str; 3] = ["customer.created", "customer.updated", "customer.deleted"];

/// One page of the events of a window, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Whose events.
    pub merchant: MerchantId,
    /// When they happened.
    pub window: Window,
    /// The place of the page: none for the first, then what the page before gave.
    pub cursor: Option<String>,
}

impl EventQuery {
    /// The first page of a window.
    pub fn first(merchant: MerchantId, window: Window) -> Self {
        Self {
            merchant,
            window,
            cursor: None,
        }
    }

    /// The whole body again for every page: a cursor is bound to its query.
    fn body(&self) -> String {
        let mut body = json!({
            "limit": 100,
            "query": {
                "filter": {
                    "event_types": TYPES,
                    "merchant_ids": [self.merchant.as_str()],
                    "created_at": {
                        "start_at": moment(self.window.start),
                        "end_at": moment(self.window.end),
                    },
                },
                "sort": {"field": "DEFAULT", "order": "ASC"},
            },
        });
        if let (Some(cursor), Some(object)) = (&self.cursor, body.as_object_mut()) {
            object.insert("cursor".to_owned(), Value::from(cursor.as_str()));
        }
        body.to_string()
    }
}

/// An event as Square listed it when we asked. It carries no signature: whose it
/// is follows from whom we asked. Nothing but an answer of Square's makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed(String);

impl Listed {
    /// The text that Square wrote, which is not that of the webhook.
    pub fn into_body(self) -> String {
        self.0
    }
}

/// One page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// The events on it; whether one can be read shows when it is read.
    pub events: Vec<Listed>,
    /// Where the next page is; none on the last one.
    pub cursor: Option<String>,
}

impl EventPage {
    fn read(success: Success) -> Result<Self, SquareError> {
        let mut object = success.object;
        let unreadable = || SquareError::retry(Cause::Unreadable);
        let events = match object.remove("events") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(events)) => events,
            Some(_) => return Err(unreadable()),
        };
        let listed = |event| match event {
            Value::String(text) => Ok(Listed(text)),
            _ => Err(unreadable()),
        };
        Ok(Self {
            events: events.into_iter().map(listed).collect::<Result<_, _>>()?,
            cursor: cursor(&mut object)?,
        })
    }
}

impl Square {
    /// Asks for one page of events. A refusal is [`SquareError::Unavailable`]
    /// and holds back no other call.
    pub async fn search_events(&self, query: &EventQuery) -> Result<EventPage, SquareError> {
        let call = Call::new("events", Method::POST, self.url(&["v2", "events"])?);
        let call = Call {
            body: Some(query.body()),
            by_cursor: query.cursor.is_some(),
            is_extra: true,
            ..call
        };
        EventPage::read(self.transport.send(call).await?)
    }
}
