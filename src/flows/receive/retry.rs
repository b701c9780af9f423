//! A dead event taken through the door again, when a person asks for it: a
//! number in, what became of the event out. The promise: it has its effect and
//! its new verdict in one transaction, so a crash leaves it dead or settled,
//! and asked for twice it takes effect once.

use crate::domain::Timestamp;
use crate::domain::merge::Rule;
use crate::flows::receive::{Delivery, Receive, take_effect};
use crate::store::inbox::{State, dead};
use crate::store::{Db, StoreError, StoreResult};

/// What a retry came to.
pub(crate) enum Retried {
    /// There is no event of this number.
    Unknown,
    /// It is not dead, but this.
    NotDead(State),
    /// This is the new verdict on the event that was dead.
    Now(dead::Kept),
}

impl Receive {
    /// Reads a dead event again and lets it take effect. What the database
    /// still does not take stays dead, with the new reason.
    pub(crate) async fn retry(&self, seq: i64, now: Timestamp) -> StoreResult<Retried> {
        let rule = self.rule;
        let read = move |db: &mut Db| again(db, seq, rule, now, None);
        match self.store.write(read).await {
            Err(StoreError::Rejected(reason)) => {
                tracing::warn!(event.seq = seq, reason, "the event still cannot be stored");
                let bury = move |db: &mut Db| again(db, seq, rule, now, Some(reason));
                self.store.write(bury).await
            }
            retried => retried,
        }
    }
}

/// Takes the event in; as a dead one, where there is a `reason` already.
fn again(
    db: &mut Db,
    seq: i64,
    rule: Rule,
    now: Timestamp,
    reason: Option<String>,
) -> StoreResult<Retried> {
    dead::lock(db)?;
    let Some((kept, body)) = dead::load(db, seq)? else {
        return Ok(Retried::Unknown);
    };
    if kept.state != State::Dead {
        return Ok(Retried::NotDead(kept.state));
    }
    let mut delivery = Delivery::read_again(body);
    if let Some(reason) = reason {
        delivery = delivery.into_dead(reason);
    }
    let verdicts = take_effect(db, &[&delivery], rule, now)?;
    let Some(verdict) = verdicts.first() else {
        return Ok(Retried::Now(kept));
    };
    let entry = delivery.entry(verdict);
    let new = dead::Kept {
        merchant_id: entry.merchant_id.cloned(),
        event_type: entry.event_type.map(str::to_owned),
        state: entry.state,
        reason: entry.reason.map(str::to_owned),
        ..kept.clone()
    };
    if new != kept {
        dead::settle(db, seq, &entry)?;
    }
    Ok(Retried::Now(new))
}
