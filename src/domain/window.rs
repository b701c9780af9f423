//! Stretches of Square's time that the reconciler reads.

use chrono::{DateTime, DurationRound, TimeDelta};

use crate::domain::Timestamp;
use crate::domain::seeded::{self, Bug};

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
        let overlap = if seeded::is_on(Bug::NoOverlap) {
            TimeDelta::zero()
        } else {
            overlap
        };
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
        self.split(self.start + TimeDelta::milliseconds(half.num_milliseconds()))
    }

    /// What lies before `moment` and what does not; none where all lies on one side.
    pub fn split(self, moment: Timestamp) -> Option<(Self, Self)> {
        let before = Self {
            end: moment,
            ..self
        };
        let after = Self {
            start: moment,
            ..self
        };
        (self.start < moment && moment < self.end).then_some((before, after))
    }

    /// Pieces that together are the window, cut at even distances between the
    /// times `first` and `last`. Fewer where those lie too close together; the
    /// window itself where it cannot be cut.
    pub fn cut(self, first: Timestamp, last: Timestamp, pieces: u64) -> Vec<Self> {
        // A piece begins at a whole millisecond, as Square's times do.
        let first = first.duration_trunc(TimeDelta::milliseconds(1));
        let first = first.unwrap_or(self.start).timestamp_millis();
        let span = i128::from(last.timestamp_millis() - first).max(0);
        let place = |number: u64| {
            let millis = span * i128::from(number) / i128::from(pieces.max(1));
            DateTime::from_timestamp_millis(first.saturating_add(i64::try_from(millis).ok()?))
        };
        let mut start = self.start;
        let mut cut = Vec::new();
        for end in (1..pieces).filter_map(place) {
            if start < end && first < end.timestamp_millis() && end < self.end {
                cut.push(Self { start, end });
                start = end;
            }
        }
        cut.push(Self { start, ..self });
        cut
    }
}

#[cfg(test)]
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says where it stopped"
)]
mod tests {
    use chrono::Utc;
    use proptest::prelude::*;

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
    fn a_window_is_split_only_where_both_sides_hold_something() {
        let window = Window {
            start: at(0),
            end: at(7),
        };

        let (before, after) = window.split(at(6)).expect("two parts");
        assert_eq!((before.start, before.end), (at(0), at(6)));
        assert_eq!((after.start, after.end), (at(6), at(7)));
        assert_eq!((window.split(at(0)), window.split(at(7))), (None, None));
    }

    proptest! {
        #[test]
        fn pieces_meet_and_cover_the_whole(
            end in 1..10_000_i64,
            first in 0..10_000_i64,
            last in 0..10_000_i64,
            pieces in 0..20_u64,
        ) {
            let window = Window { start: at(0), end: at(end) };
            let cut = window.cut(at(first), at(last), pieces);

            prop_assert!(cut.iter().all(|piece| piece.start < piece.end));
            prop_assert!(cut.windows(2).all(|two| two[0].end == two[1].start));
            prop_assert_eq!(cut.first().map(|piece| piece.start), Some(window.start));
            prop_assert_eq!(cut.last().map(|piece| piece.end), Some(window.end));
        }
    }

    #[test]
    fn a_window_is_cut_evenly_where_its_customers_are() {
        let window = Window {
            start: at(0),
            end: at(1000),
        };

        let ends: Vec<i64> = window
            .cut(at(100), at(200), 4)
            .iter()
            .map(|piece| piece.end.timestamp())
            .collect();

        assert_eq!(ends, [125, 150, 175, 1000]);
        assert_eq!(window.cut(at(100), at(100), 4), [window]);
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
