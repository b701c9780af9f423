//! Refusals in Square's words.
//!
//! In comes the reason, out goes the status and the body
//! `{"errors":[{"category","code","detail"?,"field"?}]}`.

use serde_json::{Map, Value, json};

/// Why Square does not do what it was asked to.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    category: &'static str,
    code: &'static str,
    detail: Option<String>,
    field: Option<String>,
}

impl Refusal {
    /// A fault of the caller, answered with 400.
    pub(super) fn invalid(code: &'static str) -> Self {
        Self::new(400, "INVALID_REQUEST_ERROR", code)
    }

    pub(super) fn bad_request(detail: &str) -> Self {
        Self::invalid("BAD_REQUEST").because(detail)
    }

    pub(super) fn customer_not_found(id: &str) -> Self {
        Self::new(404, "INVALID_REQUEST_ERROR", "NOT_FOUND")
            .because(&format!("Customer with ID `{id}` not found."))
    }

    pub(super) fn no_such_endpoint(path: &str) -> Self {
        Self::new(404, "INVALID_REQUEST_ERROR", "NOT_FOUND")
            .because(&format!("There is no endpoint at `{path}`."))
    }

    pub(super) fn conflict() -> Self {
        Self::new(409, "INVALID_REQUEST_ERROR", "CONFLICT").at("version")
    }

    pub(super) fn unauthorized(code: &'static str) -> Self {
        Self::new(401, "AUTHENTICATION_ERROR", code)
            .because("This request could not be authorized.")
    }

    pub(super) fn insufficient_scopes() -> Self {
        Self::new(403, "AUTHENTICATION_ERROR", "INSUFFICIENT_SCOPES")
    }

    pub(super) fn rate_limited() -> Self {
        Self::new(429, "RATE_LIMIT_ERROR", "RATE_LIMITED")
    }

    pub(super) fn internal_error() -> Self {
        Self::new(500, "API_ERROR", "INTERNAL_SERVER_ERROR")
    }

    /// Adds the sentence for developers.
    pub(super) fn because(mut self, detail: &str) -> Self {
        self.detail = Some(detail.to_owned());
        self
    }

    /// Adds the field of the request that is to blame.
    pub(super) fn at(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> String {
        let mut error = Map::new();
        error.insert("category".to_owned(), json!(self.category));
        error.insert("code".to_owned(), json!(self.code));
        for (key, text) in [("detail", &self.detail), ("field", &self.field)] {
            if let Some(text) = text {
                error.insert(key.to_owned(), json!(text));
            }
        }
        json!({ "errors": [Value::Object(error)] }).to_string()
    }

    fn new(status: u16, category: &'static str, code: &'static str) -> Self {
        Self {
            status,
            category,
            code,
            detail: None,
            field: None,
        }
    }
}
