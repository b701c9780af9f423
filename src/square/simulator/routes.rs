//! Which path means what.
//!
//! In comes an admitted request, out goes the JSON that answers it.

use actix_web::web;
use serde_json::{Value, json};

use super::api::Request;
use super::bulk;
use super::customers;
use super::events;
use super::faults::Access;
use super::profile::Profile;
use super::query::Query;
use super::refusal::Refusal;
use super::search;
use super::state::State;

/// Does this change customers?
pub(super) fn is_write(method: &str, path: &str) -> bool {
    let reads = ["search", "bulk-retrieve", "status"];
    let last = path.rsplit('/').next().unwrap_or_default();
    method != "GET" && !reads.contains(&last) && !needs_personal_token(path)
}

/// Is this refused to an OAuth token?
pub(super) fn needs_personal_token(path: &str) -> bool {
    path.strip_prefix("/v2/events")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Does this need a scope for customers?
pub(super) fn is_about_customers(path: &str) -> bool {
    path.starts_with("/v2/customers")
}

/// Does what is asked.
pub(super) fn dispatch(state: &mut State, request: Request<'_>) -> Result<String, Refusal> {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    match (request.method, parts.as_slice()) {
        ("GET", ["v2", "customers"]) => {
            let query = Query::from_list(&parameters(request.query))?;
            search::page(state, &query)
        }
        ("POST", ["v2", "customers"]) => {
            customers::create(state, body(request.body)?).map(|text| wrapped(&text))
        }
        ("POST", ["v2", "customers", "search"]) => {
            let closed = state.options.closed_windows;
            let query = Query::from_search(body_or_empty(request.body)?, closed)?;
            search::page(state, &query)
        }
        ("POST", ["v2", "customers", "bulk-create"]) => bulk::create(state, &body(request.body)?),
        ("POST", ["v2", "customers", "bulk-update"]) => bulk::update(state, &body(request.body)?),
        ("POST", ["v2", "customers", "bulk-retrieve"]) => {
            bulk::retrieve(state, &body(request.body)?)
        }
        ("POST", ["v2", "customers", "bulk-delete"]) => bulk::delete(state, &body(request.body)?),
        ("GET", ["v2", "customers", id]) => {
            customers::retrieve(state, id).map(|text| wrapped(&text))
        }
        ("PUT", ["v2", "customers", id]) => {
            customers::update(state, id, body(request.body)?).map(|text| wrapped(&text))
        }
        ("DELETE", ["v2", "customers", id]) => {
            let parameters = parameters(request.query);
            let version = parameters.get("version").and_then(Value::as_str);
            customers::delete(state, id, version).map(|()| "{}".to_owned())
        }
        ("POST", ["v2", "events"]) => events::page(state, body_or_empty(request.body)?),
        ("PUT", ["v2", "events", "enable"]) => Ok(switched(state, true)),
        ("PUT", ["v2", "events", "disable"]) => Ok(switched(state, false)),
        ("GET", ["v2", "events", "types"]) => Ok(events::types(&state.options.square_version)),
        ("GET", ["v2", "merchants", id]) => merchant(state, id),
        ("POST", ["oauth2", "token", "status"]) => Ok(token_status(state)),
        _ => Err(Refusal::no_such_endpoint(request.path)),
    }
}

fn switched(state: &mut State, is_on: bool) -> String {
    state.events.switch(is_on);
    "{}".to_owned()
}

fn wrapped(customer: &str) -> String {
    format!(r#"{{"customer":{customer}}}"#)
}

fn body(text: &str) -> Result<Profile, Refusal> {
    match serde_json::from_str(text) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) | Err(_) => Err(Refusal::bad_request("Expected a JSON object.")),
    }
}

fn body_or_empty(text: &str) -> Result<Profile, Refusal> {
    match text.is_empty() {
        true => Ok(Profile::new()),
        false => body(text),
    }
}

fn parameters(query: &str) -> Profile {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query);
    let pairs = pairs.map(web::Query::into_inner).unwrap_or_default();
    pairs
        .into_iter()
        .map(|(key, value)| (key, Value::from(value)))
        .collect()
}

fn merchant(state: &State, id: &str) -> Result<String, Refusal> {
    let merchant_id = &state.options.merchant_id;
    if id != "me" && id != merchant_id {
        return Err(Refusal::no_such_endpoint("/v2/merchants"));
    }
    let merchant = json!({
        "id": merchant_id,
        "business_name": "Simulated seller",
        "country": "US",
        "language_code": "en-US",
        "currency": "USD",
        "status": "ACTIVE",
    });
    Ok(json!({ "merchant": merchant }).to_string())
}

/// A token that never expires shows an empty `expires_at`.
fn token_status(state: &State) -> String {
    let scopes: &[&str] = match state.faults.access {
        Access::NoScopes => &["MERCHANT_PROFILE_READ"],
        Access::ReadOnly => &["CUSTOMERS_READ", "MERCHANT_PROFILE_READ"],
        _ => &["CUSTOMERS_READ", "CUSTOMERS_WRITE", "MERCHANT_PROFILE_READ"],
    };
    json!({
        "scopes": scopes,
        "expires_at": "",
        "client_id": "sandbox-sq0idb-simulator",
        "merchant_id": state.options.merchant_id,
    })
    .to_string()
}
