//! Flow 2: what webhooks missed.
//!
//! In: the customers updated since the mark, page by page. Out: the same, taken
//! through the one door. The promise: the mark moves to the time the pass
//! began, by Square's clock, in the transaction of the window's last page, so a
//! crash repeats a window and never skips one; a window in which nothing is new
//! writes nothing.
//!
//! A window of several pages is read in two parts. Into the older one nobody
//! comes any more, but for those whom Square restores: whoever slips over an edge,
//! as others leave, is missed by number. The younger one is read again by the
//! next pass.

use chrono::TimeDelta;

use crate::domain::Timestamp;
use crate::domain::seeded::{self, Bug};
use crate::domain::window::Window;
use crate::flows::Step;
use crate::flows::error::FlowError;
use crate::flows::pages::{Read, Reader};
use crate::flows::reading::{Finish, Progress, Reading};
use crate::square::client::By;
use crate::store::lease::Lease;
use crate::store::marks;

/// The reconciler. One [`step`](Self::step) reads one page.
pub struct Reconcile {
    reading: Reading,
    /// How far a window reaches back behind the mark.
    overlap: TimeDelta,
    /// The pass under way.
    pass: Option<Pass>,
    progress: Progress,
}

struct Pass {
    reader: Reader,
    /// The part of the window that is read after the reader's.
    later: Option<Window>,
    lease: Lease,
    mark: Timestamp,
    /// Whether anything was updated since the mark.
    moved: bool,
}

impl Pass {
    /// Up to when it reads.
    fn end(&self) -> Timestamp {
        self.later.unwrap_or(self.reader.window()).end
    }
}

impl Reconcile {
    /// A reconciler that has not begun a pass.
    pub fn new(reading: Reading, overlap: TimeDelta) -> Self {
        Self {
            reading,
            overlap,
            pass: None,
            progress: Progress::default(),
        }
    }

    /// What the pass under way, or the last one, has done.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Reads one page; the first step begins a pass, and the one that ends it
    /// gives [`Step::Idle`]. Without a mark there is nothing to go on from, and
    /// nothing is done: the backfill comes first.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, FlowError> {
        let mut pass = match self.pass.take() {
            Some(pass) => pass,
            None => match self.begin().await? {
                Some(pass) => pass,
                None => return Ok(Step::Idle),
            },
        };
        let read = match pass.reader.next(&self.reading.square).await {
            Ok(read) => {
                self.progress.total = self.progress.total.or(pass.reader.held());
                self.part(&mut pass, read)
            }
            Err(error) => {
                // The page was not turned, so the next step asks for it again.
                self.pass = Some(pass);
                return Err(error);
            }
        };
        let is_last = read.is_last;
        self.store(&mut pass, read, now).await?;
        if is_last {
            let end = pass.end();
            self.reading.counters.read_up_to.set(end.timestamp());
            self.reading.caught_up.set(Some(end));
            self.reading.release(pass.lease).await?;
            return Ok(Step::Idle);
        }
        self.pass = Some(pass);
        Ok(Step::Worked)
    }

    /// Ends the pass under way and gives its lease back, if it was taken, so that
    /// another process need not wait for its end. The next step begins anew.
    pub async fn give_back(&mut self) -> Result<(), FlowError> {
        match self.pass.take() {
            Some(pass) => Ok(self.reading.release(pass.lease).await?),
            None => Ok(()),
        }
    }

    async fn begin(&mut self) -> Result<Option<Pass>, FlowError> {
        let lease = self.reading.lease();
        let (merchant, free) = (self.reading.merchant.clone(), lease.clone());
        let mark = self.reading.store.read(move |db| {
            free.look(db)?;
            marks::get(db, &merchant, marks::UPDATED)
        });
        let Some(mark) = mark.await? else {
            return Ok(None);
        };
        let window = Window::since(mark, self.overlap, self.reading.square.square_time().await?);
        self.progress = Progress::default();
        Ok(Some(Pass {
            reader: Reader::new(By::UpdatedAt, window),
            later: None,
            lease,
            mark,
            moved: false,
        }))
    }

    /// Begins with the older part of a window that needs another page, and goes on
    /// to the younger one after it.
    fn part(&self, pass: &mut Pass, read: Read) -> Read {
        let window = pass.reader.window();
        let is_new = pass.reader.is_first() && pass.later.is_none();
        match pass.later.take() {
            Some(younger) if read.is_last => {
                pass.reader = Reader::new(By::UpdatedAt, younger);
                Read {
                    is_last: false,
                    ..read
                }
            }
            None if is_new && !read.is_last => {
                let moment = window.end.checked_sub_signed(self.overlap);
                let Some((older, younger)) = moment.and_then(|moment| window.split(moment)) else {
                    return read;
                };
                pass.reader = Reader::new(By::UpdatedAt, older);
                pass.later = Some(younger);
                // Whoever is on this page is on theirs.
                Read::of(Vec::new())
            }
            later => {
                pass.later = later;
                read
            }
        }
    }

    /// Takes a page in. With the last one the mark moves, unless nothing was
    /// updated since it: a quiet directory costs no write.
    async fn store(
        &mut self,
        pass: &mut Pass,
        read: Read,
        now: Timestamp,
    ) -> Result<(), FlowError> {
        pass.moved |= read.latest.is_some_and(|latest| pass.mark <= latest);
        self.progress.read += u64::try_from(read.observations.len()).unwrap_or_default();
        let (merchant, end) = (self.reading.merchant.clone(), pass.end());
        let end = if seeded::is_on(Bug::MarkFromOurClock) {
            now
        } else {
            end
        };
        let is_read = read.is_last || seeded::is_on(Bug::MarkBeforeLastPage);
        let finish = (is_read && pass.moved).then(|| -> Finish {
            Finish::Always(Box::new(move |db| {
                marks::set(db, &merchant, marks::UPDATED, end)
            }))
        });
        let taken = self.reading.take(&mut pass.lease, read, finish, now);
        self.progress.news += taken.await?.news;
        Ok(())
    }
}
