//! What can go wrong on purpose, each kind by its name.

use std::fmt;
use std::str::FromStr;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// 429, nothing done.
    RateLimited,
    /// 429, although the write was done.
    RateLimitedThoughApplied,
    /// 500 in Square's shape, nothing done.
    InternalError,
    /// 500 in Square's shape, although the write was done.
    InternalErrorThoughApplied,
    /// 503 with a page of HTML, nothing done.
    HtmlUnavailable,
    /// 429 in the old shape `{type,message}`, nothing done.
    OldStyleError,
    /// The write is done and the connection closed without an answer.
    LostAnswer,
    /// The connection is closed before anything is done.
    Reset,
    /// The write comes twice over the network; only the second answer arrives.
    RequestDoubled,
    /// What is asked is done, and half of the answer's body arrives.
    CutAnswer,
    /// 307 to another host, nothing done.
    Redirected,
    /// 401 or 403 by the switch [`Faults::access`](super::faults::Faults::access).
    AccessRefused,
    /// A search page with half of what was asked for, and a cursor.
    ShortPage,
    /// A search page without customers, and a cursor.
    EmptyPage,
    /// A cursor that is refused before its time.
    ExpiredCursor,
    /// A search that finds nothing at all.
    EmptyIndex,
    /// A search page without every second customer, though all are counted.
    HalfIndex,
    /// A bulk answer from which one key is missing.
    MissingBulkKey,
    /// A bulk answer in which one key is another than was asked for.
    StrangeBulkKey,
    /// 400 for a bulk write of more than one as a whole, nothing done.
    BulkRefused,
    /// A bulk write of which the first half is done; then 500.
    BulkHalfDone,
    /// A bulk write in which one customer gets 429 for itself, and is not done.
    BulkItemLimited,
    /// An event that is never sent.
    WebhookDropped,
    /// An event that is sent twice.
    WebhookDoubled,
    /// An event whose first sending waits for [`Faults::webhook_delay`](super::faults::Faults::webhook_delay).
    WebhookDelayed,
    /// An event that changes places with another that is due.
    WebhookReordered,
    /// An event signed with the key before the present one.
    WebhookOldKey,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 27] = [
        Self::RateLimited,
        Self::RateLimitedThoughApplied,
        Self::InternalError,
        Self::InternalErrorThoughApplied,
        Self::HtmlUnavailable,
        Self::OldStyleError,
        Self::LostAnswer,
        Self::Reset,
        Self::RequestDoubled,
        Self::CutAnswer,
        Self::Redirected,
        Self::AccessRefused,
        Self::ShortPage,
        Self::EmptyPage,
        Self::ExpiredCursor,
        Self::EmptyIndex,
        Self::HalfIndex,
        Self::MissingBulkKey,
        Self::StrangeBulkKey,
        Self::BulkRefused,
        Self::BulkHalfDone,
        Self::BulkItemLimited,
        Self::WebhookDropped,
        Self::WebhookDoubled,
        Self::WebhookDelayed,
        Self::WebhookReordered,
        Self::WebhookOldKey,
    ];

    /// The name on the command line and in reports, such as `lost-answer`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// A fault of a write, which a read cannot suffer.
    pub(super) fn needs_a_write(self) -> bool {
        matches!(
            self,
            Self::LostAnswer
                | Self::RateLimitedThoughApplied
                | Self::InternalErrorThoughApplied
                | Self::RequestDoubled
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// No fault has this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no fault `{0}`")]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| UnknownFault(name.to_owned()))
    }
}
