//! The Customers API as calls: a question in, profiles or a [`SquareError`] out.
//! The promise: one call is one request, never repeated here; it leaves when the
//! seller's budget has room; it ends within its time limit and with bounded
//! memory; and once Square refuses the token, no request leaves until a pause is
//! over. On a crash nothing is lost, since nothing is kept but the pause, the
//! budget and the counters.

mod bulk;
mod calls;
mod door;
mod events;
mod gate;
mod pace;
mod page;
mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use serde_json::Value;

use crate::domain::Timestamp;
use crate::domain::id::SquareId;
use crate::domain::profile::Profile;
use crate::domain::window::Window;
use crate::square::address::{self, BadAddress};
use crate::square::client::transport::{Call, Transport};
use crate::square::error::{Cause, Refusal, SquareError};

pub use crate::square::client::bulk::{MOST, Retrieved, Written};
pub use crate::square::client::door::{Answering, Door};
pub use crate::square::client::events::{EventPage, EventQuery, Listed};
pub use crate::square::client::page::{By, FindBy, Page, SearchQuery, TokenStatus};

/// The version of Square's API that this program speaks, named in every request.
pub const SQUARE_VERSION: &str = "2025-08-20";

/// How many pages of one value's customers are read before Square's cursors are thought to have no end.
const FIND_PAGES: u32 = 100;

/// A seller's access token.
#[derive(Clone)]
pub struct AccessToken(HeaderValue);

/// A text that cannot be an access token. Never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an access token: visible ASCII characters without blanks are needed")]
pub struct BadToken;

impl AccessToken {
    /// Takes the characters shown in Square's console.
    pub fn parse(text: &str) -> Result<Self, BadToken> {
        if text.is_empty() || !text.chars().all(|sign| sign.is_ascii_graphic()) {
            return Err(BadToken);
        }
        let mut header = HeaderValue::try_from(format!("Bearer {text}"))
            .ok()
            .ok_or(BadToken)?;
        // Keeps it out of what the HTTP library prints.
        header.set_sensitive(true);
        Ok(Self(header))
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}

/// What a client has to know.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Where Square is, without `/v2`.
    pub base_url: String,
    /// The seller's token.
    pub token: AccessToken,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a call may take altogether.
    pub total_timeout: Duration,
    /// How long calls are held back once Square refuses the token.
    pub authorization_pause: Duration,
    /// Whether calls wait for the seller's budget. Where time stands still
    /// unless somebody moves it, they must not.
    pub is_paced: bool,
}

impl ClientSettings {
    /// Settings with the usual limits.
    pub fn new(base_url: impl Into<String>, token: AccessToken) -> Self {
        Self {
            base_url: base_url.into(),
            token,
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(20),
            authorization_pause: Duration::from_secs(60),
            is_paced: true,
        }
    }
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum BadClient {
    /// The base URL cannot be used.
    #[error("the address of Square {0}")]
    Address(#[from] BadAddress),
    /// The HTTP library cannot start, for want of root certificates for one.
    #[error("no HTTP client could be made")]
    Http(#[from] reqwest::Error),
}

/// One seller's customers at Square. Clones share connections, pause and counters.
#[derive(Clone)]
pub struct Square {
    base: Url,
    transport: Transport,
}

impl fmt::Debug for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Square({})", self.base)
    }
}

impl Square {
    /// A client that has asked nothing yet.
    pub fn new(settings: ClientSettings) -> Result<Self, BadClient> {
        Ok(Self {
            base: address::parse_base(&settings.base_url)?,
            transport: Transport::new(&settings)?,
        })
    }

    /// A client of a Square in this process, which stands behind `door`.
    pub fn behind(door: Arc<dyn Door>, settings: &ClientSettings) -> Result<Self, BadClient> {
        Ok(Self {
            base: address::parse_base(&settings.base_url)?,
            transport: Transport::behind(door, settings),
        })
    }

    /// Asks whose token this is.
    pub async fn token_status(&self) -> Result<TokenStatus, SquareError> {
        let call = Call::new(
            "token_status",
            Method::POST,
            self.url(&["oauth2", "token", "status"])?,
        );
        TokenStatus::read(&self.transport.send(call).await?.object)
    }

    /// Square's clock, as its last answer showed it and ours has run since.
    /// Asks for it where no answer has come yet.
    pub async fn square_time(&self) -> Result<Timestamp, SquareError> {
        if self.transport.square_time().is_none() {
            self.token_status().await?;
        }
        self.transport
            .square_time()
            .ok_or(SquareError::retry(Cause::Unreadable))
    }

