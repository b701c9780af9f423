//! Many customers in one call: ids or bodies in, what Square says of each out.
//! The promise: one is gone, made or changed only where Square says so under this
//! very key. A key that is missing, an answer that cannot be read and any other
//! error prove nothing.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::domain::id::SquareId;
use crate::domain::profile::Profile;
use crate::domain::seeded::{self, Bug};
use crate::square::client::Square;
use crate::square::client::transport::Call;
use crate::square::error::{self, Cause, SquareError};

/// The most customers that one call may be about.
pub const MOST: usize = 100;

/// What Square says of one id.
#[derive(Clone, Debug, PartialEq)]
pub enum Retrieved {
    /// The profile; that of another id is the one that this one went into.
    Profile(Profile),
    /// There is no such customer.
    NotFound,
    /// Nothing that can be relied on.
    Unknown,
}

/// What came of each write in a bulk call.
pub type Written = Vec<Result<Profile, SquareError>>;

impl Square {
    /// Asks for up to [`MOST`] profiles. Every id that was asked for has its answer, in their order.
    pub async fn bulk_retrieve(
        &self,
        ids: &[SquareId],
    ) -> Result<Vec<(SquareId, Retrieved)>, SquareError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let url = self.url(&["v2", "customers", "bulk-retrieve"])?;
        let asked: Vec<&str> = ids.iter().map(SquareId::as_str).collect();
        let call = Call::new("bulk_retrieve", Method::POST, url)
            .with_body(json!({ "customer_ids": asked }).to_string());
        let mut responses = self.responses(call).await?;
        let silence = if seeded::is_on(Bug::SilenceIsDeletion) {
            Retrieved::NotFound
        } else {
            Retrieved::Unknown
        };
        let answered = ids.iter().map(|id| {
            let answer = responses.remove(id.as_str());
            (id.clone(), answer.map_or(silence.clone(), read))
        });
        Ok(answered.collect())
    }

    /// Sends up to [`MOST`] bodies of [`bulk_body`](crate::square::body::bulk_body), each under its
    /// idempotency key. Every one has its outcome, in their order.
    pub async fn bulk_create(&self, items: &[(&str, &str)]) -> Result<Written, SquareError> {
        let url = self.url(&["v2", "customers", "bulk-create"])?;
        self.write(Call::new("bulk_create", Method::POST, url), items)
            .await
    }

    /// Sends up to [`MOST`] bodies of [`update_body`](crate::square::body::update_body), each under
    /// the id of its profile. Every one has its outcome, in their order.
    pub async fn bulk_update(&self, items: &[(&str, &str)]) -> Result<Written, SquareError> {
        let url = self.url(&["v2", "customers", "bulk-update"])?;
        self.write(Call::new("bulk_update", Method::POST, url), items)
            .await
    }

    async fn write(&self, call: Call, items: &[(&str, &str)]) -> Result<Written, SquareError> {
        // The bodies go out as they are, byte for byte.
        let bodies: Vec<String> = items
            .iter()
            .map(|(key, body)| format!("{}:{body}", Value::from(*key)))
            .collect();
        let body = format!(r#"{{"customers":{{{}}}}}"#, bodies.join(","));
        let mut responses = self.responses(call.with_body(body)).await?;
        let outcomes = items
            .iter()
            .map(|(key, _)| written(responses.remove(*key).unwrap_or_default()));
        Ok(outcomes.collect())
    }

    async fn responses(&self, call: Call) -> Result<Map<String, Value>, SquareError> {
        let mut object = self.transport.send(call).await?.object;
        match object.remove("responses") {
            Some(Value::Object(responses)) => Ok(responses),
            _ => Err(SquareError::retry(Cause::Unreadable)),
        }
    }
}

/// Reads what came of one customer that was to be written. What is shown and
/// said to have failed is neither.
fn written(answer: Value) -> Result<Profile, SquareError> {
    let unclear = SquareError::retry(Cause::Unreadable);
    let Value::Object(mut answer) = answer else {
        return Err(unclear);
    };
    match answer.remove("customer").unwrap_or_default() {
        Value::Null => Err(error::of_one(&answer)),
        _ if has_errors(&answer) => Err(unclear),
        customer => Profile::parse(customer).ok().ok_or(unclear),
    }
}

/// Reads the answer for one id. Who is shown and said to be missing is neither.
fn read(answer: Value) -> Retrieved {
    let Value::Object(mut answer) = answer else {
        return Retrieved::Unknown;
    };
    let customer = answer.remove("customer").unwrap_or(Value::Null);
    match (customer, has_errors(&answer)) {
        (Value::Null, true) if error::is_not_found(&answer) => Retrieved::NotFound,
        (customer, false) => {
            Profile::parse(customer).map_or(Retrieved::Unknown, Retrieved::Profile)
        }
        _ => Retrieved::Unknown,
    }
}

fn has_errors(answer: &Map<String, Value>) -> bool {
    !matches!(answer.get("errors"), None | Some(Value::Null))
}
