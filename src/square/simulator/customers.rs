//! The Customers API, one customer at a time.
//!
//! In come requests as JSON, out goes the customer's text or a refusal. What is
//! refused has changed nothing.

use std::sync::Arc;

use serde_json::{Value, json};

use super::check;
use super::options::Stale;
use super::profile::{self, Profile};
use super::refusal::Refusal;
use super::state::State;

/// Makes a customer, once per idempotency key.
pub(super) fn create(state: &mut State, mut body: Profile) -> Result<Arc<str>, Refusal> {
    let key = match body.remove("idempotency_key") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(key)) => key,
        Some(_) => return Err(Refusal::invalid("EXPECTED_STRING").at("idempotency_key")),
    };
    let now = state.now();
    let asked = Value::Object(body.clone());
    if !key.is_empty() {
        let life = state.options.key_life;
        if let Some(customer) = state.keys.recall(&key, &asked, now, life)? {
            return Ok(customer);
        }
    }
    let mut customer = Profile::new();
    profile::lay_over(&mut customer, &kept(state, &body)?);
    if profile::is_hidden(&customer) {
        return Err(Refusal::bad_request(
            "At least one of `given_name`, `family_name`, `company_name`, `email_address`, or \
             `phone_number` is required for a customer.",
        ));
    }
    customer.insert("creation_source".to_owned(), json!("THIRD_PARTY"));
    let text = state.add(customer, None);
    if !key.is_empty() {
        state.keys.remember(&key, asked, Arc::clone(&text), now);
    }
    Ok(text)
}

/// The profile under this id, or that into which it was merged.
pub(super) fn retrieve(state: &State, id: &str) -> Result<Arc<str>, Refusal> {
    let mut present = id;
    while let (false, Some(next)) = (state.options.forgets_merged, state.aliases.get(present)) {
        present = next;
    }
    let Some((_, _, mut customer)) = state.live(present) else {
        return Err(Refusal::customer_not_found(id));
    };
    if state.options.cards {
        let card = json!([{ "id": "ccof:simulated", "card_brand": "VISA", "last_4": "1111" }]);
        customer.insert("cards".to_owned(), card);
    }
    Ok(Arc::from(profile::write(&customer, &[])))
}

/// Changes the fields that the body names.
pub(super) fn update(state: &mut State, id: &str, mut body: Profile) -> Result<Arc<str>, Refusal> {
    let Some((slot, number, mut customer)) = state.live(id) else {
        return Err(Refusal::customer_not_found(id));
    };
    let version = match body.remove("version") {
        None | Some(Value::Null) => None,
        Some(version) => Some(version.as_i64().ok_or_else(not_a_version)?),
    };
    if body.is_empty() {
        return Err(Refusal::bad_request("At least one field must be set."));
    }
    let changes = kept(state, &body)?;
    expect_version(state, version, number)?;
    profile::lay_over(&mut customer, &changes);
    Ok(state.change(slot, number, customer))
}

/// Deletes a customer.
pub(super) fn delete(state: &mut State, id: &str, version: Option<&str>) -> Result<(), Refusal> {
    let Some((slot, number, customer)) = state.live(id) else {
        return Err(Refusal::customer_not_found(id));
    };
    let version = match version {
        None | Some("") => None,
        Some(text) => Some(text.parse().ok().ok_or_else(not_a_version)?),
    };
    expect_version(state, version, number)?;
    state.remove(slot, &customer, None);
    Ok(())
}

/// What Square keeps of what a caller wants written.
fn kept(state: &State, body: &Profile) -> Result<Profile, Refusal> {
    let checked = check::fields(body)?;
    Ok(if state.options.respells {
        check::respelt(checked)
    } else {
        checked
    })
}

fn not_a_version() -> Refusal {
    Refusal::invalid("EXPECTED_INTEGER").at("version")
}

fn expect_version(state: &State, asked: Option<i64>, present: i64) -> Result<(), Refusal> {
    match (asked, state.options.stale) {
        (None, _) => Ok(()),
        (Some(asked), _) if asked == present => Ok(()),
        (Some(_), Stale::VersionMismatch) => {
            Err(Refusal::invalid("VERSION_MISMATCH").at("version"))
        }
        (Some(_), Stale::Conflict) => Err(Refusal::conflict()),
    }
}
