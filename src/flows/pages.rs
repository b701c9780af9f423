//! One window of Square's directory, read page by page. Shared by the
//! reconciler, the backfill and the census.
//!
//! Pages are live: what changes while they are read can push a neighbour over
//! the edge of a page that is read already. So the window is counted when it is
//! opened, and read again if fewer profiles were seen than it held.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::domain::Timestamp;
use crate::domain::id::{MerchantId, SquareId};
use crate::domain::image::Effect;
use crate::domain::observation::{Observation, Origin, Shown};
use crate::domain::profile::Profile;
use crate::domain::seeded::{self, Bug};
use crate::domain::window::Window;
use crate::flows::error::FlowError;
use crate::square::client::{By, Page, SearchQuery, Square};
use crate::square::error::SquareError;
use crate::store::{Db, StoreResult, images};

/// A window of a list with more customers than this is cut in two: what an ended cursor repeats stays small.
const LARGEST: u64 = 2000;
/// How often a window is begun again before that is somebody else's fault.
const RESTARTS: u32 = 5;
/// How many pages in a row may show nobody new: a cursor need not come to an end.
pub(crate) const BARREN: u32 = 50;
/// How often a window is read again for profiles that slipped over an edge.
const REREADS: u32 = 2;

/// A window being read.
#[derive(Debug)]
pub(crate) struct Reader {
    query: SearchQuery,
    /// How many profiles the window held when it was opened.
    held: Option<u64>,
    /// The profiles seen, by a hash of their id: a million of them must not fill the memory.
    seen: HashSet<u64>,
    hasher: RandomState,
    /// How many profiles could not be read.
    unreadable: u64,
    restarts: u32,
    rereads: u32,
    /// How many pages were read.
    pages: u32,
    /// How many of them, the last ones, showed nobody new.
    barren: u32,
}

/// A page of a window.
#[derive(Debug)]
pub(crate) struct Read {
    /// What it shows.
    pub(crate) observations: Vec<Observation>,
    /// How many profiles on it could not be read.
    pub(crate) unreadable: u64,
    /// The earliest `created_at` on it.
    pub(crate) earliest: Option<Timestamp>,
    /// The latest `updated_at` on it.
    pub(crate) latest: Option<Timestamp>,
    /// Whether the whole window has been read.
    pub(crate) is_last: bool,
}

impl Read {
    /// What was learnt by other ways than a page.
    pub(crate) fn of(observations: Vec<Observation>) -> Self {
        Self {
            observations,
            unreadable: 0,
            earliest: None,
            latest: None,
            is_last: false,
        }
    }
}

impl Reader {
    /// Begins with the first page.
    pub(crate) fn new(by: By, window: Window) -> Self {
        let query = SearchQuery {
            count: true,
            ..SearchQuery::first(by, window)
        };
        Self {
            query,
            held: None,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            unreadable: 0,
            restarts: 0,
            rereads: 0,
            pages: 0,
            barren: 0,
        }
    }

    pub(crate) fn window(&self) -> Window {
        self.query.window
    }

    /// Whether it has been asked for one page and no more.
    pub(crate) fn is_first(&self) -> bool {
        self.pages == 1
    }

    /// The halves of a window that was just opened and holds too much.
    pub(crate) fn halves(&self) -> Option<(Window, Window)> {
        let is_large = self.pages <= 1 && self.held.is_some_and(|held| LARGEST < held);
        if is_large {
            self.window().halves()
        } else {
            None
        }
    }

    /// Whether every profile that the window held was on its pages; to be asked
    /// once its last page was read.
    pub(crate) fn is_whole(&self) -> bool {
        !self.has_slipped()
    }

    /// How many profiles the window held when it was opened.
    pub(crate) fn held(&self) -> Option<u64> {
        self.held
    }

    /// Asks for the next page.
    pub(crate) async fn next(&mut self, square: &Square) -> Result<Read, FlowError> {
        let page = loop {
            let page = if self.barren < BARREN {
                square.search(&self.query).await
            } else {
                Err(SquareError::CursorDead)
            };
            match page {
                Err(SquareError::CursorDead) if seeded::is_on(Bug::CursorEndIsTheEnd) => {
                    return Ok(Read {
                        is_last: true,
                        ..Read::of(Vec::new())
                    });
                }
                Err(SquareError::CursorDead)
                    if self.query.cursor.is_some() && self.restarts < RESTARTS =>
                {
                    tracing::info!(
                        "Square's cursor ended early; the window is read from its beginning"
                    );
                    self.restarts += 1;
                    self.begin_again();
                }
                Err(SquareError::CursorDead) => {
                    // Whoever drives this may try once more, and not with what has ended.
                    self.restarts = 0;
                    self.begin_again();
                    return Err(SquareError::CursorDead.into());
                }
                page => break page?,
            }
        };
        Ok(self.turn(page))
    }

    /// Takes a page and turns to the next.
    fn turn(&mut self, page: Page) -> Read {
        self.pages += 1;
        self.held = self.held.or(page.count);
        let size = page.customers.len();
        let profiles: Vec<Profile> = page.customers.into_iter().filter_map(Result::ok).collect();
        let unreadable = u64::try_from(size - profiles.len()).unwrap_or_default();
        if 0 < unreadable {
            tracing::warn!(
                unreadable,
                "Square showed profiles that cannot be read; they are left out"
            );
        }
        self.unreadable += unreadable;
        let seen = self.seen.len();
        self.seen.extend(
            profiles
                .iter()
                .map(|profile| self.hasher.hash_one(profile.id())),
        );
        self.barren = if seen < self.seen.len() {
            0
        } else {
            self.barren + 1
        };
        self.query.cursor = page.cursor;
        let mut is_last = self.query.cursor.is_none();
        if is_last && self.has_slipped() && self.rereads < REREADS {
            self.rereads += 1;
            self.begin_again();
            is_last = false;
        }
        let moments = |key: &'static str| profiles.iter().filter_map(move |it| it.moment(key));
        let (earliest, latest) = (moments("created_at").min(), moments("updated_at").max());
        let observations = profiles.into_iter().map(observation).collect();
        Read {
            observations,
            unreadable,
            earliest,
            latest,
            is_last,
        }
    }

    /// Whether profiles that were in the window were on none of its pages.
    fn has_slipped(&self) -> bool {
        let seen = u64::try_from(self.seen.len()).unwrap_or(u64::MAX);
        self.held
            .is_some_and(|held| seen.saturating_add(self.unreadable) < held)
    }

    fn begin_again(&mut self) {
        self.query.cursor = None;
        self.held = None;
        self.barren = 0;
        self.seen.clear();
        self.unreadable = 0;
    }
}

fn observation(profile: Profile) -> Observation {
    Observation {
        square_id: profile.id(),
        shown: Shown::Profile(profile, Origin::Search),
    }
}

/// Whether any of these would tell something new: one indexed read, and nothing written.
pub(crate) fn is_news(
    db: &mut Db,
    merchant: &MerchantId,
    observations: &[Observation],
) -> StoreResult<bool> {
    let ids: Vec<SquareId> = observations
        .iter()
        .map(|observation| observation.square_id.clone())
        .collect();
    let mut known = images::load(db, merchant, &ids)?;
    Ok(observations.iter().any(|observation| {
        let held = known
            .iter_mut()
            .find(|(id, _)| *id == observation.square_id);
        held.is_none_or(|(_, held)| held.image.observe(&observation.shown) == Effect::News)
    }))
}
