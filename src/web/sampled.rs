//! Log lines that anybody can cause: what happened in, leave to log out. The
//! promise: at most one line of a kind in ten seconds, which tells of all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a line of a kind silences the next ones.
const PAUSE: Duration = Duration::from_secs(10);

/// What was logged, by kind.
#[derive(Debug, Default)]
pub(super) struct Sampled(Mutex<HashMap<&'static str, Kind>>);

#[derive(Debug, Default)]
struct Kind {
    logged: Option<Instant>,
    /// Since the last line.
    silenced: u64,
}

impl Sampled {
    /// Gives how many of this kind a line has to tell of, if one may be written.
    pub(super) fn count(&self, kind: &'static str, now: Instant) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.entry(kind).or_default();
        kind.silenced += 1;
        if kind.logged.is_some_and(|logged| now < logged + PAUSE) {
            return None;
        }
        kind.logged = Some(now);
        Some(std::mem::take(&mut kind.silenced))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_of_all_since_the_last_one() {
        let (sampled, start) = (Sampled::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);

        assert_eq!(sampled.count("a", at(0)), Some(1));
        assert_eq!(sampled.count("a", at(1)), None);
        assert_eq!(sampled.count("a", at(9)), None);
        assert_eq!(sampled.count("b", at(9)), Some(1));
        assert_eq!(sampled.count("a", at(10)), Some(3));
        assert_eq!(sampled.count("a", at(11)), None);
    }
}
