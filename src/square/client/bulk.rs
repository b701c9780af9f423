//! Many customers asked for in one call: ids in, what Square says of each out.
//! The promise: one is gone only where Square says so of this very id. A key that
//! is missing, an answer that cannot be read and any other error prove nothing.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::domain::id::SquareId;
use crate::domain::profile::Profile;
use crate::domain::seeded::{self, Bug};
use crate::square::client::Square;
use crate::square::client::transport::Call;
use crate::square::error::{self, Cause, SquareError};

/// The most customers that one call may ask for.
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
        let mut object = self.transport.send(call).await?.object;
        let Some(Value::Object(mut responses)) = object.remove("responses") else {
            return Err(SquareError::retry(Cause::Unreadable));
        };
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
