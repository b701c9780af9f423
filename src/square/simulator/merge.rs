//! Merging profiles, as a seller does or Square by itself.
//!
//! In come ids, out goes one new profile; the old ones are deleted and their
//! ids lead to the new one. The events tell of it in any order.

use serde_json::{Value, json};

use super::directory::Slot;
use super::event;
use super::profile::{self, Profile};
use super::state::State;

/// Merges profiles; the first named wins. None if fewer than two are there.
pub(super) fn merge(state: &mut State, ids: &[String]) -> Option<String> {
    let mut old: Vec<(String, Slot, Profile)> = Vec::new();
    for id in ids {
        let is_new = !old.iter().any(|(seen, ..)| seen == id);
        if let (true, Some((slot, _, customer))) = (is_new, state.live(id)) {
            old.push((id.clone(), slot, customer));
        }
    }
    if old.len() < 2 {
        return None;
    }
    let profiles = old.iter().map(|(_, _, customer)| customer);
    let mut merged = united(profiles, &state.now().format("%m/%d/%Y").to_string());
    merged.insert("creation_source".to_owned(), json!("MERGE"));

    let new = state.new_id();
    merged.insert("id".to_owned(), json!(new));
    let from: Vec<String> = old.iter().map(|(id, ..)| id.clone()).collect();
    let context = event::merge_context(&from, &new);
    // The order in which the events come is the order of these acts.
    let mut acts: Vec<Option<(Slot, Profile)>> = old
        .into_iter()
        .map(|(_, slot, customer)| Some((slot, customer)))
        .collect();
    acts.push(None);
    state.rng.shuffle(&mut acts);
    for act in acts {
        match act {
            Some((slot, customer)) => state.remove(slot, &customer, Some(&context)),
            None => {
                state.add(std::mem::take(&mut merged), Some(&context));
            }
        }
    }
    for id in from {
        state.aliases.insert(id, new.clone());
    }
    Some(new)
}

/// One profile from several: the first value of each field stays, what loses
/// is told in the note.
fn united<'a>(profiles: impl Iterator<Item = &'a Profile>, date: &str) -> Profile {
    let mut merged = Profile::new();
    let mut lost = String::new();
    for customer in profiles {
        for (key, value) in customer {
            match merged.get_mut(key) {
                None => {
                    merged.insert(key.clone(), value.clone());
                }
                Some(Value::Array(kept)) => {
                    let more = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    let more: Vec<_> = more.iter().filter(|it| !kept.contains(it)).collect();
                    kept.extend(more.into_iter().cloned());
                }
                Some(kept) => {
                    if let (Some(text), false) = (value.as_str(), kept == value) {
                        lost.push_str(&told(key, text));
                    }
                }
            }
        }
    }
    if !lost.is_empty() {
        let note = profile::text(&merged, "note").unwrap_or_default();
        let note = format!(
            "{note} Merged on {date}. Following fields were not transferred to the current customer:{lost}"
        );
        merged.insert("note".to_owned(), json!(note));
    }
    merged
}

/// A lost value with its label, for fields that a seller knows by name.
fn told(key: &str, text: &str) -> String {
    let label = match key {
        "given_name" => "First Name",
        "family_name" => "Last Name",
        "nickname" => "Nickname",
        "company_name" => "Company",
        "email_address" => "Email",
        "phone_number" => "Phone",
        "birthday" => "Birthday",
        "reference_id" => "Reference ID",
        "note" => "Note",
        _ => return String::new(),
    };
    format!("{label}: {text} ")
}
