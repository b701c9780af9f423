//! How long the SQLite file is left alone between writes of ours. Programs that
//! wait for its lock look for it now and then only, and would hardly ever find it
//! free while webhooks keep coming. And when its log is copied into the file.
//!
//! In: how long writes held the lock, how long nobody of ours did, and how copying
//! went. Out: how long the next write has to wait, and how the log is copied
//! meanwhile, which keeps nobody else from writing. The promise: over any stretch of
//! busy time the file is free for a sixth of it, in pieces that are long enough
//! to be found; what comes now and then waits for nothing; copying, which takes
//! long on a disk that is slow to flush, takes a fifth of the time there, and our own
//! writes wait only for the last bit of it. A crash leaves a log that SQLite
//! copies when the file is opened next.

use std::time::Duration;

/// For each five parts that the lock is held, one is owed.
const PARTS: u32 = 5;
/// What is less is not worth a wait.
const SHORTEST: Duration = Duration::from_millis(2);

/// How much writing makes the log long enough to be copied, at least.
const COPIED: Duration = Duration::from_millis(40);
/// How many times as long as a copy takes is written before the next one.
const TIMES: u32 = 4;
/// How many pages make the log so long that it has to begin anew.
const LONG: i32 = 10_000;
/// In how many copies it does: each of what was written during the one before, and
/// so shorter, and the last one while nothing is written.
const COPIES: u8 = 2;

/// How the log is copied into the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Copying {
    /// Not at all.
    #[default]
    No,
    /// While our writes go on, which add to it.
    Aside,
    /// While nothing of ours is added to it: the next write begins it anew.
    Whole,
}

/// The time for which the file is still to be left alone.
#[derive(Debug, Default)]
pub(crate) struct Breath {
    owed: Duration,
    /// Written since the log was copied last.
    written: Duration,
    /// How the log is being copied.
    copying: Copying,
    /// How long that took the last two times that it was done aside: now and then a
    /// copy waits for the disk to write what others left, and the next one does not.
    took: [Duration; 2],
    /// How many copies a long log still needs.
    left: u8,
}

impl Breath {
    /// Nobody of ours held the lock for `time`.
    pub(crate) fn was_free(&mut self, time: Duration) {
        self.owed = self.owed.saturating_sub(time);
    }

    /// A write of ours held it for `time`. Gives the pause before the next one, if any.
    pub(crate) fn was_held(&mut self, time: Duration) -> Option<Duration> {
        self.owed += time / PARTS;
        self.written += time;
        (SHORTEST <= self.owed).then_some(self.owed)
    }

    /// How the log is to be copied from now on. Whole only if this is a pause.
    pub(crate) fn copy(&mut self, is_pause: bool) -> Copying {
        if self.copying != Copying::No || self.left == 1 && !is_pause {
            return Copying::No;
        }
        let [last, before] = self.took;
        self.copying = match self.left {
            0 if self.written < COPIED.max(last.min(before) * TIMES) => Copying::No,
            0 => {
                self.written = Duration::ZERO;
                Copying::Aside
            }
            1 => Copying::Whole,
            _ => Copying::Aside,
        };
        self.left = self.left.saturating_sub(1);
        self.copying
    }

    /// The log was copied, which took `time`, and has so many pages; or it could not be.
    pub(crate) fn was_copied(&mut self, time: Duration, pages: Option<i32>) {
        let copied = std::mem::take(&mut self.copying);
        let Some(pages) = pages else {
            // How long the log is has to be found out anew.
            self.left = 0;
            return;
        };
        if copied == Copying::Aside && self.left == 0 {
            self.took = [time, self.took[0]];
            if LONG <= pages {
                self.left = COPIES;
            }
        }
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

        assert_eq!(breath.was_held(20 * MS), Some(4 * MS));
    }

    /// How the log is copied after each of so many writes of 20 ms. A copy takes
    /// `took`, and ends before the next write does.
    fn copies(breath: &mut Breath, writes: usize, took: Duration, pages: i32) -> Vec<Copying> {
        let mut copies = Vec::new();
        for _ in 0..writes {
            breath.was_held(20 * MS);
            copies.push(breath.copy(true));
            breath.was_copied(took, Some(pages));
        }
        copies
    }

