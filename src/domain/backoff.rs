//! How long to wait before the same call is made again.

use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::Timestamp;

/// No wait is as long as this, not even one that Square asks for.
pub const ENDLESS: TimeDelta = TimeDelta::hours(1);

/// Whether a wait until then is over. One that would last longer than any is
/// no wait: the clock was set back since.
pub fn is_over(until: Timestamp, now: Timestamp) -> bool {
    until <= now || ENDLESS < until - now
}

/// The longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(60);
/// The wait that doubles with each attempt.
const FIRST: Duration = Duration::from_secs(1);

/// The wait after the `attempt`th failure (1 is the first), spread by `random`
/// in [0, 1) so that many callers do not return together ("full jitter", but
/// never under a tenth). A wait that Square asked for is the least.
pub fn wait(attempt: u32, asked: Option<Duration>, random: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let ceiling = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let jittered = ceiling.mul_f64(0.1 + 0.9 * random.clamp(0.0, 1.0));
    jittered.max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_though_the_clock_is_set_back() {
        let at = |second| chrono::DateTime::from_timestamp(second, 0).unwrap_or_default();

        assert!(!is_over(at(60), at(0)));
        assert!(is_over(at(60), at(60)));
        assert!(is_over(at(1_000_000), at(0)));
    }

    #[test]
    fn the_wait_doubles_up_to_a_minute() {
        let waits = [1, 2, 3, 7, 40].map(|attempt| wait(attempt, None, 1.0).as_secs());

        assert_eq!(waits, [1, 2, 4, 60, 60]);
    }

    #[test]
    fn a_wait_that_square_asks_for_is_kept() {
        assert_eq!(
            wait(1, Some(Duration::from_secs(90)), 0.0),
            Duration::from_secs(90)
        );
    }

    #[test]
    fn no_wait_is_nothing() {
        assert_eq!(wait(1, None, 0.0), Duration::from_millis(100));
    }
}
