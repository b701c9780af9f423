//! Flow 1: what Square says takes effect at once.
//!
//! In: bodies that a current key signed, many at a time. Out: for each, what
//! became of it, after the commit that holds both its bytes and its effect. The
//! promise: what was answered is on disk; the same event twice is one effect;
//! an event that cannot be read or stored is kept as dead and holds up nobody.
//! A crash before the commit leaves nothing, and Square sends again.

use std::sync::Arc;

use crate::domain::Timestamp;
use crate::domain::merge::Rule;
use crate::domain::seeded::{self, Bug};
use crate::flows::counters::Counters;
use crate::store::inbox::{self, State};
use crate::store::{Db, Store, StoreError, StoreResult, Turn};

mod delivery;
mod effect;
mod known;
mod listed;
mod queue;
mod retry;
mod waiting;

pub use delivery::Delivery;
use effect::{learn, take_effect};
use known::Known;
pub(crate) use listed::Reached;
pub use queue::{Answers, Batch, Overloaded, Queue, Ticket};
pub(crate) use retry::Retried;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept, in this state.
    Kept(State),
    /// It was here already.
    Again,
}

/// Takes deliveries in.
#[derive(Clone)]
pub struct Receive {
    store: Store,
    /// Who wins a field that both sides changed.
    rule: Rule,
    counters: Arc<Counters>,
    /// Whether it may block the thread that it runs on.
    blocks: bool,
}

impl Receive {
    /// For this database.
    pub fn new(store: Store, rule: Rule, counters: Arc<Counters>) -> Self {
        Self {
            store,
            rule,
            counters,
            blocks: false,
        }
    }

    /// The same on a thread of the runtime that does nothing else, which it may block:
    /// no other one has to be woken for each commit.
    pub fn on_its_own_thread(self) -> Self {
        Self {
            blocks: true,
            ..self
        }
    }

    /// Commits all of these at once. Where the database does not take one of
    /// them, each is tried alone and the one at fault is kept as dead. An error
    /// means that nothing of that delivery is on disk.
    pub async fn take(
        &self,
        deliveries: Vec<Delivery>,
        now: Timestamp,
    ) -> Vec<StoreResult<Outcome>> {
        let turn = self.turn().await;
        self.take_in(turn, deliveries, now).await
    }

    /// Waits until this may write next.
    pub(super) async fn turn(&self) -> Turn {
        self.store.turn().await
    }

    /// Like [`take`](Self::take), in a turn that was waited for before.
    pub(super) async fn take_in(
        &self,
        turn: Turn,
        deliveries: Vec<Delivery>,
        now: Timestamp,
    ) -> Vec<StoreResult<Outcome>> {
        let deliveries = Arc::new(deliveries);
        match self.commit(turn, Arc::clone(&deliveries), now).await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(_) if seeded::is_on(Bug::AckWithoutCommit) => {
                deliveries.iter().map(|_| Ok(Outcome::Again)).collect()
            }
            Err(StoreError::Rejected(_)) => self.take_each(&deliveries, now).await,
            Err(error) => {
                tracing::warn!(events = deliveries.len(), %error, "events could not be committed; Square will send them again");
                let reason = error.to_string();
                deliveries
                    .iter()
                    .map(|_| Err(StoreError::Unavailable(reason.clone())))
                    .collect()
            }
        }
    }

    async fn take_each(
        &self,
        deliveries: &[Delivery],
        now: Timestamp,
    ) -> Vec<StoreResult<Outcome>> {
        let mut outcomes = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            outcomes.push(self.take_alone(delivery, now).await);
        }
        outcomes
    }

    async fn take_alone(&self, delivery: &Delivery, now: Timestamp) -> StoreResult<Outcome> {
        let turn = self.turn().await;
        let alone = Arc::new(vec![delivery.clone()]);
        let alone = self.commit(turn, alone, now).await;
        let reason = match alone {
            Ok(outcomes) => return outcomes.first().copied().ok_or_else(nothing),
            Err(StoreError::Rejected(reason)) => reason,
            Err(error) => return Err(error),
        };
        let dead = delivery.clone().into_dead(reason);
        let turn = self.turn().await;
        let outcomes = self.commit(turn, Arc::new(vec![dead]), now).await?;
        outcomes.first().copied().ok_or_else(nothing)
    }

    async fn commit(
        &self,
        turn: Turn,
        deliveries: Arc<Vec<Delivery>>,
        now: Timestamp,
    ) -> StoreResult<Vec<Outcome>> {
        let rule = self.rule;
        let work = move |db: &mut Db| commit(db, &deliveries, rule, now);
        let committed = if self.blocks {
            self.store.write_here(turn, work)?
        } else {
            self.store.write_in(turn, work).await?
        };
        self.count(&committed);
        Ok(committed.outcomes)
    }

    fn count(&self, committed: &Committed) {
        self.counters.event_commits.inc();
        self.counters
            .event_id_collisions
            .inc_by(committed.collisions);
        for outcome in &committed.outcomes {
            let label = match outcome {
                Outcome::Kept(state) => state.as_str(),
                Outcome::Again => "again",
            };
            self.counters
                .events
                .get_or_create(&[("outcome", label)])
                .inc();
        }
    }
}

/// A batch always gives an outcome for each of its deliveries.
fn nothing() -> StoreError {
    StoreError::Unavailable("the commit told nothing of the event".to_owned())
}

struct Committed {
    outcomes: Vec<Outcome>,
    collisions: u64,
}

/// Keeps the deliveries that are new and lets them take effect.
fn commit(
    db: &mut Db,
    deliveries: &[Delivery],
    rule: Rule,
    now: Timestamp,
) -> StoreResult<Committed> {
    let ids: Vec<&str> = deliveries
        .iter()
        .map(|delivery| delivery.event_id.as_str())
        .collect();
    let rows = inbox::known(db, &ids)?;
    let mut known = Known::new(&rows);
    let mut new = Vec::new();
    for (position, delivery) in deliveries.iter().enumerate() {
        if known.is_new(delivery) {
            new.push((position, delivery));
        }
    }
    let fresh: Vec<&Delivery> = new.iter().map(|(_, delivery)| *delivery).collect();
    let (verdicts, learnt) = learn(db, &fresh, rule, now)?;
    let entries: Vec<inbox::Entry<'_>> = fresh
        .iter()
        .zip(&verdicts)
        .map(|(delivery, verdict)| delivery.entry(verdict))
        .collect();
    match learnt {
        Some(learnt) => learnt.write(db, &entries)?,
        None => inbox::add(db, &entries, now)?,
    }
    let mut outcomes = vec![Outcome::Again; deliveries.len()];
    for ((position, _), verdict) in new.iter().zip(&verdicts) {
        if let Some(outcome) = outcomes.get_mut(*position) {
            *outcome = Outcome::Kept(verdict.state);
        }
    }
    Ok(Committed {
        outcomes,
        collisions: known.collisions,
    })
}
