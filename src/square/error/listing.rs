//! The object in an answer's body: bytes in, JSON out. The promise: of a list of
//! customers each is read by itself. One that no text can hold, such as one with
//! half a surrogate pair in it, is null there and spoils no other.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Result, Value};

/// The key whose list is read one by one.
const LISTED: &str = "customers";

/// Reads the object. Of a key given twice the last value counts, as everywhere.
pub(super) fn read(body: &[u8]) -> Result<Map<String, Value>> {
    let parts: BTreeMap<String, &RawValue> = serde_json::from_slice(body)?;
    let mut object = Map::new();
    for (key, part) in parts {
        let value = if key == LISTED {
            listed(part)?
        } else {
            serde_json::from_str(part.get())?
        };
        object.insert(key, value);
    }
    Ok(object)
}

fn listed(part: &RawValue) -> Result<Value> {
    let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(part.get()) else {
        return serde_json::from_str(part.get());
    };
    let one = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or(Value::Null);
    Ok(Value::Array(list.into_iter().map(one).collect()))
}
