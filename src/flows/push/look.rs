//! What is asked of Square before a profile is made, so that none is made twice.
//!
//! In: a create. Out: the profiles that it may have made before, or that may be
//! the row's. The promise: a look that did not get through is an error, and
//! never an empty result.

use chrono::TimeDelta;

use crate::domain::Timestamp;
use crate::domain::field::{Field, Fields};
use crate::domain::lookalike::{Fit, Matching, contact, fit};
use crate::domain::profile::Profile;
use crate::domain::spelling::alike;
use crate::square::client::{FindBy, Square};
use crate::square::error::{Cause, SquareError};
use crate::store::customers::Row;
use crate::store::outbox::{Call, Operation};

/// How long Square is trusted to know a key: it does not say. Told by its own clock,
/// since ours may be set at any moment.
const KEY_LIFE: TimeDelta = TimeDelta::hours(1);

/// Why it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The call was never made; the row's customer may be there all the same.
    First,
    /// The call was made long ago, and nobody knows what came of it.
    Unknown,
    /// Square says that the call's key made something from another body.
    Certain,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) why: Why,
    /// What the profile was, or would be, made of.
    pub(super) sent: Fields,
    references: Vec<String>,
    email: Option<String>,
    phone: Option<String>,
}

impl Question {
    /// What to ask before this call is made, if anything; it is `square_time`, and
    /// profiles may have been made `since` then that are not known here.
    pub(super) fn before(
        call: &Call,
        square_time: Timestamp,
        since: Option<Timestamp>,
        matching: Matching,
    ) -> Option<Self> {
        if !matches!(call.operation, Operation::Create { .. }) {
            return None;
        }
        // An old key may be forgotten, and would make a second profile.
        let is_old = |first: Timestamp| KEY_LIFE < (square_time - first).abs();
        match call.first_attempt {
            Some(first) => is_old(first).then(|| Self::of_made(call, Why::Unknown)),
            // A call that takes an older one's place is not made without a look.
            None => {
                let is_known = since.is_some_and(|since| !is_old(since)) && call.attempts == 0;
                Self::of_new(call, is_known, matching)
            }
        }
    }

    /// What to ask when Square says that the key was used with another body.
    pub(super) fn of_key(call: &Call) -> Self {
        Self::of_made(call, Why::Certain)
    }

    /// The question that is answered by what is known of a row's profiles already.
    pub(super) fn of_row(row: &Row) -> Self {
        Self {
            why: Why::First,
            sent: row.fields.clone(),
            references: Vec::new(),
            email: None,
            phone: None,
        }
    }

    fn of_new(call: &Call, is_known: bool, matching: Matching) -> Option<Self> {
        let sent = sent(call);
        let reference = sent.get(Field::ReferenceId).filter(|_| !is_known);
        let references: Vec<String> = reference.map(str::to_owned).into_iter().collect();
        let (email, phone) = matching.contact(&sent);
        let asks = !references.is_empty() || email.is_some() || phone.is_some();
        asks.then_some(Self {
            why: Why::First,
            references,
            email,
            phone,
            sent,
        })
    }

    /// By the row's id, which an earlier body may have carried, and where the
    /// application gave a reference of its own by that, and by what else was sent.
    fn of_made(call: &Call, why: Why) -> Self {
        let sent = sent(call);
        let ours = call.customer_id.as_str();
        let own = sent.get(Field::ReferenceId).filter(|text| *text != ours);
        let (email, phone) = own.map(|_| contact(&sent)).unwrap_or_default();
        Self {
            why,
            references: own.into_iter().chain([ours]).map(str::to_owned).collect(),
            email,
            phone,
            sent,
        }
    }

    /// Whether no more has to be looked for than these.
    fn is_answered_by(&self, found: &[Profile]) -> bool {
        found
            .iter()
            .any(|profile| self.why == Why::First || fit(&self.sent, &profile.fields()) != Fit::Not)
    }
}

/// What the call's body holds, with the reference that Square is given.
pub(super) fn sent(call: &Call) -> Fields {
    let body: Profile = serde_json::from_str(&call.body).unwrap_or_default();
    body.fields()
}

/// Asks Square.
pub(super) async fn look_up(
    square: &Square,
    question: &Question,
) -> Result<Vec<Profile>, SquareError> {
    let mut found: Vec<Profile> = Vec::new();
    for reference in &question.references {
        let named = match square.find(FindBy::Reference, reference).await {
            // Whatever Square has against the question, it is no answer to it.
            Err(SquareError::Refused(_)) => Err(SquareError::retry(Cause::Unreadable)),
            named => named,
        };
        found.extend(named?.into_iter().filter(|profile| {
            alike(
                Field::ReferenceId,
                profile.text("reference_id"),
                Some(reference),
            )
        }));
    }
    if question.is_answered_by(&found) {
        return Ok(found);
    }
    let contact = [
        (FindBy::Email, &question.email),
        (FindBy::Phone, &question.phone),
    ];
    for (by, value) in contact {
        let Some(value) = value else { continue };
        match square.find(by, value).await {
            Ok(reached) => found.extend(reached),
            // What Square does not take for an address or a number, no profile holds.
            Err(SquareError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
