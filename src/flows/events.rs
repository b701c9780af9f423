//! Flow: what webhooks missed and no search shows: deletes and merges.
//!
//! In: the events since the mark, from Square's Events API, page by page. Out:
//! the same, taken as webhooks are, each once. The promise: the mark moves to
//! the time the pass began, by Square's clock, in the transaction of the last
//! page, so a crash asks again and never leaves a gap; a pass that finds nothing
//! new writes nothing, but for the mark once an hour. Where Square does not
//! offer the API, that is said once and nothing else is different.

use chrono::TimeDelta;

use crate::domain::Timestamp;
use crate::domain::window::Window;
use crate::flows::Step;
use crate::flows::error::FlowError;
use crate::flows::pages::BARREN;
use crate::flows::reading::{Progress, Reading};
use crate::flows::receive::{Delivery, Reached, Receive};
use crate::square::client::{EventPage, EventQuery};
use crate::square::error::SquareError;
use crate::store::lease::Lease;
use crate::store::marks;

/// The lease of whoever asks for events.
const LEASE: &str = "events";
/// How far a window reaches back behind the mark: nobody says how late an event is listed.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// How long Square keeps events.
const KEPT: TimeDelta = TimeDelta::days(28);
/// How far the mark may stay behind while nothing is new.
const BEHIND: TimeDelta = TimeDelta::hours(1);
/// How long Square is not asked again once it does not offer the API.
const LEFT_ALONE: TimeDelta = TimeDelta::hours(24);
/// How often a window is begun again before that is somebody else's fault.
const RESTARTS: u32 = 5;

/// Asks for missed events. One [`step`](Self::step) asks for one page.
pub struct Events {
    reading: Reading,
    receive: Receive,
    /// The pass under way.
    pass: Option<Pass>,
    progress: Progress,
    /// When Square was found not to offer the API; known to this process alone.
    unavailable_since: Option<Timestamp>,
    /// Whether that was said.
    was_said: bool,
}

struct Pass {
    query: EventQuery,
    lease: Lease,
    mark: Timestamp,
    /// Whether Square no longer keeps all that was asked for.
    is_cut: bool,
    /// Whether there was more to see than on the one page of a quiet time.
    moved: bool,
    restarts: u32,
    /// How many pages in a row showed nothing.
    barren: u32,
}

impl Events {
    /// A flow that has not begun a pass.
    pub fn new(reading: Reading, receive: Receive) -> Self {
        Self {
            reading,
            receive,
            pass: None,
            progress: Progress::default(),
            unavailable_since: None,
            was_said: false,
        }
    }

