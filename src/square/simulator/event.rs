//! Webhook events: their bytes and their signature.
//!
//! In comes what happened to a customer, out goes compact JSON with the keys in
//! the order of Square's wire. The signature is made here from hmac alone: the
//! simulator is the other side and must not share the code it is to test.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::Timestamp;

use super::clock::seconds;
use super::profile::{self, Profile, quoted};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Created,
    Updated,
    Deleted,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "customer.created",
            Self::Updated => "customer.updated",
            Self::Deleted => "customer.deleted",
        }
    }

    /// What the profile in the event lacks.
    fn left_out(self) -> &'static [&'static str] {
        match self {
            Self::Created | Self::Updated => &["segment_ids", "cards"],
            Self::Deleted => &[
                "segment_ids",
                "cards",
                "group_ids",
                "created_at",
                "updated_at",
            ],
        }
    }
}

/// An event id, which stays the same when the event is sent again.
pub(super) fn new_id(rng: &mut fastrand::Rng) -> String {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes())
        .into_uuid()
        .to_string()
}

/// The context of the events of a merge.
pub(super) fn merge_context(from: &[String], to: &str) -> String {
    let from: Vec<String> = from.iter().map(|id| quoted(id)).collect();
    format!(
        r#"{{"merge":{{"from_customer_ids":[{}],"to_customer_id":{}}}}}"#,
        from.join(","),
        quoted(to)
    )
}

/// The bytes of an event about a customer.
pub(super) fn body(
    merchant_id: &str,
    kind: Kind,
    event_id: &str,
    now: Timestamp,
    customer: &Profile,
    context: Option<&str>,
) -> String {
    let id = quoted(profile::text(customer, "id").unwrap_or_default());
    let deleted = match kind {
        Kind::Deleted => r#","deleted":true"#,
        Kind::Created | Kind::Updated => "",
    };
    let context = context.map_or_else(String::new, |it| format!(r#","event_context":{it}"#));
    let customer = profile::write(customer, kind.left_out());
    let data = format!(
        r#"{{"type":"customer","id":{id}{deleted},"object":{{"customer":{customer}{context}}}}}"#
    );
    envelope(merchant_id, kind.name(), event_id, now, &data)
}

/// The bytes of any event.
pub(super) fn envelope(
    merchant_id: &str,
    event_type: &str,
    event_id: &str,
    now: Timestamp,
    data: &str,
) -> String {
    format!(
        r#"{{"merchant_id":{},"type":{},"event_id":{},"created_at":{},"data":{data}}}"#,
        quoted(merchant_id),
        quoted(event_type),
        quoted(event_id),
        quoted(&seconds(now)),
    )
}

/// Base64 of HMAC-SHA256 over the notification URL and the body, as Square signs.
pub fn signature(key: &str, notification_url: &str, body: &str) -> String {
    // HMAC takes keys of any length; an error cannot come.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        return String::new();
    };
    mac.update(notification_url.as_bytes());
    mac.update(body.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
