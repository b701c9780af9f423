//! What the seller does in the Dashboard or at the till, past the API.
//!
//! In come acts, out go the same events that Square raises for them. The seller
//! may write what the API may not: groups, segments, sources.

use serde_json::{Value, json};

use super::profile::{self, Profile};
use super::state::State;

/// Adds a customer; any profile is good, even one without a public field.
pub(super) fn create(state: &mut State, profile: &Value) -> String {
    let mut customer = Profile::new();
    if let Value::Object(profile) = profile {
        profile::lay_over(&mut customer, profile);
    }
    customer
        .entry("creation_source")
        .or_insert_with(|| json!("DIRECTORY"));
    customer.remove("id");
    let text = state.add(customer, None);
    let added = profile::read(&text);
    profile::text(&added, "id").unwrap_or_default().to_owned()
}

/// Changes a customer. A change of segments alone has no version and no event.
pub(super) fn update(state: &mut State, id: &str, changes: &Value) -> bool {
    let (Some((slot, number, mut customer)), Value::Object(changes)) = (state.live(id), changes)
    else {
        return false;
    };
    profile::lay_over(&mut customer, changes);
    if changes.keys().all(|key| key == "segment_ids") {
        state.change_silently(slot, &customer);
    } else {
        state.change(slot, number, customer);
    }
    true
}

/// Deletes a customer.
pub(super) fn delete(state: &mut State, id: &str) -> bool {
    let Some((slot, _, customer)) = state.live(id) else {
        return false;
    };
    state.remove(slot, &customer, None);
    true
}

/// Brings a deleted customer back as it was, at the next version.
pub(super) fn restore(state: &mut State, id: &str, with_event: bool) -> bool {
    let Some((slot, number, customer)) = state.buried(id) else {
        return false;
    };
    state.bring_back(slot, number, customer, with_event);
    true
}
