//! The ledger of API requests, as they arrived and as they were answered.

use crate::domain::Timestamp;

/// One request to the API.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it arrived.
    pub at: Timestamp,
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// What the body, if any, names as its key.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the body, as hexadecimal digits.
    pub body_sha256: String,
    /// The body.
    pub body: String,
    /// The status answered; none where the connection was closed instead.
    pub status: Option<u16>,
    /// Did it change anything? A repeated key does not.
    pub applied: bool,
}
