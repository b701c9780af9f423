//! The faults in force, and how often each fired.
//!
//! In come plans (a chance, or the next few occasions), out goes for each
//! occasion whether the fault fires. Every firing is counted, so that a test
//! can tell a fault that was survived from one that never happened.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::Timestamp;

use super::fault::Fault;

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
