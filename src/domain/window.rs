//! Stretches of Square's time that the reconciler reads.

use chrono::TimeDelta;

use crate::domain::Timestamp;

/// From `start` up to, but without, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment that belongs to it.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

impl Window {
    /// What changed since `mark`, read a stretch further back: the index shows
    /// a change late, and its times are rounded.
    pub fn since(mark: Timestamp, overlap: TimeDelta, now: Timestamp) -> Self {
        let start = mark.checked_sub_signed(overlap).unwrap_or(mark);
        Self {
            start: start.min(now),
            end: now,
        }
    }

    /// The two halves; none where the window is too short to cut, since Square
    /// tells times apart by the millisecond at best.
    pub fn halves(self) -> Option<(Self, Self)> {
        let half = (self.end - self.start) / 2;
        if half < TimeDelta::milliseconds(1) {
            return None;
        }
        let middle = self.start + TimeDelta::milliseconds(half.num_milliseconds());
        Some((
            Self {
                end: middle,
                ..self
            },
            Self {
                start: middle,
                ..self
            },
        ))
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test says where it stopped")]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn at(second: i64) -> Timestamp {
        DateTime::<Utc>::from_timestamp(second, 0).expect("a time")
    }

    #[test]
    fn a_window_reaches_back_behind_the_mark() {
        let window = Window::since(at(1000), TimeDelta::seconds(300), at(2000));

        assert_eq!(
            window,
            Window {
                start: at(700),
                end: at(2000)
            }
        );
    }

    #[test]
    fn halves_meet_and_cover_the_whole() {
        let window = Window {
            start: at(0),
            end: at(7),
        };
        let (first, second) = window.halves().expect("halves");

        assert_eq!((first.start, second.end), (window.start, window.end));
        assert_eq!(first.end, second.start);
    }

    #[test]
    fn a_millisecond_is_not_cut() {
        let window = Window {
            start: at(0),
            end: at(0) + TimeDelta::milliseconds(1),
        };

        assert_eq!(window.halves(), None);
    }
}
