//! How many calls ended in which way: labels in, counts out, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Every way in which a call can end.
const LABELS: [&str; 13] = [
    "ok",
    "timeout",
    "connection",
    "rate_limited",
    "server",
    "unreadable",
    "stale",
    "key_reused",
    "cursor_dead",
    "refused",
    "not_authorised",
    "not_found",
    "unavailable",
];

/// A counter for each label.
#[derive(Debug, Default)]
pub(super) struct Calls([AtomicU64; LABELS.len()]);

impl Calls {
    /// Counts a call that ended as `label` says.
    pub(super) fn count(&self, label: &str) {
        let counters = LABELS.into_iter().zip(&self.0);
        if let Some((_, counter)) = counters.into_iter().find(|(known, _)| *known == label) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All counts, in the order of the labels.
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        LABELS.into_iter().zip(counts).collect()
    }
}
