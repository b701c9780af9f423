//! Values that stand in a column as JSON text.

use crate::store::error::{StoreError, StoreResult};

/// For a column.
pub(super) fn json(value: &impl serde::Serialize) -> StoreResult<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Rejected(error.to_string()))
}

/// From a column.
pub(super) fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> StoreResult<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Rejected(error.to_string()))
}
