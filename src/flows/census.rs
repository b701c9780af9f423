//! Who is gone at Square without a word?
//!
//! In: the whole directory in windows on `created_at`, and every image we hold.
//! Out: the directory taken through the one door, which heals missed updates
//! too; tombstones for those that are gone. The promise: absence from a list is
//! a suspicion; only Square's answer for that very id, 404 or another id (a
//! merge), makes a tombstone, and all are made after the last answer is in. A
//! list that is not whole makes none, nor do more than
//! [`cap::allowed`](crate::domain::cap::allowed) at once without a person's
//! approval; both raise an alarm. Where nothing changed nothing is written but
//! the mark. What it knows is in memory: a crash in the middle begins it again,
//! and what was written before stays and is true.
//!
//! It has a lease of its own, not that of reading: it moves no mark but its own,
//! and passes of the reconciler go on between its steps.

mod ending;
mod suspects;
mod words;

use chrono::TimeDelta;
use serde::Serialize;

use crate::domain::Timestamp;
use crate::domain::observation::Observation;
use crate::flows::Step;
use crate::flows::census::suspects::Suspects;
use crate::flows::error::FlowError;
use crate::flows::listing::Listing;
use crate::flows::reading::{Progress, Reading};
use crate::store::lease::Lease;
use crate::store::marks;

/// The lease of the census.
const LEASE: &str = "census";
/// How many tombstones one transaction makes: it stays short.
const AT_ONCE: usize = 100;

/// The census. One [`step`](Self::step) makes one call or one transaction.
pub struct Census {
    reading: Reading,
    /// Whether a person approved of however many deletions there are.
    approved: bool,
    lease: Lease,
    pass: Option<Pass>,
    found: Found,
}

/// What a census found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Customers that Square listed.
    pub listed: u64,
    /// Of them, and of those that were asked for, those that told something new.
    pub changed: u64,
    /// Customers of ours that were not on the list.
    pub missing: u64,
    /// Of them, those that Square deleted.
    pub deleted: u64,
    /// Of them, those that Square merged into others.
    pub merged: u64,
    /// Of them, those that the list should have shown.
    pub left_out: u64,
    /// Of them, those about which Square gave no clear answer; they are asked for the next time.
    pub unknown: u64,
    /// What a person should know, if anything.
    pub alarm: Option<String>,
    /// How many customers there are to list, where that is known.
    #[serde(skip)]
    total: Option<u64>,
}

/// A census under way.
struct Pass {
    /// When it began, by Square's clock.
    began: Timestamp,
    /// When it began, by ours.
    began_here: Timestamp,
    listing: Listing,
    suspects: Suspects,
    stage: Stage,
}

/// What is done now.
enum Stage {
    /// Square's list is read.
    Listing,
    /// Ours is held against it.
    Comparing,
    /// Square is asked for those who are missing.
    Confirming,
    /// Those who are gone get their tombstones.
    Burying(Vec<Observation>),
    /// It is written down that all was done.
    Ending,
}

impl Census {
    /// A census that has not begun. `approved` says that a person expects more
    /// deletions than may be made without.
    pub fn new(reading: Reading, approved: bool) -> Self {
        let lease = reading.lease_of(LEASE);
        Self {
            reading,
            approved,
            lease,
            pass: None,
            found: Found::default(),
        }
    }

    /// What the census under way, or the last one, found.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// How far the census under way, or the last one, has come.
    pub fn progress(&self) -> Progress {
        Progress {
            read: self.found.listed,
            news: self.found.changed,
            total: self.found.total,
        }
    }

    /// Whether one is under way.
    pub fn is_under_way(&self) -> bool {
        self.pass.is_some()
    }

    /// Whether one is under way, or the last one that ended well began more than
    /// `every` ago. A directory that was never read as a whole has to be read first.
    pub async fn is_due(&self, every: TimeDelta) -> Result<bool, FlowError> {
        if self.is_under_way() {
            return Ok(true);
        }
        let merchant = self.reading.merchant.clone();
        let (is_read, last) = self
            .reading
            .store
            .read(move |db| {
                let is_read = marks::get(db, &merchant, marks::UPDATED)?.is_some()
                    && marks::get(db, &merchant, marks::BACKFILL_BEGAN)?.is_none();
                Ok((is_read, marks::get(db, &merchant, marks::CENSUS)?))
            })
            .await?;
        match last {
            _ if !is_read => Ok(false),
            None => Ok(true),
            Some(last) => Ok(every <= self.reading.square.square_time().await? - last),
        }
    }

