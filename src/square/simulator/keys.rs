//! Idempotency keys: the same key and body get the same answer.
//!
//! In come a key and the body it was sent with, out goes the stored answer, a
//! refusal where the body is another, or nothing for a new key. Keys outlive
//! the customers they made. They are gone with the process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::Timestamp;

use super::refusal::Refusal;

#[derive(Debug)]
struct Remembered {
    /// Without the key itself; compared as JSON, so that order does not count.
    body: Value,
    /// The customer as it was answered.
    customer: Arc<str>,
    at: Timestamp,
}

/// The keys that were used.
#[derive(Debug, Default)]
pub(super) struct Keys {
    used: HashMap<String, Remembered>,
}

impl Keys {
    /// The answer that was given under `key`.
    pub(super) fn recall(
        &self,
        key: &str,
        body: &Value,
        now: Timestamp,
        life: Option<Duration>,
    ) -> Result<Option<Arc<str>>, Refusal> {
        let Some(found) = self.used.get(key) else {
            return Ok(None);
        };
        let age = (now - found.at).to_std().unwrap_or_default();
        if life.is_some_and(|life| life <= age) {
            return Ok(None);
        }
        if &found.body == body {
            return Ok(Some(Arc::clone(&found.customer)));
        }
        Err(Refusal::invalid("IDEMPOTENCY_KEY_REUSED")
            .because("The idempotency key can only be retried with the same request data.")
            .at("idempotency_key"))
    }

    pub(super) fn remember(&mut self, key: &str, body: Value, customer: Arc<str>, at: Timestamp) {
        let remembered = Remembered { body, customer, at };
        self.used.insert(key.to_owned(), remembered);
    }

    pub(super) fn forget(&mut self) {
        self.used.clear();
    }
}
