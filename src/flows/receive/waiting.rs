//! Events that came before their seller was known: already in the inbox, they
//! take effect once it is.

use crate::domain::Timestamp;
use crate::domain::merge::Rule;
use crate::flows::receive::{Delivery, Receive, take_effect};
use crate::store::inbox::{self, State};
use crate::store::{Db, StoreError, StoreResult, sellers};

/// How many of them one transaction takes.
const TOGETHER: i64 = 200;

impl Receive {
    /// Lets events take effect that came before their seller was known. Gives
    /// how many were settled; 0 when none is waiting, and then nothing is
    /// written. One that the database does not take becomes dead.
    pub async fn take_waiting(&self, now: Timestamp) -> StoreResult<usize> {
        if !self.store.read(is_due).await? {
            return Ok(0);
        }
        match self.settle(TOGETHER, now).await {
            // One of them is at fault. The oldest alone shows whether it is that one.
            Err(StoreError::Rejected(_)) => self.settle_oldest(now).await,
            settled => settled,
        }
    }

    async fn settle_oldest(&self, now: Timestamp) -> StoreResult<usize> {
        match self.settle(1, now).await {
            Err(StoreError::Rejected(reason)) => {
                tracing::error!(reason, "an event that waited cannot be stored and is dead");
                self.store.write(move |db| bury_oldest(db, &reason)).await
            }
            settled => settled,
        }
    }

    async fn settle(&self, limit: i64, now: Timestamp) -> StoreResult<usize> {
        let rule = self.rule;
        self.store
            .write(move |db| settle(db, limit, rule, now))
            .await
    }
}

fn is_due(db: &mut Db) -> StoreResult<bool> {
    Ok(!inbox::waiting(db, 1)?.is_empty() && sellers::any(db)?)
}

fn settle(db: &mut Db, limit: i64, rule: Rule, now: Timestamp) -> StoreResult<usize> {
    let waiting = inbox::waiting(db, limit)?;
    let deliveries: Vec<Delivery> = waiting
        .iter()
        .map(|(_, body)| Delivery::read_again(body.clone()))
        .collect();
    let verdicts = take_effect(db, &deliveries.iter().collect::<Vec<_>>(), rule, now)?;
    for ((seq, _), verdict) in waiting.iter().zip(&verdicts) {
        inbox::settle(db, *seq, verdict.state, verdict.reason.as_deref())?;
    }
    Ok(waiting.len())
}

fn bury_oldest(db: &mut Db, reason: &str) -> StoreResult<usize> {
    let oldest = inbox::waiting(db, 1)?;
    for (seq, _) in &oldest {
        inbox::settle(db, *seq, State::Dead, Some(reason))?;
    }
    Ok(oldest.len())
}
