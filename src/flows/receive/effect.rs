//! What deliveries that are new do.
//!
//! In: deliveries, and the transaction they belong to. Out: a verdict for each,
//! and its effect in the tables. The promise: one that cannot be read, or is not
//! about a customer of this database's sellers, changes nothing and holds up nobody.

use std::collections::{BTreeSet, HashMap};

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::domain::image::Effect;
use crate::domain::merge::Rule;
use crate::domain::observation::Observation;
use crate::domain::seeded::{self, Bug};
use crate::flows::apply::{self, Learning, Learnt};
use crate::flows::receive::Delivery;
use crate::flows::receive::delivery::Content;
use crate::store::changes::Source;
use crate::store::inbox::State;
use crate::store::{Db, StoreError, StoreResult, sellers};

/// What became of an event, and why.
pub(crate) struct Verdict {
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
}

impl Verdict {
    fn bare(state: State) -> Self {
        Self {
            state,
            reason: None,
        }
    }

    fn of(state: State, reason: impl Into<String>) -> Self {
        Self {
            state,
            reason: Some(reason.into()),
        }
    }
}

/// An event that cannot be read is kept for a person, and the others go on.
fn dead(reason: &str) -> StoreResult<Verdict> {
    if seeded::is_on(Bug::PoisonBlocksTheQueue) {
        return Err(StoreError::Unavailable(reason.to_owned()));
    }
    Ok(Verdict::of(State::Dead, reason))
}

/// The sellers of whose customers these show something.
fn named<'a>(deliveries: &[&'a Delivery]) -> Vec<&'a MerchantId> {
    let showing = deliveries
        .iter()
        .filter(|delivery| matches!(delivery.content, Content::Shows(_)));
    let named: BTreeSet<&MerchantId> = showing
        .filter_map(|delivery| delivery.merchant_id.as_ref())
        .collect();
    named.into_iter().collect()
}

/// Lets what the deliveries show take effect, all of one seller's together.
pub(super) fn take_effect(
    db: &mut Db,
    deliveries: &[&Delivery],
    rule: Rule,
    now: Timestamp,
) -> StoreResult<Vec<Verdict>> {
    let (verdicts, learnt) = learn(db, deliveries, rule, now)?;
    if let Some(learnt) = learnt {
        learnt.write(db, &[])?;
    }
    Ok(verdicts)
}

/// The same, but what those of the last seller show is still to be written, so that it
/// can be with the events themselves. None where nothing shows anything.
pub(super) fn learn(
    db: &mut Db,
    deliveries: &[&Delivery],
    rule: Rule,
    now: Timestamp,
) -> StoreResult<(Vec<Verdict>, Option<Learnt>)> {
    let sellers = sellers::lock(db, &named(deliveries))?;
    let (mut verdicts, shown) = judged(deliveries, sellers)?;
    let mut last: Option<Learnt> = None;
    for (merchant, (observations, owners)) in shown {
        if let Some(learnt) = last.take() {
            learnt.write(db, &[])?;
        }
        let learning = Learning {
            merchant: merchant.clone(),
            source: Source::Event,
            rule,
            now,
        };
        let (effects, learnt) = apply::locked(db, &learning, &observations)?;
        last = Some(learnt);
        for (owner, _) in owners
            .iter()
            .zip(effects)
            .filter(|(_, effect)| *effect == Effect::News)
        {
            if let Some(verdict) = verdicts.get_mut(*owner) {
                verdict.state = State::Applied;
            }
        }
    }
    Ok((verdicts, last))
}

/// What is shown of each seller's customers, each with the position of the delivery that shows it.
type Shown<'a> = HashMap<&'a MerchantId, (Vec<&'a Observation>, Vec<usize>)>;

/// What becomes of deliveries as long as nothing that they show is news, where these
/// are the sellers, if any is known.
fn judged<'a>(
    deliveries: &[&'a Delivery],
    sellers: Option<Vec<MerchantId>>,
) -> StoreResult<(Vec<Verdict>, Shown<'a>)> {
    let is_nobody_known = sellers.is_none();
    let known = sellers.unwrap_or_default();
    let mut verdicts = Vec::with_capacity(deliveries.len());
    let mut shown = Shown::new();
    for (position, delivery) in deliveries.iter().enumerate() {
        verdicts.push(match (&delivery.content, &delivery.merchant_id) {
            (Content::Dead(reason), _) => dead(reason)?,
            (Content::Nothing(reason), _) => Verdict::of(State::Ignored, *reason),
            (Content::Shows(_), _) if is_nobody_known => Verdict::bare(State::Waiting),
            (Content::Shows(observations), Some(merchant))
                if known.contains(merchant) || seeded::is_on(Bug::ForeignSellerTaken) =>
            {
                let (all, owners) = shown.entry(merchant).or_default();
                owners.extend(std::iter::repeat_n(position, observations.len()));
                all.extend(observations);
                Verdict::bare(State::Superseded)
            }
            (Content::Shows(_), _) => {
                Verdict::of(State::Ignored, "its seller is not one of this database's")
            }
        });
    }
    Ok((verdicts, shown))
}
