//! The object in an answer's body: bytes in, JSON out. The promise: of a list of
//! customers, and of bulk responses, each is read by itself. One that no text can
//! hold, such as one with half a surrogate pair in it, is null there and spoils no
//! other. Listed events are not read at all: each stays text, as a webhook's body
//! is until it is read.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Result, Value};

/// The key whose list is read one by one.
const LISTED: &str = "customers";
/// The key whose map is read one by one.
const MAPPED: &str = "responses";
/// The key whose list is kept as texts.
const KEPT: &str = "events";

/// Reads the object. Of a key given twice the last value counts, as everywhere.
pub(super) fn read(body: &[u8]) -> Result<Map<String, Value>> {
    let parts: BTreeMap<String, &RawValue> = serde_json::from_slice(body)?;
    let mut object = Map::new();
    for (key, part) in parts {
        let value = match key.as_str() {
            LISTED => each(part, one)?,
            MAPPED => mapped(part)?,
            KEPT => each(part, |text| Value::String(text.to_owned()))?,
            _ => serde_json::from_str(part.get())?,
        };
        object.insert(key, value);
    }
    Ok(object)
}

fn each(part: &RawValue, read: impl Fn(&str) -> Value) -> Result<Value> {
    let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(part.get()) else {
        return serde_json::from_str(part.get());
    };
    let each = list.into_iter().map(|one| read(one.get()));
    Ok(Value::Array(each.collect()))
}

fn mapped(part: &RawValue) -> Result<Value> {
    let Ok(map) = serde_json::from_str::<BTreeMap<String, &RawValue>>(part.get()) else {
        return serde_json::from_str(part.get());
    };
    let read = map.into_iter().map(|(key, raw)| (key, one(raw.get())));
    Ok(Value::Object(read.collect()))
}

fn one(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}
