//! How long the SQLite file is left alone between writes of ours. Programs that
//! wait for its lock look for it now and then only, and would hardly ever find it
//! free while webhooks keep coming.
//!
//! In: how long writes held the lock, and how long nobody of ours did. Out: how
//! long the next one has to wait, and whether the log is copied into the file
//! meanwhile, which keeps nobody from writing. The promise: over any stretch of
//! busy time the file is free for a sixth of it, in pieces that are long enough
//! to be found; what comes now and then waits for nothing; copying, which takes
//! long on a disk that is slow to flush, takes a fifth of the time at most.

use std::time::Duration;

/// For each five parts that the lock is held, one is owed.
const PARTS: u32 = 5;
/// What is less is not worth a wait.
const SHORTEST: Duration = Duration::from_millis(2);

/// How much writing makes the log long enough to be copied, at least.
const COPIED: Duration = Duration::from_millis(40);
/// How many times as long as the last copy took is written before the next one.
/// Not more: what takes a sixth of the writing would be put off further each time,
/// and whoever waits for a copy waits longer.
const TIMES: u32 = 4;

/// A time for which the file is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    /// How long, at least.
    pub(crate) time: Duration,
    /// Whether the log is copied into the file meanwhile.
    pub(crate) copies: bool,
}

/// The time for which the file is still to be left alone.
#[derive(Debug, Default)]
pub(crate) struct Breath {
    owed: Duration,
    /// Written since the log was copied last.
    written: Duration,
    /// How long that took.
    copying: Duration,
}

impl Breath {
    /// Nobody of ours held the lock for `time`.
    pub(crate) fn was_free(&mut self, time: Duration) {
        self.owed = self.owed.saturating_sub(time);
    }

    /// It took `time` to copy the log.
    pub(crate) fn was_copied(&mut self, time: Duration) {
        self.copying = time;
    }

    /// A write of ours held it for `time`. Gives the pause before the next one, if any.
    pub(crate) fn was_held(&mut self, time: Duration) -> Option<Pause> {
        self.owed += time / PARTS;
        self.written += time;
        if self.owed < SHORTEST {
            return None;
        }
        let copies = COPIED.max(self.copying * TIMES) <= self.written;
        if copies {
            self.written = Duration::ZERO;
        }
        Some(Pause {
            time: self.owed,
            copies,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_lone_write_is_followed_by_no_wait() {
        let mut breath = Breath::default();

        assert_eq!(breath.was_held(9 * MS), None);
    }

    #[test]
    fn a_long_one_is() {
        let mut breath = Breath::default();

        assert_eq!(
            breath.was_held(20 * MS).map(|pause| pause.time),
            Some(4 * MS)
        );
    }

    #[test]
    fn the_log_is_copied_in_a_pause_after_much_was_written() {
        let mut breath = Breath::default();
        let copies: Vec<bool> = (0..6)
            .filter_map(|_| breath.was_held(20 * MS))
            .map(|pause| pause.copies)
            .collect();

        assert_eq!(copies, [false, true, false, true, false, true]);
    }

    #[test]
    fn a_disk_that_takes_long_to_copy_it_is_asked_less_often() {
        let mut breath = Breath::default();
        breath.was_copied(20 * MS);
        let copies: Vec<bool> = (0..8)
            .filter_map(|_| breath.was_held(20 * MS))
            .map(|pause| pause.copies)
            .collect();

        let often = [false, false, false, true];
        assert_eq!(copies, [often, often].concat());
    }

    #[test]
    fn short_ones_that_follow_each_other_add_up() {
        let mut breath = Breath::default();
        let waits: Vec<_> = (0..10).map(|_| breath.was_held(MS)).collect();

        let waits: Vec<Duration> = waits.iter().flatten().map(|pause| pause.time).collect();
        assert_eq!(waits, [2 * MS]);
    }

    #[test]
    fn time_without_a_write_counts() {
        let mut breath = Breath::default();
        breath.was_held(20 * MS);
        breath.was_free(3 * MS);

        assert_eq!(breath.was_held(Duration::ZERO), None);
        breath.was_free(MS);
        assert_eq!(
            breath.was_held(10 * MS).map(|pause| pause.time),
            Some(2 * MS)
        );
    }
}
