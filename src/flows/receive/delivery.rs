//! One delivery, read before it waits for its commit, so that reading runs on
//! as many cores as there are and the commit does nothing but store.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::domain::id::MerchantId;
use crate::domain::observation::Observation;
use crate::flows::receive::effect::Verdict;
use crate::square::client::Listed;
use crate::square::event::{About, Event, Idle, Unreadable};
use crate::square::signature::Verified;
use crate::store::inbox::Entry;

/// An event that Square signed or listed, as far as it can be read.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Square's id of the event, or one made from its bytes.
    pub(super) event_id: String,
    pub(super) merchant_id: Option<MerchantId>,
    kind: Option<String>,
    body: Bytes,
    pub(super) body_sha256: String,
    /// Whether Square listed it, in other bytes than it signs.
    pub(super) is_listed: bool,
    pub(super) content: Content,
}

/// What a delivery carries.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Something of customers.
    Shows(Vec<Observation>),
    /// Nothing for us, and why.
    Nothing(&'static str),
    /// It cannot be read or stored, and why.
    Dead(String),
}

impl Delivery {
    /// Reads what a current key signed.
    pub fn read(verified: &Verified) -> Self {
        Self::of(verified.body().clone())
    }

    /// Reads what Square listed when it was asked.
    pub fn listed(event: Listed) -> Self {
        Self {
            is_listed: true,
            ..Self::of(Bytes::from(event.into_body()))
        }
    }

    /// Reads what was verified when it was taken into the inbox.
    pub(super) fn read_again(body: Vec<u8>) -> Self {
        Self::of(Bytes::from(body))
    }

    fn of(body: Bytes) -> Self {
        let body_sha256 = hex(&Sha256::digest(&body));
        match Event::parse(&body) {
            Ok(event) => Self {
                event_id: event.event_id,
                merchant_id: Some(event.merchant_id),
                kind: Some(event.kind),
                body,
                body_sha256,
                is_listed: false,
                content: match event.about {
                    About::Customer(observations) => Content::Shows(observations),
                    About::Nothing(Idle::OtherType) => {
                        Content::Nothing("events of this type change no profile")
                    }
                    About::Nothing(Idle::NoObject) => {
                        Content::Nothing("the event carries no customer")
                    }
                },
            },
            Err(Unreadable {
                reason,
                event_id,
                merchant_id,
                kind,
            }) => Self {
                event_id: event_id.unwrap_or_else(|| format!("sha256:{body_sha256}")),
                merchant_id,
                kind,
                body,
                body_sha256,
                is_listed: false,
                content: Content::Dead(reason.to_string()),
            },
        }
    }

    /// The same delivery, as one that cannot be stored otherwise.
    pub(super) fn into_dead(self, reason: String) -> Self {
        tracing::error!(
            event.id = self.event_id,
            reason,
            "an event cannot be stored and is kept as dead"
        );
        Self {
            content: Content::Dead(reason),
            ..self
        }
    }

    /// What the inbox keeps of it.
    pub(super) fn entry<'a>(&'a self, verdict: &'a Verdict) -> Entry<'a> {
        Entry {
            merchant_id: self.merchant_id.as_ref(),
            event_id: &self.event_id,
            event_type: self.kind.as_deref(),
            body: &self.body,
            body_sha256: &self.body_sha256,
            state: verdict.state,
            reason: verdict.reason.as_deref(),
            listed: self.is_listed,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}
