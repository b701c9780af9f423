//! The Events API: every event that happened while somebody wanted it kept,
//! sent as a webhook or not.
//!
//! In come events as they happen and queries for them, out go pages in Square's
//! words: the envelope of the webhook, under the same id but written anew, so
//! that no byte need be the same. Events go after 28 days, and what happened
//! while the API was off is in no list, ever.

use std::collections::VecDeque;

use chrono::{SubsecRound, TimeDelta};
use serde_json::{Value, json};

use crate::domain::Timestamp;

use super::event::Kind;
use super::fault::Fault;
use super::filter;
use super::lists;
use super::profile::{Profile, quoted};
use super::query;
use super::refusal::Refusal;
use super::state::State;

/// How long Square keeps events.
const DAYS: i64 = 28;

/// One event that was kept.
#[derive(Debug)]
struct Kept {
    /// `created_at` in milliseconds.
    at: i64,
    event_type: String,
    event_id: String,
    text: String,
}

/// The events that can be listed.
#[derive(Debug, Default)]
pub(super) struct Events {
    is_on: bool,
    kept: VecDeque<Kept>,
    /// How many were ever kept.
    count: u64,
}

impl Events {
    pub(super) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            ..Self::default()
        }
    }

    /// Switches the API; while it is off, nothing is kept.
    pub(super) fn switch(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// Keeps an event that was raised now, if that is wanted.
    pub(super) fn note(&mut self, event_type: &str, event_id: &str, body: &str, now: Timestamp) {
        self.forget(now);
        if !self.is_on {
            return;
        }
        // Webhooks name the second.
        let at = now.round_subsecs(0);
        let text = written(body, at, self.count.is_multiple_of(3));
        self.count += 1;
        self.kept.push_back(Kept {
            at: at.timestamp_millis(),
            event_type: event_type.to_owned(),
            event_id: event_id.to_owned(),
            text,
        });
    }

    fn forget(&mut self, now: Timestamp) {
        let end = (now - TimeDelta::days(DAYS)).timestamp_millis();
        while self.kept.front().is_some_and(|it| it.at < end) {
            self.kept.pop_front();
        }
    }
}

/// The event as the list has it. Some times come without a zone there.
fn written(body: &str, at: Timestamp, is_bare: bool) -> String {
    let Ok(Value::Object(mut event)) = serde_json::from_str(body) else {
        return body.to_owned();
    };
    if is_bare {
        let bare = at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        event.insert("created_at".to_owned(), json!(bare));
    }
    Value::Object(event).to_string()
}

/// A page of the events that fit a query. How Square refuses while the API is
/// off is not published.
pub(super) fn page(state: &mut State, mut body: Profile) -> Result<String, Refusal> {
    let now = state.now();
    state.events.forget(now);
    if !state.events.is_on {
        return Err(Refusal::bad_request(
            "The Events API is not enabled for this application.",
        ));
    }
    let cursor = match body.remove("cursor") {
        None | Some(Value::Null) => None,
        Some(Value::String(cursor)) => Some(cursor).filter(|it| !it.is_empty()),
        Some(_) => return Err(Refusal::invalid("EXPECTED_STRING").at("cursor")),
    };
    let wanted = Wanted::parse(&body)?;
    let offset = match &cursor {
        None => 0,
        Some(_) if state.fires(Fault::ExpiredCursor, false) => return Err(lists::refused()),
        Some(cursor) => lists::offset(cursor, wanted.fingerprint, now, state.options.cursor_life)?,
    };
    let seller = state.options.merchant_id.clone();
    let there = state
        .events
        .kept
        .iter()
        .filter(|it| wanted.fits(it, &seller));
    let limit = match offset < there.count() && state.fires(Fault::EmptyPage, false) {
        true => 0,
        false => wanted.limit,
    };
    let mut found: Vec<&Kept> = state.events.kept.iter().collect();
    found.retain(|it| wanted.fits(it, &seller));
    if wanted.descending {
        found.reverse();
    }
    let rest = found.get(offset..).unwrap_or_default();
    let shown = rest.get(..limit).unwrap_or(rest);
    let is_last = shown.len() == rest.len();
    let cursor = (!is_last).then(|| lists::cursor(offset + shown.len(), wanted.fingerprint, now));
    Ok(answered(shown, cursor, &state.options.square_version))
}