    #[test]
    fn the_log_is_copied_aside_after_much_was_written() {
        let mut breath = Breath::default();

        let often = [Copying::No, Copying::Aside];
        assert_eq!(copies(&mut breath, 4, MS, LONG - 1), often.repeat(2));
    }

    #[test]
    fn a_disk_that_takes_long_to_copy_it_is_asked_less_often() {
        let mut breath = Breath::default();
        copies(&mut breath, 4, 20 * MS, LONG - 1);

        let often = [Copying::No, Copying::No, Copying::No, Copying::Aside];
        assert_eq!(copies(&mut breath, 8, 20 * MS, LONG - 1), often.repeat(2));
    }

    #[test]
    fn one_copy_that_takes_long_does_not_keep_off_the_next() {
        let mut breath = Breath::default();
        copies(&mut breath, 4, MS, LONG - 1);

        copies(&mut breath, 2, 80 * MS, LONG - 1);

        let often = [Copying::No, Copying::Aside];
        assert_eq!(copies(&mut breath, 4, MS, LONG - 1), often.repeat(2));
    }

    #[test]
    fn a_long_log_begins_anew_once_little_of_it_is_not_copied() {
        let mut breath = Breath::default();
        copies(&mut breath, 4, 20 * MS, LONG - 1);
        copies(&mut breath, 4, 20 * MS, LONG);

        // The bit that was copied whole tells nothing of how long the next copy takes.
        assert_eq!(
            copies(&mut breath, 2, MS, LONG),
            [Copying::Aside, Copying::Whole]
        );
        let anew = [Copying::No, Copying::Aside];
        assert_eq!(copies(&mut breath, 2, 20 * MS, 500), anew);
    }

    #[test]
    fn what_is_being_copied_is_not_copied_twice() {
        let mut breath = Breath::default();
        breath.was_held(40 * MS);
        assert_eq!(breath.copy(true), Copying::Aside);
        breath.was_held(80 * MS);
        assert_eq!(breath.copy(true), Copying::No);
        breath.was_copied(MS, Some(1));

        assert_eq!(breath.copy(true), Copying::Aside);
    }

    #[test]
    fn a_copy_that_could_not_be_made_is_not_taken_for_a_fast_one() {
        let mut breath = Breath::default();
        copies(&mut breath, 4, 20 * MS, LONG - 1);
        copies(&mut breath, 4, 20 * MS, LONG);
        assert_eq!(breath.copy(true), Copying::Aside);
        breath.was_copied(MS, None);

        let next = [Copying::No, Copying::No, Copying::No, Copying::Aside];
        assert_eq!(copies(&mut breath, 4, MS, 500), next);
    }

    #[test]
    fn only_a_pause_keeps_our_writes_from_a_log_that_is_copied() {
        let mut breath = Breath::default();
        breath.was_held(40 * MS);
        assert_eq!(breath.copy(false), Copying::Aside);
        breath.was_copied(MS, Some(LONG));
        assert_eq!(breath.copy(false), Copying::Aside);
        breath.was_copied(MS, Some(LONG));

        assert_eq!(breath.copy(false), Copying::No);
        assert_eq!(breath.copy(true), Copying::Whole);
    }

    #[test]
    fn short_ones_that_follow_each_other_add_up() {
        let mut breath = Breath::default();
        let waits: Vec<_> = (0..10).filter_map(|_| breath.was_held(MS)).collect();

        assert_eq!(waits, [2 * MS]);
    }

    #[test]
    fn time_without_a_write_counts() {
        let mut breath = Breath::default();
        breath.was_held(20 * MS);
        breath.was_free(3 * MS);

        assert_eq!(breath.was_held(Duration::ZERO), None);
        breath.was_free(MS);
        assert_eq!(breath.was_held(10 * MS), Some(2 * MS));
    }
}
