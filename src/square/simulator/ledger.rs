//! The ledger of API requests, as they arrived and as they were answered.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::Timestamp;
use crate::square::simulator::Simulator;

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
    /// The status answered; none where no whole answer arrived.
    pub status: Option<u16>,
    /// Did it change anything? A repeated key does not.
    pub applied: bool,
    /// Did the index leave out customers who are there?
    pub is_short: bool,
    /// Of a bulk write, what came of each customer that was looked at.
    pub items: Vec<Item>,
}

/// What came of one customer in a bulk write.
#[derive(Clone, Debug)]
pub struct Item {
    /// The idempotency key or the id.
    pub key: String,
    /// The status that a call of its own would have been answered with; none where the answer leaves it out.
    pub status: Option<u16>,
    /// Did it change anything?
    pub applied: bool,
}

impl Simulator {
    /// The ledger of API requests, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// How many changes were made, by whomever.
    pub fn changes(&self) -> u64 {
        self.shared.lock().commits
    }

    /// How many API requests there were.
    pub fn asked(&self) -> usize {
        self.shared.lock().calls.len()
    }
}

impl Call {
    /// The calls that a bulk write stands for, as if each customer had had one
    /// of its own; any other call as it is.
    pub fn each(&self) -> Vec<Self> {
        let is_create = match self.path.as_str() {
            "/v2/customers/bulk-create" => true,
            "/v2/customers/bulk-update" => false,
            _ => return vec![self.clone()],
        };
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let customers = body.get("customers").and_then(Value::as_object);
        let one = |(key, body): (&String, &Value)| {
            let item = self.items.iter().find(|item| item.key == *key);
            let body = body.to_string();
            Self {
                method: if is_create { "POST" } else { "PUT" }.to_owned(),
                path: match is_create {
                    true => "/v2/customers".to_owned(),
                    false => format!("/v2/customers/{key}"),
                },
                idempotency_key: is_create.then(|| key.clone()),
                body_sha256: sha256(&body),
                body,
                status: match self.status {
                    Some(200) => item.and_then(|item| item.status),
                    status => status,
                },
                applied: item.is_some_and(|item| item.applied),
                is_short: self.is_short,
                items: Vec::new(),
                at: self.at,
            }
        };
        customers.into_iter().flatten().map(one).collect()
    }
}

/// SHA-256, as hexadecimal digits.
pub(super) fn sha256(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
