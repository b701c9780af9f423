//! The bulk calls of the Customers API: up to a hundred customers, each for itself.
//!
//! In comes a map or a list, out goes a map with an answer or errors under each
//! key, in no order.

use serde_json::Value;

use super::customers;
use super::fault::Fault;
use super::profile::{Profile, quoted};
use super::refusal::Refusal;
use super::state::State;

/// Makes customers; the keys are idempotency keys.
pub(super) fn create(state: &mut State, body: &Profile) -> Result<String, Refusal> {
    let items = map(body)?;
    let answers = items.into_iter().map(|(key, mut item)| {
        item.insert("idempotency_key".to_owned(), Value::from(key.as_str()));
        let answer = customers::create(state, item).map(|text| customer(&text));
        (key, answer)
    });
    let answers = answers.collect();
    Ok(responses(state, answers, true))
}

/// Changes customers; the keys are their ids.
pub(super) fn update(state: &mut State, body: &Profile) -> Result<String, Refusal> {
    let items = map(body)?;
    let answers = items.into_iter().map(|(id, item)| {
        let answer = customers::update(state, &id, item).map(|text| customer(&text));
        (id, answer)
    });
    let answers = answers.collect();
    Ok(responses(state, answers, true))
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
    if state.fires(Fault::MissingBulkKey, is_write) {
        answers.pop();
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
