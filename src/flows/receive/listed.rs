//! Events that Square listed when it was asked: they go in as webhooks do, under
//! the lease of whoever asked, and the mark up to which was asked moves with them.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::flows::receive::{Committed, Delivery, Receive, commit};
use crate::store::lease::Lease;
use crate::store::{StoreError, StoreResult, inbox, marks};

/// How far a seller's events were asked for.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) merchant: MerchantId,
    pub(crate) at: Timestamp,
}

impl Receive {
    /// Those whose ids are not here. Writes nothing.
    pub(crate) async fn unknown(&self, deliveries: Vec<Delivery>) -> StoreResult<Vec<Delivery>> {
        let ids: Vec<String> = deliveries.iter().map(|it| it.event_id.clone()).collect();
        let known = self.store.read(move |db| {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            inbox::known(db, &ids)
        });
        let known: HashSet<String> = known.await?.into_iter().map(|row| row.event_id).collect();
        Ok(deliveries
            .into_iter()
            .filter(|delivery| !known.contains(&delivery.event_id))
            .collect())
    }

    /// Commits listed events and, in the same transaction, how far was asked. One
    /// that the database does not take is kept as dead; then each has a
    /// transaction of its own, and the mark the last one.
    pub(crate) async fn take_listed(
        &self,
        lease: &mut Lease,
        deliveries: Vec<Delivery>,
        reached: Option<Reached>,
        now: Timestamp,
    ) -> StoreResult<()> {
        let deliveries = Arc::new(deliveries);
        let all = Arc::clone(&deliveries);
        match self.commit_listed(lease, all, reached.clone(), now).await {
            Err(StoreError::Rejected(_)) => {}
            taken => return taken,
        }
        for delivery in deliveries.iter() {
            let alone = Arc::new(vec![delivery.clone()]);
            match self.commit_listed(lease, alone, None, now).await {
                Err(StoreError::Rejected(reason)) => {
                    let dead = Arc::new(vec![delivery.clone().into_dead(reason)]);
                    self.commit_listed(lease, dead, None, now).await?;
                }
                taken => taken?,
            }
        }
        self.commit_listed(lease, Arc::default(), reached, now)
            .await
    }

    async fn commit_listed(
        &self,
        lease: &mut Lease,
        deliveries: Arc<Vec<Delivery>>,
        reached: Option<Reached>,
        now: Timestamp,
    ) -> StoreResult<()> {
        let (rule, wanted) = (self.rule, lease.clone());
        let written = self.store.write(move |db| {
            let held = wanted.hold(db)?;
            let committed = commit(db, &deliveries, rule, now)?;
            if let Some(Reached { merchant, at }) = &reached {
                marks::set(db, merchant, marks::EVENTS, *at)?;
            }
            Ok((held, committed))
        });
        let (held, committed): (Lease, Committed) = written.await?;
        *lease = held;
        if !committed.outcomes.is_empty() {
            self.count(&committed);
        }
        Ok(())
    }
}
