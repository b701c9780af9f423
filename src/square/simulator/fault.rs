//! What can go wrong on purpose, and how often it did.
//!
//! In come plans (a chance, or the next few occasions), out goes for each
//! occasion whether the fault fires. Every firing is counted, so that a test
//! can tell a fault that was survived from one that never happened.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::domain::Timestamp;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// 429, nothing done.
    RateLimited,
    /// 429, although the write was done.
    RateLimitedThoughApplied,
    /// 500 in Square's shape, nothing done.
    InternalError,
    /// 503 with a page of HTML, nothing done.
    HtmlUnavailable,
    /// 429 in the old shape `{type,message}`, nothing done.
    OldStyleError,
    /// The write is done and the connection closed without an answer.
    LostAnswer,
    /// The connection is closed before anything is done.
    Reset,
    /// 401 or 403 by the switch [`Faults::access`].
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
    /// An event whose first sending waits for [`Faults::webhook_delay`].
    WebhookDelayed,
    /// An event that changes places with another that is due.
    WebhookReordered,
    /// An event signed with the key before the present one.
    WebhookOldKey,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 23] = [
        Self::RateLimited,
        Self::RateLimitedThoughApplied,
        Self::InternalError,
        Self::HtmlUnavailable,
        Self::OldStyleError,
        Self::LostAnswer,
        Self::Reset,
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

    /// A fault of an answer to a write, which a read cannot suffer.
    fn needs_a_write(self) -> bool {
        matches!(self, Self::LostAnswer | Self::RateLimitedThoughApplied)
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

/// What the token is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    #[default]
    Granted,
    /// 401 `UNAUTHORIZED`.
    Unknown,
    /// 401 `ACCESS_TOKEN_EXPIRED`.
    Expired,
    /// 401 `ACCESS_TOKEN_REVOKED`.
    Revoked,
    /// Reading only: 403 `INSUFFICIENT_SCOPES` on writes.
    ReadOnly,
    /// 403 `INSUFFICIENT_SCOPES` on everything about customers.
    NoScopes,
    /// As an OAuth token's: everything but what takes a personal token, which
    /// is refused with 401 `UNAUTHORIZED`.
    OAuth,
}

/// Which requests a fault may strike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strikes {
    /// All.
    #[default]
    Any,
    /// Those that change nothing.
    Reads,
    /// Those that change customers.
    Writes,
}

#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    chance: f64,
    skip: u32,
    next: u32,
    strikes: Strikes,
}

/// The faults in force.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Extra wait before an API request is looked at.
    pub latency: Duration,
    /// What a 429 carries as `Retry-After`; none leaves the header out.
    pub retry_after: Option<Duration>,
    /// What the token is good for.
    pub access: Access,
    /// API requests answered in one second; the rest get 429.
    pub budget: Option<u32>,
    /// How long a delayed event waits.
    pub webhook_delay: Duration,
    /// A bulk write that holds this text is refused as a whole.
    pub poison: Option<String>,
    plans: BTreeMap<Fault, Plan>,
    fired: BTreeMap<Fault, u64>,
    /// The second being counted, and the requests in it.
    spent: (i64, u32),
}

impl Faults {
    /// `fault` fires with this chance (0 to 1) on every occasion.
    pub fn chance(&mut self, fault: Fault, chance: f64) {
        self.plan(fault).chance = chance;
    }

    /// `fault` fires on the next `times` occasions.
    pub fn next(&mut self, fault: Fault, times: u32) {
        self.after(fault, 0, times);
    }

    /// `fault` lets `skip` occasions pass and fires on the `times` after them.
    pub fn after(&mut self, fault: Fault, skip: u32, times: u32) {
        let plan = self.plan(fault);
        plan.skip = skip;
        plan.next = times;
    }

    /// `fault` strikes these requests only.
    pub fn strikes(&mut self, fault: Fault, strikes: Strikes) {
        self.plan(fault).strikes = strikes;
    }

    /// Ends every plan, switch and wait; the counts stay.
    pub fn clear(&mut self) {
        *self = Self {
            fired: std::mem::take(&mut self.fired),
            ..Self::default()
        };
    }

    /// How often `fault` fired.
    pub fn fired(&self, fault: Fault) -> u64 {
        self.fired.get(&fault).copied().unwrap_or_default()
    }

    pub(super) fn all_fired(&self) -> BTreeMap<Fault, u64> {
        self.fired.clone()
    }

    /// Does `fault` fire on this occasion?
    pub(super) fn fires(&mut self, fault: Fault, is_write: bool, rng: &mut fastrand::Rng) -> bool {
        let Some(plan) = self.plans.get_mut(&fault) else {
            return false;
        };
        let struck = match plan.strikes {
            Strikes::Any => is_write || !fault.needs_a_write(),
            Strikes::Reads => !is_write && !fault.needs_a_write(),
            Strikes::Writes => is_write,
        };
        if !struck {
            return false;
        }
        let planned = if 0 < plan.skip {
            plan.skip -= 1;
            false
        } else if 0 < plan.next {
            plan.next -= 1;
            true
        } else {
            false
        };
        let fires = planned || (0.0 < plan.chance && rng.f64() < plan.chance);
        if fires {
            self.count(fault);
        }
        fires
    }

    /// Is the budget of this second used up?
    pub(super) fn is_over_budget(&mut self, now: Timestamp) -> bool {
        let Some(budget) = self.budget else {
            return false;
        };
        if self.spent.0 != now.timestamp() {
            self.spent = (now.timestamp(), 0);
        }
        self.spent.1 = self.spent.1.saturating_add(1);
        let over = budget < self.spent.1;
        if over {
            self.count(Fault::RateLimited);
        }
        over
    }

    pub(super) fn count(&mut self, fault: Fault) {
        *self.fired.entry(fault).or_default() += 1;
    }

    fn plan(&mut self, fault: Fault) -> &mut Plan {
        self.plans.entry(fault).or_default()
    }
}