    /// Does the next piece. [`Step::Idle`] says that the census has ended.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, FlowError> {
        let mut pass = match self.pass.take() {
            Some(pass) => pass,
            None => self.begin(now).await?,
        };
        match self.advance(&mut pass, now).await {
            Ok(Step::Worked) => {
                self.pass = Some(pass);
                Ok(Step::Worked)
            }
            Ok(Step::Idle) => {
                self.give_back().await?;
                Ok(Step::Idle)
            }
            Err(error) => {
                // What Square did not answer is asked again; what the database did not take begins anew.
                self.pass = matches!(error, FlowError::Square(_)).then_some(pass);
                Err(error)
            }
        }
    }

    /// Ends the census under way and gives its lease back, if it was taken, so
    /// that another process need not wait for its end. The next step begins anew.
    pub async fn give_back(&mut self) -> Result<(), FlowError> {
        self.pass = None;
        let lease = std::mem::replace(&mut self.lease, self.reading.lease_of(LEASE));
        Ok(self.reading.release(lease).await?)
    }

    async fn begin(&mut self, now: Timestamp) -> Result<Pass, FlowError> {
        let free = self.lease.clone();
        self.reading.store.read(move |db| free.look(db)).await?;
        let began = self.reading.square.square_time().await?;
        self.found = Found::default();
        Ok(Pass {
            began,
            began_here: now,
            listing: Listing::up_to(began),
            suspects: Suspects::new(began, now),
            stage: Stage::Listing,
        })
    }

    async fn advance(&mut self, pass: &mut Pass, now: Timestamp) -> Result<Step, FlowError> {
        match &mut pass.stage {
            Stage::Listing => self.list(pass, now).await,
            Stage::Comparing => self.compare(pass, now).await,
            Stage::Confirming => self.confirm(pass, now).await,
            Stage::Burying(gone) => {
                let rest = gone.split_off(gone.len().min(AT_ONCE));
                let some = std::mem::replace(gone, rest);
                if some.is_empty() {
                    pass.stage = Stage::Ending;
                } else {
                    self.bury(some, pass.began_here, now).await?;
                }
                Ok(Step::Worked)
            }
            Stage::Ending => self.end(pass.began, now).await,
        }
    }

    /// Takes a page of Square's list in.
    async fn list(&mut self, pass: &mut Pass, now: Timestamp) -> Result<Step, FlowError> {
        if let Some(read) = pass.listing.next(&self.reading.square).await? {
            let taken = self.reading.take(&mut self.lease, read, None, now);
            self.found.changed += taken.await?.news;
            self.found.listed = pass.listing.listed();
            self.found.total = pass.listing.total();
        } else if pass.listing.is_whole() {
            pass.stage = Stage::Comparing;
        } else {
            return self.stop(words::not_whole(), now).await;
        }
        Ok(Step::Worked)
    }

    /// Holds some of our images against the list.
    async fn compare(&mut self, pass: &mut Pass, now: Timestamp) -> Result<Step, FlowError> {
        if pass.suspects.look(&self.reading, &pass.listing).await? {
            return Ok(Step::Worked);
        }
        self.found.missing = pass.suspects.missing();
        self.count("missing", self.found.missing);
        match pass.suspects.objection(self.found.listed) {
            Some(words) if !self.approved => self.stop(words, now).await,
            _ => {
                pass.stage = Stage::Confirming;
                Ok(Step::Worked)
            }
        }
    }

    /// Asks Square for some of those who are missing.
    async fn confirm(&mut self, pass: &mut Pass, now: Timestamp) -> Result<Step, FlowError> {
        let suspects = &mut pass.suspects;
        if let Some(read) = suspects.ask(&self.reading.square).await? {
            let taken = self.reading.take(&mut self.lease, read, None, now);
            self.found.changed += taken.await?.news;
            return Ok(Step::Worked);
        }
        self.found.left_out = suspects.left_out;
        self.found.unknown = suspects.unknown;
        self.count("alive", suspects.alive);
        self.count("unknown", suspects.unknown);
        match suspects.objection_to_ends() {
            Some(words) if !self.approved => self.stop(words, now).await,
            _ => {
                pass.stage = Stage::Burying(suspects.ends());
                Ok(Step::Worked)
            }
        }
    }

    fn count(&self, outcome: &'static str, number: u64) {
        let counter = &self.reading.counters.census;
        counter
            .get_or_create(&[("outcome", outcome)])
            .inc_by(number);
    }
}
