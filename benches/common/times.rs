//! How long single things took: times in, the time that a share of them kept to out.

use std::time::Duration;

/// Times of one kind.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds all of another one's.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that so many of a hundred kept to.
    pub(crate) fn percentile(&mut self, of_hundred: usize) -> Duration {
        self.0.sort_unstable();
        let at = (self.0.len() * of_hundred).div_ceil(100).max(1) - 1;
        self.0.get(at).copied().unwrap_or_default()
    }
}
