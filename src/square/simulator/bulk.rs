//! The bulk calls of the Customers API: up to a hundred customers, each for itself.
//!
//! In comes a map or a list, out goes a map with an answer or errors under each
//! key, in no order.

use std::sync::Arc;

use serde_json::Value;

use super::customers;
use super::fault::Fault;
use super::ledger::Item;
use super::profile::{Profile, quoted};
use super::refusal::Refusal;
use super::state::State;

/// Makes customers; the keys are idempotency keys.
pub(super) fn create(state: &mut State, body: &Profile) -> Result<String, Refusal> {
    write(state, body, |state, key, mut item| {
        if item.contains_key("idempotency_key") {
            return Err(Refusal::invalid("UNKNOWN_BODY_PARAMETER").at("idempotency_key"));
        }
        item.insert("idempotency_key".to_owned(), Value::from(key));
        customers::create(state, item)
    })
}

/// Changes customers; the keys are their ids.
pub(super) fn update(state: &mut State, body: &Profile) -> Result<String, Refusal> {
    write(state, body, customers::update)
}

/// Does one after another what is asked for each key.
fn write(
    state: &mut State,
    body: &Profile,
    one: impl Fn(&mut State, &str, Profile) -> Result<Arc<str>, Refusal>,
) -> Result<String, Refusal> {
    let mut items = map(body)?;
    refused_whole(state, body, items.len())?;
    let whole = items.len();
    if 1 < whole && state.fires(Fault::BulkHalfDone, true) {
        items.truncate(whole / 2);
    }
    let limited = match state.fires(Fault::BulkItemLimited, true) {
        true => Some(state.rng.usize(..items.len())),
        false => None,
    };
    let mut answers = Vec::new();
    for (number, (key, item)) in items.into_iter().enumerate() {
        let commits = state.commits;
        let answer = match limited == Some(number) {
            true => Err(Refusal::rate_limited()),
            false => one(state, &key, item).map(|text| customer(&text)),
        };
        state.items.push(Item {
            key: key.clone(),
            status: Some(
                answer
                    .as_ref()
                    .map_or_else(|refusal| refusal.status, |_| 200),
            ),
            applied: commits < state.commits,
        });
        answers.push((key, answer));
    }
    if answers.len() < whole {
        return Err(Refusal::internal_error());
    }
    Ok(responses(state, answers, true))
}

/// What is wrong with one customer may be held against all.
fn refused_whole(state: &mut State, body: &Profile, number: usize) -> Result<(), Refusal> {
    let poison = state.faults.poison.as_ref();
    if poison.is_some_and(|poison| Value::Object(body.clone()).to_string().contains(poison)) {
        state.faults.count(Fault::BulkRefused);
    } else if number < 2 || !state.fires(Fault::BulkRefused, true) {
        return Ok(());
    }
    Err(Refusal::invalid("INVALID_VALUE").at("customers"))
}

/// Retrieves customers, each under the id that was asked for.
pub(super) fn retrieve(state: &mut State, body: &Profile) -> Result<String, Refusal> {
    let answers = ids(body)?.into_iter().map(|id| {
        let answer = customers::retrieve(state, &id).map(|text| customer(&text));
        (id, answer)
    });
    let answers = answers.collect();
    Ok(responses(state, answers, false))
}

/// Deletes customers.
pub(super) fn delete(state: &mut State, body: &Profile) -> Result<String, Refusal> {
    let answers = ids(body)?.into_iter().map(|id| {
        let answer = customers::delete(state, &id, None).map(|()| "{}".to_owned());
        (id, answer)
    });
    let answers = answers.collect();
    Ok(responses(state, answers, true))
}

fn customer(text: &str) -> String {
    format!(r#"{{"customer":{text}}}"#)
}

fn map(body: &Profile) -> Result<Vec<(String, Profile)>, Refusal> {
    let Some(Value::Object(items)) = body.get("customers") else {
        return Err(Refusal::invalid("MISSING_REQUIRED_PARAMETER").at("customers"));
    };
    within("customers", items.len())?;
    items
        .iter()
        .map(|(key, item)| match item {
            Value::Object(item) => Ok((key.clone(), item.clone())),
            _ => Err(Refusal::invalid("EXPECTED_OBJECT").at(&format!("customers.{key}"))),
        })
        .collect()
}

fn ids(body: &Profile) -> Result<Vec<String>, Refusal> {
    let Some(Value::Array(items)) = body.get("customer_ids") else {
        return Err(Refusal::invalid("MISSING_REQUIRED_PARAMETER").at("customer_ids"));
    };
    within("customer_ids", items.len())?;
    items
        .iter()
        .map(|item| match item {
            Value::String(id) => Ok(id.clone()),
            _ => Err(Refusal::invalid("EXPECTED_STRING").at("customer_ids")),
        })
        .collect()
}

fn within(field: &str, number: usize) -> Result<(), Refusal> {
    match number {
        1..=100 => Ok(()),
        _ => Err(Refusal::bad_request("Expected 1 to 100 customers.").at(field)),
    }
}

fn responses(
    state: &mut State,
    mut answers: Vec<(String, Result<String, Refusal>)>,
    is_write: bool,
) -> String {
    state.rng.shuffle(&mut answers);
    if state.fires(Fault::MissingBulkKey, is_write)
        && let Some((key, _)) = answers.pop()
    {
        left_out(state, &key);
    }
    if state.fires(Fault::StrangeBulkKey, is_write)
        && let Some((key, _)) = answers.first_mut()
    {
        left_out(state, key);
        key.push_str("-strange");
    }
    let answers: Vec<String> = answers
        .into_iter()
        .map(|(key, answer)| {
            let answer = answer.unwrap_or_else(|refusal| refusal.body());
            format!("{}:{answer}", quoted(&key))
        })
        .collect();
    format!(r#"{{"responses":{{{}}}}}"#, answers.join(","))
}

/// Notes that the answer says nothing of this key.
fn left_out(state: &mut State, key: &str) {
    for item in state.items.iter_mut().filter(|item| item.key == key) {
        item.status = None;
    }
}
