//! How long to wait before the same call is made again.

use std::time::Duration;

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
