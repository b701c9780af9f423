//! What the reconciler, the backfill and the census have in common: pages go through the
//! one door under a lease, and a page that tells nothing new is not written.

use std::sync::Arc;

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::domain::image::Effect;
use crate::domain::merge::Rule;
use crate::flows::apply::{self, Learning};
use crate::flows::caught_up::CaughtUp;
use crate::flows::counters::Counters;
use crate::flows::pages::{self, Read};
use crate::square::client::Square;
use crate::store::changes::Source;
use crate::store::lease::{Holder, Lease};
use crate::store::{Db, Store, StoreResult};

/// The lease of whoever reads the directory: the two flows move the same mark.
const LEASE: &str = "reconcile";

/// What a reading flow works with.
#[derive(Clone)]
pub struct Reading {
    /// The tables.
    pub store: Store,
    /// The seller's directory.
    pub square: Square,
    /// The seller.
    pub merchant: MerchantId,
    /// Who wins a field that both sides changed.
    pub rule: Rule,
    /// Who does the work, for people who ask.
    pub holder: Holder,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// Set when a pass that began here has ended.
    pub caught_up: CaughtUp,
}

/// What a pass has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Profiles read.
    pub read: u64,
    /// Of them, those that told something new.
    pub news: u64,
    /// Profiles that there are to read, as far as that can be told.
    pub total: Option<u64>,
}

/// What has to be committed together with a page.
pub(crate) enum Finish {
    /// Even if the page tells nothing new.
    Always(Closing),
    /// Only if the page tells something new.
    WithNews(Closing),
}

/// The last work of a transaction.
pub(crate) type Closing = Box<dyn FnOnce(&mut Db) -> StoreResult<()> + Send>;

/// What became of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// How many of its profiles told something new.
    pub(crate) news: u64,
    /// Whether anything was written.
    pub(crate) written: bool,
}

impl Reading {
    /// The lease of reading, not taken yet.
    pub(crate) fn lease(&self) -> Lease {
        self.lease_of(LEASE)
    }

    /// The lease of another kind of work, not taken yet.
    pub(crate) fn lease_of(&self, work: &'static str) -> Lease {
        Lease::new(&self.merchant, work, &self.holder)
    }

    /// How what is learnt takes effect.
    pub(crate) fn learning(&self, now: Timestamp) -> Learning {
        Learning {
            merchant: self.merchant.clone(),
            source: Source::Pass,
            rule: self.rule,
            now,
        }
    }

    /// Takes a page in, and does `finish` in the same transaction.
    pub(crate) async fn take(
        &self,
        lease: &mut Lease,
        read: Read,
        finish: Option<Finish>,
        now: Timestamp,
    ) -> StoreResult<Taken> {
        let count = u64::try_from(read.observations.len()).unwrap_or_default();
        self.counters.profiles_unreadable.inc_by(read.unreadable);
        // Shared, so that the transaction does not end with letting go of them.
        let observations = Arc::new(read.observations);
        let (merchant, shown) = (self.merchant.clone(), Arc::clone(&observations));
        let must = matches!(finish, Some(Finish::Always(_)));
        let written = must
            || self
                .store
                .read(move |db| pages::is_news(db, &merchant, &shown))
                .await?;
        let mut news = 0;
        if written {
            let learning = self.learning(now);
            let (held, observations) = (lease.clone(), Arc::clone(&observations));
            let told = self.store.write(move |db| {
                let held = held.hold(db)?;
                let effects = apply::apply(db, &learning, &observations)?;
                if let Some(Finish::Always(finish) | Finish::WithNews(finish)) = finish {
                    finish(db)?;
                }
                Ok((
                    held,
                    effects
                        .into_iter()
                        .filter(|effect| *effect == Effect::News)
                        .count(),
                ))
            });
            let (held, told) = told.await?;
            *lease = held;
            news = u64::try_from(told).unwrap_or_default();
        }
        self.counters
            .profiles_read
            .get_or_create(&[("outcome", "news")])
            .inc_by(news);
        self.counters
            .profiles_read
            .get_or_create(&[("outcome", "known")])
            .inc_by(count - news);
        Ok(Taken { news, written })
    }

    /// Gives the lease back, if it was ever taken.
    pub(crate) async fn release(&self, lease: Lease) -> StoreResult<()> {
        if !lease.is_taken() {
            return Ok(());
        }
        self.store.write(move |db| lease.release(db)).await
    }
}
