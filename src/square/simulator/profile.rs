//! A customer profile as JSON: how a change is laid over it and how it is written.
//!
//! In come JSON objects as callers send them, out goes compact text with the
//! keys in the order of Square's wire and without empty fields.

use serde_json::{Map, Value};

/// A customer as Square keeps it.
pub(super) type Profile = Map<String, Value>;

/// Without one of these a profile is left out of lists, searches and counts.
pub(super) const PUBLIC: [&str; 5] = [
    "given_name",
    "family_name",
    "company_name",
    "email_address",
    "phone_number",
];

/// The order in which Square writes the keys; others follow.
const WIRE_ORDER: [&str; 20] = [
    "id",
    "created_at",
    "updated_at",
    "cards",
    "given_name",
    "family_name",
    "nickname",
    "company_name",
    "email_address",
    "address",
    "phone_number",
    "birthday",
    "reference_id",
    "note",
    "preferences",
    "creation_source",
    "group_ids",
    "segment_ids",
    "version",
    "tax_ids",
];

/// Lays `changes` over `profile`: an absent key keeps, null and empty text
/// remove, and an object is laid over key by key.
pub(super) fn lay_over(profile: &mut Profile, changes: &Profile) {
    for (key, value) in changes {
        match value {
            Value::Null => {
                profile.remove(key);
            }
            Value::String(text) if text.is_empty() => {
                profile.remove(key);
            }
            Value::Array(items) if items.is_empty() => {
                profile.remove(key);
            }
            Value::Object(inner) => lay_over_object(profile, key, inner),
            _ => {
                profile.insert(key.clone(), value.clone());
            }
        }
    }
}

fn lay_over_object(profile: &mut Profile, key: &str, changes: &Profile) {
    let mut object = match profile.remove(key) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    lay_over(&mut object, changes);
    if !object.is_empty() {
        profile.insert(key.to_owned(), Value::Object(object));
    }
}

/// The profile as Square writes it, without the keys in `left_out`.
pub(super) fn write(profile: &Profile, left_out: &[&str]) -> String {
    let known = WIRE_ORDER
        .iter()
        .filter_map(|key| profile.get_key_value(*key));
    let unknown = profile
        .iter()
        .filter(|(key, _)| !WIRE_ORDER.contains(&key.as_str()));
    let mut bytes = vec![b'{'];
    for (key, value) in known.chain(unknown) {
        if left_out.contains(&key.as_str()) {
            continue;
        }
        if 1 < bytes.len() {
            bytes.push(b',');
        }
        // Writing into memory cannot fail, and JSON is always UTF-8.
        serde_json::to_writer(&mut bytes, key).unwrap_or_default();
        bytes.push(b':');
        serde_json::to_writer(&mut bytes, value).unwrap_or_default();
    }
    bytes.push(b'}');
    String::from_utf8(bytes).unwrap_or_default()
}

/// Reads what `write` wrote.
pub(super) fn read(text: &str) -> Profile {
    serde_json::from_str(text).unwrap_or_default()
}

/// The text of a string field.
pub(super) fn text<'a>(profile: &'a Profile, key: &str) -> Option<&'a str> {
    profile.get(key).and_then(Value::as_str)
}

/// Has it lost, or never had, a public field?
pub(super) fn is_hidden(profile: &Profile) -> bool {
    !PUBLIC.iter().any(|key| text(profile, key).is_some())
}

/// `text` as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
