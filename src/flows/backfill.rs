//! The whole directory, for the first time or again.
//!
//! In: windows on `created_at`, which never changes, cut until each holds some
//! fifteen hundred customers, and read side by side. Out: their profiles, taken
//! through the one door, some pages in each transaction while others are on
//! their way. The promise: a window that was read is not read again, so a crash
//! resumes where it was; when the last one is read, the reconciler's mark stands
//! at the time the backfill began. The first time that counts as a census. Where
//! nothing new is found nothing is written, not even what is still to be read.

mod pieces;
mod remaining;

use chrono::{DateTime, TimeDelta};

use crate::domain::Timestamp;
use crate::domain::window::Window;
use crate::flows::Step;
use crate::flows::backfill::pieces::Pieces;
use crate::flows::backfill::remaining::Remaining;
use crate::flows::error::FlowError;
use crate::flows::reading::{Finish, Progress, Reading};
use crate::store::lease::Lease;
use crate::store::{marks, windows};

/// How many customers make a good piece: what a crash repeats stays small, and so does
/// the share of pages that are not full. As many are taken in at once, which takes less
/// than a tenth of a second; of fewer, not as many would share the pages of the indexes
/// by Square's ids, which are in no order.
const PIECE: u64 = 1500;

/// The backfill. One [`step`](Self::step) takes some pages in.
pub struct Backfill {
    reading: Reading,
    lease: Lease,
    /// What is under way.
    pass: Option<Pass>,
    /// How many customers make a good piece.
    piece: u64,
    progress: Progress,
}

/// A backfill under way.
struct Pass {
    began: Timestamp,
    /// Whether it began in this process: one that was left may have read long ago what it read.
    began_here: bool,
    /// Whether the directory was never read before, so that all of it will be new.
    is_first: bool,
    pieces: Pieces,
    remaining: Remaining,
    /// How many profiles this process had read before.
    read_before: u64,
}

impl Backfill {
    /// A backfill that goes on where one was left, or begins.
    pub fn new(reading: Reading) -> Self {
        let lease = reading.lease();
        Self {
            reading,
            lease,
            pass: None,
            piece: PIECE,
            progress: Progress::default(),
        }
    }

    /// The same, in pieces of about so many customers.
    pub fn in_pieces_of(mut self, customers: u64) -> Self {
        self.piece = customers;
        self
    }

    /// What has been done since [`new`](Self::new).
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Whether the directory has never been read as a whole.
    pub fn is_due(&self) -> impl Future<Output = Result<bool, FlowError>> + Send + use<> {
        let (store, merchant) = (self.reading.store.clone(), self.reading.merchant.clone());
        async move {
            let due = store.read(move |db| {
                let never = marks::get(db, &merchant, marks::UPDATED)?.is_none();
                Ok(never || marks::get(db, &merchant, marks::BACKFILL_BEGAN)?.is_some())
            });
            Ok(due.await?)
        }
    }

    /// Takes some pages in. [`Step::Idle`] says that the whole directory was read.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, FlowError> {
        let mut pass = match self.pass.take() {
            Some(pass) => pass,
            None => self.begin().await?,
        };
        match pass.pieces.come(&self.reading.square).await {
            Ok(true) => {
                // What the database did not take is read again from what it has.
                self.store(&mut pass, now).await?;
                self.pass = Some(pass);
                Ok(Step::Worked)
            }
            Ok(false) => {
                self.finish(pass).await?;
                Ok(Step::Idle)
            }
            Err(error) => {
                // Pages that did not come are asked for again in the next step.
                self.pass = Some(pass);
                Err(error)
            }
        }
    }

    /// Gives the lease back, if it was taken, so that another process need not
    /// wait for its end. The next step begins the windows that are left again.
    pub async fn give_back(&mut self) -> Result<(), FlowError> {
        self.pass = None;
        let lease = std::mem::replace(&mut self.lease, self.reading.lease());
        Ok(self.reading.release(lease).await?)
    }

    /// Goes on with the windows that are left; with the whole of Square's time
    /// when nothing is under way.
    async fn begin(&mut self) -> Result<Pass, FlowError> {
        let (merchant, free) = (self.reading.merchant.clone(), self.lease.clone());
        let under_way = self.reading.store.read(move |db| {
            free.look(db)?;
            let began = marks::get(db, &merchant, marks::BACKFILL_BEGAN)?;
            let is_first = marks::get(db, &merchant, marks::UPDATED)?.is_none();
            Ok((began, windows::all(db, &merchant)?, is_first))
        });
        let (began, left, is_first) = under_way.await?;
        if let Some(began) = began {
            return Ok(Pass {
                began,
                began_here: false,
                is_first,
                pieces: Pieces::new(&left, self.piece),
                remaining: Remaining::on_disk(&left),
                read_before: self.progress.read,
            });
        }
        let began = self.reading.square.square_time().await?;
        let all = Window {
            start: DateTime::UNIX_EPOCH,
            // Square's clock may run ahead of itself by the second it is told in.
            end: began + TimeDelta::seconds(2),
        };
        Ok(Pass {
            began,
            began_here: true,
            is_first,
            pieces: Pieces::new(&[all], self.piece),
            remaining: Remaining::of(all),
            read_before: self.progress.read,
        })
    }

    /// Takes in the pages that have come, while others are asked for.
    async fn store(&mut self, pass: &mut Pass, now: Timestamp) -> Result<(), FlowError> {
        let (read, ended) = pass.pieces.take();
        pass.remaining.cut(pass.pieces.cut());
        ended
            .iter()
            .for_each(|window| pass.remaining.done(window.start));
        let count = u64::try_from(read.observations.len()).unwrap_or_default();
        let note = Box::new(pass.remaining.note(&self.reading.merchant, pass.began));
        let finish = if pass.is_first {
            Finish::Always(note)
        } else {
            Finish::WithNews(note)
        };
        let taken = self.reading.take(&mut self.lease, read, Some(finish), now);
        let taken = pass.pieces.meanwhile(&self.reading.square, taken).await?;
        if taken.written {
            pass.remaining.noted();
        }
        let held = pass.pieces.held();
        self.progress.total = held.map(|held| pass.read_before + held);
        self.progress.read += count;
        self.progress.news += taken.news;
        Ok(())
    }

    /// Lets the reconciler go on from where the backfill began.
    async fn finish(&mut self, pass: Pass) -> Result<(), FlowError> {
        let merchant = self.reading.merchant.clone();
        let reached = self
            .reading
            .store
            .read(move |db| marks::get(db, &merchant, marks::UPDATED))
            .await?;
        if pass.remaining.is_on_disk() || reached.is_none() {
            self.set_mark(pass.began).await?;
        }
        if pass.began_here {
            self.reading.caught_up.set(Some(pass.began));
        }
        Ok(())
    }

    async fn set_mark(&mut self, began: Timestamp) -> Result<(), FlowError> {
        let (merchant, lease) = (self.reading.merchant.clone(), self.lease.clone());
        let set = self.reading.store.write(move |db| {
            let lease = lease.hold(db)?;
            let reached = marks::get(db, &merchant, marks::UPDATED)?;
            if reached.is_none() {
                // Nothing was here before that could be gone at Square.
                marks::set(db, &merchant, marks::CENSUS, began)?;
            }
            let mark = reached.map_or(began, |reached| reached.max(began));
            marks::set(db, &merchant, marks::UPDATED, mark)?;
            marks::clear(db, &merchant, marks::BACKFILL_BEGAN)?;
            windows::clear(db, &merchant)?;
            lease.release(db)
        });
        set.await?;
        self.lease = self.reading.lease();
        Ok(())
    }
}
