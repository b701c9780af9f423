//! The acts of faults: which calls fail, how, and for how long.

use std::time::Duration;

use squaresync::square::simulator::{Access, Fault, Strikes};

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
