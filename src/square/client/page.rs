//! What is asked of a search and what its pages and the token's status say:
//! values in, JSON out, and back.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::domain::profile::{Profile, ProfileError};
use crate::domain::window::Window;
use crate::square::client::transport::Success;
use crate::square::error::{Cause, SquareError};

/// The time of a profile that a window is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `created_at`, which never changes.
    CreatedAt,
    /// `updated_at`.
    UpdatedAt,
}

/// By which value customers are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindBy {
    /// `reference_id`.
    Reference,
    /// `email_address`.
    Email,
    /// `phone_number`.
    Phone,
}

impl FindBy {
    /// The body that asks for the first page.
    pub(super) fn body(self, value: &str) -> Map<String, Value> {
        let field = match self {
            Self::Reference => "reference_id",
            Self::Email => "email_address",
            Self::Phone => "phone_number",
        };
        let query = json!({"filter": {field: {"exact": value}}});
        Map::from_iter([("query".to_owned(), query)])
    }
}

/// One page of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// Which time is in the window.
    pub by: By,
    /// The window.
    pub window: Window,
    /// The place of the page: none for the first, then what the page before gave.
    pub cursor: Option<String>,
    /// How many profiles to put on a page, from 1 to 100; Square takes it as advice.
    pub limit: u32,
    /// Whether to say how many profiles the window holds.
    pub count: bool,
    /// Whether those who came last are shown first.
    pub newest_first: bool,
}

impl SearchQuery {
    /// The first page of a window, of the full length and without a count.
    pub fn first(by: By, window: Window) -> Self {
        Self {
            by,
            window,
            cursor: None,
            limit: 100,
            count: false,
            newest_first: false,
        }
    }

    /// The whole body again for every page: a cursor without the query that made it is refused.
    pub(super) fn body(&self) -> String {
        let time = match self.by {
            By::CreatedAt => "created_at",
            By::UpdatedAt => "updated_at",
        };
        let mut body = json!({
            "limit": self.limit,
            "count": self.count,
            "query": {
                "filter": {time: {
                    "start_at": moment(self.window.start),
                    "end_at": moment(self.window.end),
                }},
                "sort": {
                    "field": "CREATED_AT",
                    "order": if self.newest_first { "DESC" } else { "ASC" },
                },
            },
        });
        if let (Some(cursor), Some(object)) = (&self.cursor, body.as_object_mut()) {
            object.insert("cursor".to_owned(), Value::from(cursor.as_str()));
        }
        body.to_string()
    }
}

/// Square's times have milliseconds at best. Both ends are cut in the same
/// way, so windows that meet still meet.
pub(super) fn moment(moment: Timestamp) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// One page of customers.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The customers on it; one that cannot be read spoils no other.
    pub customers: Vec<Result<Profile, ProfileError>>,
    /// Where the next page is; none on the last one. A page may be empty and yet not the last.
    pub cursor: Option<String>,
    /// How many profiles there are in all, where that was asked for.
    pub count: Option<u64>,
    /// Square's clock when it answered.
    pub now: Option<Timestamp>,
}

impl Page {
    pub(super) fn read(success: Success) -> Result<Self, SquareError> {
        let Success { mut object, now } = success;
        let customers = match object.remove("customers") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(customers)) => customers,
            Some(_) => return Err(SquareError::retry(Cause::Unreadable)),
        };
        Ok(Self {
            cursor: cursor(&mut object)?,
            customers: customers.into_iter().map(Profile::parse).collect(),
            count: object.get("count").and_then(Value::as_u64),
            now,
        })
    }
}

/// Where the next page is, if there is one.
pub(super) fn cursor(object: &mut Map<String, Value>) -> Result<Option<String>, SquareError> {
    match object.remove("cursor") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(cursor)) => Ok(Some(cursor).filter(|cursor| !cursor.is_empty())),
        // Taken for the last page, it would move the mark over unread ones.
        Some(_) => Err(SquareError::retry(Cause::Unreadable)),
    }
}

/// What Square says of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStatus {
    /// The seller it is for.
    pub merchant_id: MerchantId,
    /// When it ends; none if it does not.
    pub expires_at: Option<Timestamp>,
    /// What it allows.
    pub scopes: Vec<String>,
}

impl TokenStatus {
    pub(super) fn read(object: &Map<String, Value>) -> Result<Self, SquareError> {
        let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let unreadable = SquareError::retry(Cause::Unreadable);
        let merchant_id = text("merchant_id");
        if merchant_id.is_empty() || merchant_id.contains('\0') {
            return Err(unreadable);
        }
        let expires_at = match text("expires_at") {
            "" => None,
            text => Some(text.parse::<Timestamp>().ok().ok_or(unreadable)?),
        };
        let scopes = object.get("scopes").and_then(Value::as_array);
        Ok(Self {
            merchant_id: MerchantId::new(merchant_id),
            expires_at,
            scopes: scopes
                .into_iter()
                .flatten()
                .filter_map(|scope| scope.as_str().map(str::to_owned))
                .collect(),
        })
    }
}