fn answered(shown: &[&Kept], cursor: Option<String>, square_version: &str) -> String {
    let mut parts = Vec::new();
    if !shown.is_empty() {
        let texts: Vec<&str> = shown.iter().map(|it| it.text.as_str()).collect();
        parts.push(format!(r#""events":[{}]"#, texts.join(",")));
        let metadata: Vec<Value> = shown
            .iter()
            .map(|it| json!({ "event_id": it.event_id, "api_version": square_version }))
            .collect();
        parts.push(format!(r#""metadata":{}"#, Value::Array(metadata)));
    }
    if let Some(cursor) = cursor {
        parts.push(format!(r#""cursor":{}"#, quoted(&cursor)));
    }
    format!("{{{}}}", parts.join(","))
}

/// The types that can be listed.
pub(super) fn types(square_version: &str) -> String {
    let names = [Kind::Created, Kind::Updated, Kind::Deleted].map(Kind::name);
    let about = names.map(|name| {
        json!({
            "event_type": name,
            "api_version_introduced": square_version,
            "release_status": "PUBLIC",
        })
    });
    json!({ "event_types": names, "metadata": about }).to_string()
}

/// What a search wants.
struct Wanted {
    /// None wants all.
    event_types: Option<Vec<String>>,
    merchants: Option<Vec<String>>,
    /// `created_at` in milliseconds.
    created: std::ops::RangeInclusive<i64>,
    descending: bool,
    limit: usize,
    /// All of the query, to which a cursor is bound.
    fingerprint: u64,
}

impl Wanted {
    fn parse(body: &Profile) -> Result<Self, Refusal> {
        known(body, "", &["limit", "query"])?;
        let query = query::object(body.get("query"), "query")?;
        known(&query, "query.", &["filter", "sort"])?;
        let filter = query::object(query.get("filter"), "query.filter")?;
        let names = ["event_types", "merchant_ids", "created_at"];
        known(&filter, "query.filter.", &names)?;
        let sort = query::object(query.get("sort"), "query.sort")?;
        let created = match filter.get("created_at") {
            None | Some(Value::Null) => i64::MIN..=i64::MAX,
            Some(range) => filter::window(range, "query.filter.created_at", false)?,
        };
        Ok(Self {
            event_types: texts(&filter, "event_types")?,
            merchants: texts(&filter, "merchant_ids")?,
            created,
            descending: is_descending(&sort)?,
            limit: query::limit(body.get("limit"))?,
            fingerprint: query::fingerprint(&json!({ "events": body })),
        })
    }

    fn fits(&self, event: &Kept, merchant: &str) -> bool {
        let holds = |list: &Option<Vec<String>>, value: &str| {
            list.as_ref()
                .is_none_or(|list| list.iter().any(|it| it == value))
        };
        holds(&self.event_types, &event.event_type)
            && holds(&self.merchants, merchant)
            && self.created.contains(&event.at)
    }
}

/// Refuses what the simulator would have to overlook.
fn known(object: &Profile, at: &str, names: &[&str]) -> Result<(), Refusal> {
    match object.keys().find(|key| !names.contains(&key.as_str())) {
        Some(key) => Err(Refusal::invalid("UNKNOWN_BODY_PARAMETER").at(&format!("{at}{key}"))),
        None => Ok(()),
    }
}

/// The order of who does not ask for one is not published: the newest come
/// first here, so that nobody relies on another.
fn is_descending(sort: &Profile) -> Result<bool, Refusal> {
    let text = |key| sort.get(key).and_then(Value::as_str);
    if !matches!(text("field"), None | Some("DEFAULT")) {
        return Err(Refusal::invalid("INVALID_ENUM_VALUE").at("query.sort.field"));
    }
    match text("order") {
        Some("ASC") => Ok(false),
        None | Some("DESC") => Ok(true),
        Some(_) => Err(Refusal::invalid("INVALID_ENUM_VALUE").at("query.sort.order")),
    }
}

fn texts(filter: &Profile, key: &str) -> Result<Option<Vec<String>>, Refusal> {
    let refused = || Refusal::invalid("EXPECTED_ARRAY").at(&format!("query.filter.{key}"));
    match filter.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) => {
            let texts = list.iter().map(|it| it.as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            Ok(Some(texts.ok_or_else(refused)?).filter(|texts| !texts.is_empty()))
        }
        Some(_) => Err(refused()),
    }
}