    /// How many events the pass under way, or the last one, read, and how many were new.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Asks for one page; the first step begins a pass, and the one that ends it
    /// gives [`Step::Idle`]. The first pass ever only sets the mark: what was
    /// before it, the backfill reads.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, FlowError> {
        if self.pass.is_none() {
            self.progress = Progress::default();
        }
        if self.is_left_alone(now) {
            return Ok(Step::Idle);
        }
        let mut pass = match self.pass.take() {
            Some(pass) => pass,
            None => match self.begin().await? {
                Some(pass) => pass,
                None => return Ok(Step::Idle),
            },
        };
        let page = if pass.barren < BARREN {
            self.reading.square.search_events(&pass.query).await
        } else {
            Err(SquareError::CursorDead)
        };
        let page = match page {
            Ok(page) => page,
            Err(SquareError::CursorDead)
                if pass.query.cursor.is_some() && pass.restarts < RESTARTS =>
            {
                tracing::info!("Square's cursor ended early; its events are read from the first");
                pass.restarts += 1;
                pass.query.cursor = None;
                pass.barren = 0;
                self.pass = Some(pass);
                return Ok(Step::Worked);
            }
            Err(SquareError::Unavailable { code, to_token }) => {
                return self.do_without(pass.lease, &code, to_token, now).await;
            }
            Err(error) => {
                // The page was not turned, so the next step asks for it again. Before the
                // first page and behind a cursor that always dies there is nothing to keep.
                let is_worth_it = pass.query.cursor.is_some() && error != SquareError::CursorDead;
                self.pass = is_worth_it.then_some(pass);
                return Err(error.into());
            }
        };
        self.take(pass, page, now).await
    }

    /// Ends the pass under way and gives its lease back, if it was taken. The
    /// next step begins anew.
    pub async fn give_back(&mut self) -> Result<(), FlowError> {
        match self.pass.take() {
            Some(pass) => Ok(self.reading.release(pass.lease).await?),
            None => Ok(()),
        }
    }

    async fn begin(&mut self) -> Result<Option<Pass>, FlowError> {
        let lease = Lease::new(&self.reading.merchant, LEASE, &self.reading.holder);
        let (merchant, free) = (self.reading.merchant.clone(), lease.clone());
        let mark = self.reading.store.read(move |db| {
            free.look(db)?;
            marks::get(db, &merchant, marks::EVENTS)
        });
        let mark = mark.await?;
        let square_now = self.reading.square.square_time().await?;
        let Some(mark) = mark else {
            self.set_first(lease, square_now).await?;
            return Ok(None);
        };
        let mut window = Window::since(mark, OVERLAP, square_now);
        let kept_since = square_now - KEPT;
        window.start = window.start.max(kept_since);
        Ok(Some(Pass {
            query: EventQuery::first(self.reading.merchant.clone(), window),
            lease,
            mark,
            is_cut: mark < kept_since,
            moved: false,
            restarts: 0,
            barren: 0,
        }))
    }

    async fn set_first(&self, lease: Lease, mark: Timestamp) -> Result<(), FlowError> {
        let merchant = self.reading.merchant.clone();
        let set = self.reading.store.write(move |db| {
            let held = lease.hold(db)?;
            marks::set(db, &merchant, marks::EVENTS, mark)?;
            held.release(db)
        });
        Ok(set.await?)
    }

    /// Takes a page in and turns to the next.
    async fn take(
        &mut self,
        mut pass: Pass,
        page: EventPage,
        now: Timestamp,
    ) -> Result<Step, FlowError> {
        self.unavailable_since = None;
        if std::mem::take(&mut pass.is_cut) {
            tracing::warn!(since = %pass.mark, "Square keeps events for 28 days, and it is longer since they were asked for; deletions from before are found by the census");
        }
        let is_last = page.cursor.is_none();
        pass.barren = if page.events.is_empty() {
            pass.barren + 1
        } else {
            0
        };
        let deliveries: Vec<Delivery> = page.events.into_iter().map(Delivery::listed).collect();
        let read = u64::try_from(deliveries.len()).unwrap_or_default();
        let fresh = self.receive.unknown(deliveries).await?;
        let news = u64::try_from(fresh.len()).unwrap_or_default();
        pass.moved |= !is_last || !fresh.is_empty();
        let at = pass.query.window.end;
        let is_reached = is_last && (pass.moved || BEHIND < at - pass.mark);
        let merchant = self.reading.merchant.clone();
        let reached = is_reached.then_some(Reached { merchant, at });
        if !fresh.is_empty() || reached.is_some() {
            let taken = self
                .receive
                .take_listed(&mut pass.lease, fresh, reached, now);
            taken.await?;
        }
        self.progress.read += read;
        self.progress.news += news;
        if is_last {
            self.reading.release(pass.lease).await?;
            return Ok(Step::Idle);
        }
        pass.query.cursor = page.cursor;
        self.pass = Some(pass);
        Ok(Step::Worked)
    }

    fn is_left_alone(&self, now: Timestamp) -> bool {
        self.unavailable_since
            .is_some_and(|since| since <= now && now < since + LEFT_ALONE)
    }

    /// Goes on without the API.
    async fn do_without(
        &mut self,
        lease: Lease,
        code: &str,
        to_token: bool,
        now: Timestamp,
    ) -> Result<Step, FlowError> {
        if to_token {
            // A token that is refused everywhere is no matter of this API's.
            self.reading.square.token_status().await?;
        }
        self.reading.release(lease).await?;
        self.unavailable_since = Some(now);
        if !self.was_said {
            self.was_said = true;
            tracing::info!(
                code,
                "Square's Events API does not answer this token (it needs a personal token and must be enabled once); \
                 missed deletions are found by the census"
            );
        }
        Ok(Step::Idle)
    }
}
