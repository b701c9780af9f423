//! The acts of faults and of time: which calls fail, how, and for how long.

use std::time::Duration;

use chrono::TimeDelta;
use squaresync::square::simulator::{Access, Fault, Strikes};

use super::act::{Act, Kind};
use super::world::World;

/// Faults of calls, as a story draws them.
pub(super) const CALL_FAULTS: [Fault; 18] = [
    Fault::RateLimited,
    Fault::RateLimitedThoughApplied,
    Fault::InternalError,
    Fault::InternalErrorThoughApplied,
    Fault::HtmlUnavailable,
    Fault::OldStyleError,
    Fault::LostAnswer,
    Fault::LostAnswer,
    Fault::Reset,
    Fault::RequestDoubled,
    Fault::CutAnswer,
    Fault::Redirected,
    Fault::ShortPage,
    Fault::EmptyPage,
    Fault::ExpiredCursor,
    Fault::EmptyIndex,
    Fault::HalfIndex,
    Fault::MissingBulkKey,
];

/// Those that may strike every call until Square recovers.
const LASTING: [Fault; 10] = [
    Fault::RateLimited,
    Fault::RateLimitedThoughApplied,
    Fault::InternalError,
    Fault::InternalErrorThoughApplied,
    Fault::HtmlUnavailable,
    Fault::OldStyleError,
    Fault::LostAnswer,
    Fault::Reset,
    Fault::CutAnswer,
    Fault::Redirected,
];

/// Faults of bulk calls.
pub(super) const BULK_FAULTS: [Fault; 5] = [
    Fault::MissingBulkKey,
    Fault::StrangeBulkKey,
    Fault::BulkRefused,
    Fault::BulkHalfDone,
    Fault::BulkItemLimited,
];

impl World<'_> {
    /// Lets trouble come or go, or time pass.
    pub(super) async fn play_trouble(&mut self, act: Act) {
        let [a, b, c] = act.picks;
        match act.kind {
            Kind::Fails => self.fail(a, b, c),
            Kind::Slows => {
                let latency = [0, 40, 900, 9000].map(Duration::from_millis)[a as usize % 4];
                self.square.faults(|faults| faults.latency = latency);
                self.ledger.count("latency");
            }
            Kind::Recovers => self.square.faults(|faults| faults.clear()),
            Kind::Lags => {
                let lag = [0, 2, 30, 60].map(Duration::from_secs)[a as usize % 4];
                self.square.set_index_lag(lag);
                self.ledger.count("lag");
            }
            Kind::Forgets => {
                // Square is trusted to know a key for an hour.
                self.advance(Duration::from_secs(2 * 3600)).await;
                self.square.forget_keys();
                self.ledger.count("keys forgotten");
            }
            Kind::Waits => self.advance(Duration::from_secs(u64::from(a % 90))).await,
            Kind::WaitsLong => {
                let hours = u64::from(1 + a % 72);
                self.advance(Duration::from_secs(hours * 3600)).await;
            }
            Kind::Skews => {
                let days = [0, 0, 400, -3650, 1, -1][a as usize % 6];
                self.skew = TimeDelta::days(days) + TimeDelta::seconds(i64::from(b % 3600));
                self.ledger.count("clock skew");
            }
            Kind::InboxFails => {
                self.inbox_fails = a.is_multiple_of(2);
                self.stage.refuse_events(self.inbox_fails);
            }
            _ => self.play_people(act).await,
        }
    }

    /// A few of the next calls fail, or all until Square recovers.
    pub(super) fn fail(&mut self, a: u32, b: u32, c: u32) {
        if a % 13 == 12 {
            let access = [
                Access::Unknown,
                Access::Expired,
                Access::Revoked,
                Access::ReadOnly,
            ][b as usize % 4];
            self.square.faults(|faults| faults.access = access);
            return;
        }
        let mut fault = CALL_FAULTS[a as usize % CALL_FAULTS.len()];
        if fault == Fault::MissingBulkKey {
            fault = BULK_FAULTS[b as usize / 9 % BULK_FAULTS.len()];
        }
        let strikes = [Strikes::Any, Strikes::Writes, Strikes::Reads][c as usize % 3];
        self.square.faults(|faults| {
            faults.access = Access::Granted;
            faults.retry_after =
                (c.is_multiple_of(2)).then_some(Duration::from_secs(u64::from(c % 40)));
            faults.strikes(fault, strikes);
            faults.after(fault, b % 3, 1 + (b / 3) % 3);
            if b.is_multiple_of(7) && LASTING.contains(&fault) {
                faults.chance(fault, 1.0);
            }
            if fault == Fault::ExpiredCursor {
                // A directory of a few has a cursor where a page is short.
                faults.strikes(fault, Strikes::Reads);
                faults.after(Fault::ShortPage, 0, 2);
            }
        });
    }

    /// Lets the next bulk write fail, or not.
    pub(super) fn next_bulk_fails(&mut self, pick: u32) {
        if let Some(fault) = BULK_FAULTS.get(pick as usize % 8) {
            self.square.faults(|faults| {
                faults.strikes(*fault, Strikes::Writes);
                faults.next(*fault, 1 + pick / 8 % 2);
            });
        }
    }

    /// Lets the next reads fail in this way.
    pub(super) fn next_reads(&mut self, fault: Fault, times: u32) {
        self.square.faults(|faults| {
            faults.strikes(fault, Strikes::Reads);
            faults.next(fault, times);
        });
    }
}
