//! Values that stand in a column as JSON text. Errors do not repeat them.

use crate::store::error::{StoreError, StoreResult};

/// For a column.
pub(super) fn json(value: &impl serde::Serialize) -> StoreResult<String> {
    serde_json::to_string(value).map_err(|error| rejected("written", &error))
}

/// From a column.
pub(super) fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> StoreResult<T> {
    serde_json::from_str(text).map_err(|error| rejected("read", &error))
}

/// The parser's own message may quote the text.
fn rejected(done: &str, error: &serde_json::Error) -> StoreError {
    let (line, column) = (error.line(), error.column());
    let place = format!("line {line}, column {column}");
    StoreError::Rejected(format!("JSON of a column cannot be {done}: {place}"))
}