    /// Square's clock, which it is asked for now.
    pub async fn square_time_now(&self) -> Result<Timestamp, SquareError> {
        self.token_status().await?;
        self.square_time().await
    }

    /// Asks for one page of a window.
    pub async fn search(&self, query: &SearchQuery) -> Result<Page, SquareError> {
        let call = Call::new(
            "search",
            Method::POST,
            self.url(&["v2", "customers", "search"])?,
        );
        let call = Call {
            body: Some(query.body()),
            by_cursor: query.cursor.is_some(),
            ..call
        };
        Page::read(self.transport.send(call).await?)
    }

    /// Asks when the last customer of a window on `created_at` came.
    pub async fn newest(&self, window: Window) -> Result<Option<Timestamp>, SquareError> {
        let query = SearchQuery {
            limit: 1,
            newest_first: true,
            ..SearchQuery::first(By::CreatedAt, window)
        };
        let shown = self.search(&query).await?.customers;
        let came = |profile: Profile| profile.moment("created_at");
        Ok(shown.into_iter().filter_map(Result::ok).find_map(came))
    }

    /// Asks for all customers with this value, whose case Square overlooks; of the
    /// phone number it wants the spelling that
    /// [`e164`](crate::domain::lookalike::e164) gives. Like every search it may
    /// lag behind a create by a minute.
    pub async fn find(&self, by: FindBy, value: &str) -> Result<Vec<Profile>, SquareError> {
        let url = self.url(&["v2", "customers", "search"])?;
        let mut body = by.body(value);
        let mut found = Vec::new();
        for _ in 0..FIND_PAGES {
            let call = Call {
                by_cursor: body.contains_key("cursor"),
                ..Call::new("find", Method::POST, url.clone())
            };
            let call = call.with_body(Value::Object(body.clone()).to_string());
            let page = Page::read(self.transport.send(call).await?)?;
            for customer in page.customers {
                // One that cannot be read may be the one that is looked for.
                found.push(customer.ok().ok_or(SquareError::retry(Cause::Unreadable))?);
            }
            let Some(cursor) = page.cursor else {
                return Ok(found);
            };
            body.insert("cursor".to_owned(), Value::from(cursor));
        }
        Err(SquareError::retry(Cause::Unreadable))
    }

    /// Sends a body of [`create_body`](crate::square::body::create_body).
    pub async fn create(&self, body: &str) -> Result<Profile, SquareError> {
        let call = Call::new("create", Method::POST, self.url(&["v2", "customers"])?);
        self.profile(call.with_body(body.to_owned())).await
    }

    /// Sends a body of [`update_body`](crate::square::body::update_body).
    pub async fn update(&self, id: &SquareId, body: &str) -> Result<Profile, SquareError> {
        let call = Call::new("update", Method::PUT, self.customer(id)?);
        self.profile(call.with_body(body.to_owned())).await
    }

    /// Asks for one profile. Of a merged one Square shows the profile that stays: compare the ids.
    pub async fn retrieve(&self, id: &SquareId) -> Result<Profile, SquareError> {
        self.profile(Call::new("retrieve", Method::GET, self.customer(id)?))
            .await
    }

    /// Deletes a profile, if it still has this version.
    pub async fn delete(&self, id: &SquareId, version: i64) -> Result<(), SquareError> {
        let mut url = self.customer(id)?;
        url.query_pairs_mut()
            .append_pair("version", &version.to_string());
        self.transport
            .send(Call::new("delete", Method::DELETE, url))
            .await
            .map(drop)
    }

    /// Square's code while calls are held back because it refused the token.
    pub fn refusal(&self) -> Option<String> {
        self.transport.refusal()
    }

    /// How many calls ended in which way since the start, by a label each.
    pub fn calls(&self) -> Vec<(&'static str, u64)> {
        self.transport.calls()
    }

    async fn profile(&self, call: Call) -> Result<Profile, SquareError> {
        let mut object = self.transport.send(call).await?.object;
        let customer = object.remove("customer").unwrap_or(Value::Null);
        Profile::parse(customer)
            .ok()
            .ok_or(SquareError::retry(Cause::Unreadable))
    }

    fn customer(&self, id: &SquareId) -> Result<Url, SquareError> {
        self.url(&["v2", "customers", id.as_str()])
    }

    /// The address of `path`, whose every segment is encoded to stay one.
    fn url(&self, path: &[&str]) -> Result<Url, SquareError> {
        let refusal = || SquareError::Refused(Refusal::unasked("INVALID_ID"));
        // These would climb out of the path, whichever way they are encoded.
        if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return Err(refusal());
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .ok()
            .ok_or_else(refusal)?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }
}
