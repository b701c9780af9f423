//! Square's whole list of customers, as the census and the comparison read it:
//! windows in, pages out, and who was on them, by a hash each: a million of
//! them must not fill the memory.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use chrono::{DateTime, TimeDelta};

use crate::domain::Timestamp;
use crate::domain::id::SquareId;
use crate::domain::window::Window;
use crate::flows::error::FlowError;
use crate::flows::pages::{Read, Reader};
use crate::square::client::{By, SearchQuery, Square};
use crate::square::error::SquareError;

/// A list being read.
pub(crate) struct Listing {
    /// The windows that are still to be read, the next one last.
    windows: Vec<Window>,
    reader: Option<Reader>,
    /// All of them together.
    all: Window,
    seen: HashSet<u64>,
    hasher: RandomState,
    /// How many customers the whole directory held when it was opened.
    total: Option<u64>,
    /// Whether a window showed fewer customers than it held, or broke off.
    has_gaps: bool,
}

impl Listing {
    /// All who came before `end`.
    pub(crate) fn up_to(end: Timestamp) -> Self {
        // Square's clock may run ahead of itself by the second it is told in.
        let all = Window {
            start: DateTime::UNIX_EPOCH,
            end: end + TimeDelta::seconds(2),
        };
        Self {
            windows: vec![all],
            all,
            reader: None,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            total: None,
            has_gaps: false,
        }
    }

    /// Asks for the next page; none where there is no more.
    pub(crate) async fn next(&mut self, square: &Square) -> Result<Option<Read>, FlowError> {
        let next = || Some(Reader::new(By::CreatedAt, self.windows.pop()?));
        let Some(mut reader) = self.reader.take().or_else(next) else {
            return Ok(None);
        };
        let read = match reader.next(square).await {
            Ok(read) => read,
            Err(FlowError::Square(SquareError::CursorDead)) => {
                self.has_gaps = true;
                return Ok(Some(Read::of(Vec::new())));
            }
            Err(error) => {
                // The page was not turned, so the next step asks for it again.
                self.reader = Some(reader);
                return Err(error);
            }
        };
        self.total = self.total.or(reader.held());
        let shown = read.observations.iter();
        self.seen
            .extend(shown.map(|shown| self.hasher.hash_one(&shown.square_id)));
        if let Some((first, second)) = reader.halves() {
            self.windows.extend([second, first]);
        } else if read.is_last {
            self.has_gaps |= !reader.is_whole();
        } else {
            self.reader = Some(reader);
        }
        Ok(Some(read))
    }

    /// Whether the customer was on the list.
    pub(crate) fn has(&self, id: &SquareId) -> bool {
        self.seen.contains(&self.hasher.hash_one(id))
    }

    /// How many customers were on it.
    pub(crate) fn listed(&self) -> u64 {
        u64::try_from(self.seen.len()).unwrap_or(u64::MAX)
    }

    /// How many customers there were to list, where Square says.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether fewer customers were on it than Square counted before it was read
    /// and counts now. Its parts may each be whole, and yet not make up the whole.
    pub(crate) async fn is_short(&self, square: &Square) -> Result<bool, FlowError> {
        if self.total.is_none_or(|total| total <= self.listed()) {
            return Ok(false);
        }
        let query = SearchQuery {
            limit: 1,
            count: true,
            ..SearchQuery::first(By::CreatedAt, self.all)
        };
        let count = square.search(&query).await?.count;
        Ok(count.is_none_or(|count| self.listed() < count))
    }

    /// Whether every customer that Square counted was shown.
    pub(crate) fn is_whole(&self) -> bool {
        !self.has_gaps
    }
}
