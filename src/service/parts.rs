//! What every command and the service are made of.

use std::sync::Arc;

use anyhow::Context;
use chrono::TimeDelta;

use crate::config::Settings;
use crate::domain::budget::Class;
use crate::domain::id::{MerchantId, SquareId};
use crate::domain::lookalike::Matching;
use crate::domain::merge::Rule;
use crate::flows::backfill::Backfill;
use crate::flows::caught_up::CaughtUp;
use crate::flows::census::Census;
use crate::flows::counters::Counters;
use crate::flows::error::FlowError;
use crate::flows::events::Events;
use crate::flows::identify;
use crate::flows::push::{Push, Pushing};
use crate::flows::reading::Reading;
use crate::flows::receive::Receive;
use crate::flows::reconcile::Reconcile;
use crate::flows::trim::Trim;
use crate::flows::verify::{Mend, Sides};
use crate::service::{clock, holder};
use crate::square::client::{ClientSettings, Square};
use crate::store::Store;
use crate::store::lease::Holder;

/// The parts that one process has, whatever it does.
#[derive(Clone)]
pub struct Parts {
    /// The tables.
    pub store: Store,
    /// Square, as the seller's token sees it.
    pub square: Square,
    /// What is counted.
    pub counters: Arc<Counters>,
    environment: &'static str,
    rule: Rule,
    overlap: TimeDelta,
    keep_events: TimeDelta,
    /// How long after a census the next one is due.
    pub census_every: TimeDelta,
    /// Whether a person approves of however many deletions there are, on either side.
    pub approved: bool,
    push_deletes: bool,
    matching: Matching,
    caught_up: CaughtUp,
    holder: Holder,
}

impl Parts {
    /// Opens the database and makes a client; asks nothing of Square yet.
    pub async fn open(settings: &Settings) -> anyhow::Result<Self> {
        Self::with(Store::open(settings.database.clone()).await?, settings)
    }

    /// The same on a database in which nothing can be changed.
    pub async fn open_to_look(settings: &Settings) -> anyhow::Result<Self> {
        Self::with(
            Store::open_to_look(settings.database.clone()).await?,
            settings,
        )
    }

    fn with(store: Store, settings: &Settings) -> anyhow::Result<Self> {
        let token = settings
            .access_token
            .clone()
            .context("SQUARE_ACCESS_TOKEN is needed")?;
        Ok(Self {
            store,
            square: Square::new(ClientSettings::new(settings.api_url.clone(), token))?,
            counters: Arc::default(),
            environment: settings.environment.as_str(),
            rule: settings.conflicts,
            overlap: TimeDelta::from_std(settings.overlap)?,
            keep_events: TimeDelta::from_std(settings.keep_events)?,
            census_every: TimeDelta::from_std(settings.census_every)?,
            approved: false,
            push_deletes: settings.push_deletes,
            matching: settings.matching,
            caught_up: CaughtUp::default(),
            holder: holder::this_process(),
        })
    }

    /// Asks Square whose token this is, and makes sure that the database is that seller's.
    pub async fn identify(&self) -> Result<MerchantId, FlowError> {
        identify::identify(&self.store, &self.square, self.environment, clock()).await
    }

    /// Like [`identify`](Self::identify), and writes nothing down.
    pub async fn recognise(&self) -> Result<MerchantId, FlowError> {
        identify::recognise(&self.store, &self.square, self.environment).await
    }

    /// The flow that takes events in.
    pub fn receive(&self) -> Receive {
        Receive::new(self.store.clone(), self.rule, Arc::clone(&self.counters))
    }

    /// The flow that asks for the events that webhooks missed.
    pub fn events(&self, merchant: &MerchantId) -> Events {
        Events::new(self.reading(merchant, Class::Reconcile), self.receive())
    }

    /// The flow that finds what webhooks missed.
    pub fn reconcile(&self, merchant: &MerchantId) -> Reconcile {
        Reconcile::new(self.reading(merchant, Class::Reconcile), self.overlap)
    }

    /// The flow that reads the whole directory.
    pub fn backfill(&self, merchant: &MerchantId) -> Backfill {
        Backfill::new(self.reading(merchant, Class::Backfill))
    }

    /// The flow that finds who is gone at Square.
    pub fn census(&self, merchant: &MerchantId) -> Census {
        Census::new(self.reading(merchant, Class::Census), self.approved)
    }

    /// The flow that carries local changes to Square.
    pub fn push(&self, merchant: &MerchantId) -> Push {
        Push::new(Pushing {
            store: self.store.clone(),
            square: self.square.clone(),
            merchant: merchant.clone(),
            rule: self.rule,
            push_deletes: self.push_deletes,
            approved: self.approved,
            matching: self.matching,
            caught_up: self.caught_up.clone(),
            holder: self.holder.clone(),
            counters: Arc::clone(&self.counters),
        })
    }

    /// The flow that takes old events out of the inbox.
    pub fn trim(&self) -> Trim {
        Trim::new(self.store.clone(), self.keep_events)
    }

    /// Both sides, to be compared.
    pub fn sides(&self, merchant: &MerchantId) -> Sides {
        Sides {
            store: self.store.clone(),
            square: self.square.of_class(Class::Census),
            merchant: merchant.clone(),
        }
    }

    /// The flow that takes in what Square says of single profiles.
    pub fn mend(&self, merchant: &MerchantId, ids: Vec<SquareId>) -> Mend {
        Mend::new(self.reading(merchant, Class::Reconcile), ids)
    }

    fn reading(&self, merchant: &MerchantId, class: Class) -> Reading {
        Reading {
            store: self.store.clone(),
            square: self.square.of_class(class),
            merchant: merchant.clone(),
            rule: self.rule,
            holder: self.holder.clone(),
            counters: Arc::clone(&self.counters),
            caught_up: self.caught_up.clone(),
        }
    }
}
