//! The whole directory, for the first time or again.
//!
//! In: windows on `created_at`, which never changes, cut until each holds a few
//! thousand customers. Out: their profiles, taken through the one door. The
//! promise: a window that was read is not read again, so a crash resumes where
//! it was; when the last one is read, the reconciler's mark stands at the time
//! the backfill began. The first time that counts as a census.

use chrono::{DateTime, TimeDelta};

use crate::domain::Timestamp;
use crate::domain::window::Window;
use crate::flows::Step;
use crate::flows::error::FlowError;
use crate::flows::pages::Reader;
use crate::flows::reading::{Finish, Progress, Reading};
use crate::square::client::By;
use crate::store::lease::Lease;
use crate::store::{marks, windows};

/// The backfill. One [`step`](Self::step) reads one page or cuts one window.
pub struct Backfill {
    reading: Reading,
    lease: Lease,
    /// The window being read.
    reader: Option<Reader>,
    /// Whether it began in this process: one that was left may have read long ago what it read.
    began_here: bool,
    progress: Progress,
}

impl Backfill {
    /// A backfill that goes on where one was left, or begins.
    pub fn new(reading: Reading) -> Self {
        let lease = reading.lease();
        Self {
            reading,
            lease,
            reader: None,
            began_here: false,
            progress: Progress::default(),
        }
    }

    /// What has been done since [`new`](Self::new).
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Whether the directory has never been read as a whole.
    pub async fn is_due(&self) -> Result<bool, FlowError> {
        let merchant = self.reading.merchant.clone();
        Ok(self
            .reading
            .store
            .read(move |db| {
                let never = marks::get(db, &merchant, marks::UPDATED)?.is_none();
                Ok(never || marks::get(db, &merchant, marks::BACKFILL_BEGAN)?.is_some())
            })
            .await?)
    }

    /// Reads one page. [`Step::Idle`] says that the whole directory was read.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, FlowError> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => match self.next_window().await? {
                Some(window) => Reader::new(By::CreatedAt, window),
                None => {
                    self.finish().await?;
                    return Ok(Step::Idle);
                }
            },
        };
        let read = match reader.next(&self.reading.square).await {
            Ok(read) => read,
            Err(error) => {
                // The page was not turned, so the next step asks for it again.
                self.reader = Some(reader);
                return Err(error);
            }
        };
        self.progress.total = self.progress.total.or(reader.held());
        let window = reader.window();
        if let Some((first, second)) = reader.halves() {
            self.cut(window, first, second).await?;
            return Ok(Step::Worked);
        }
        self.progress.read += u64::try_from(read.observations.len()).unwrap_or_default();
        let merchant = self.reading.merchant.clone();
        let is_last = read.is_last;
        let finish = is_last
            .then(|| -> Finish { Box::new(move |db| windows::done(db, &merchant, window.start)) });
        self.progress.news += self
            .reading
            .take(&mut self.lease, read, finish, now)
            .await?;
        self.reader = (!is_last).then_some(reader);
        Ok(Step::Worked)
    }

    /// Gives the lease back, if it was taken, so that another process need not
    /// wait for its end. The next step begins its window again.
    pub async fn give_back(&mut self) -> Result<(), FlowError> {
        self.reader = None;
        let lease = std::mem::replace(&mut self.lease, self.reading.lease());
        Ok(self.reading.release(lease).await?)
    }

    /// The next window to read; the whole of Square's time when nothing is under way.
    async fn next_window(&mut self) -> Result<Option<Window>, FlowError> {
        let (merchant, free) = (self.reading.merchant.clone(), self.lease.clone());
        let under_way = self.reading.store.read(move |db| {
            free.look(db)?;
            Ok((
                marks::get(db, &merchant, marks::BACKFILL_BEGAN)?,
                windows::next(db, &merchant)?,
            ))
        });
        let (began, next) = under_way.await?;
        if began.is_some() {
            return Ok(next);
        }
        let began = self.reading.square.square_time().await?;
        // Square's clock may run ahead of itself by the second it is told in.
        let all = Window {
            start: DateTime::UNIX_EPOCH,
            end: began + TimeDelta::seconds(2),
        };
        let (merchant, lease) = (self.reading.merchant.clone(), self.lease.clone());
        let begun = self.reading.store.write(move |db| {
            let lease = lease.hold(db)?;
            marks::set(db, &merchant, marks::BACKFILL_BEGAN, began)?;
            windows::add(db, &merchant, &[all])?;
            Ok(lease)
        });
        self.lease = begun.await?;
        self.began_here = true;
        Ok(Some(all))
    }

    async fn cut(&mut self, whole: Window, first: Window, second: Window) -> Result<(), FlowError> {
        let (merchant, lease) = (self.reading.merchant.clone(), self.lease.clone());
        let cut = self.reading.store.write(move |db| {
            let lease = lease.hold(db)?;
            windows::done(db, &merchant, whole.start)?;
            windows::add(db, &merchant, &[first, second])?;
            Ok(lease)
        });
        self.lease = cut.await?;
        Ok(())
    }

    /// Lets the reconciler go on from where the backfill began.
    async fn finish(&mut self) -> Result<(), FlowError> {
        let (merchant, lease) = (self.reading.merchant.clone(), self.lease.clone());
        let finished = self.reading.store.write(move |db| {
            let lease = lease.hold(db)?;
            if let Some(began) = marks::get(db, &merchant, marks::BACKFILL_BEGAN)? {
                let reached = marks::get(db, &merchant, marks::UPDATED)?;
                if reached.is_none() {
                    // Nothing was here before that could be gone at Square.
                    marks::set(db, &merchant, marks::CENSUS, began)?;
                }
                marks::set(
                    db,
                    &merchant,
                    marks::UPDATED,
                    reached.map_or(began, |reached| reached.max(began)),
                )?;
                marks::clear(db, &merchant, marks::BACKFILL_BEGAN)?;
            }
            lease.release(db)
        });
        finished.await?;
        if std::mem::take(&mut self.began_here) {
            self.reading.caught_up.set(true);
        }
        self.lease = self.reading.lease();
        Ok(())
    }
}
