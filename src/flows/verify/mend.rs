//! Square's answers for single ids taken in by the one door: ids that were
//! found to differ in, images and rows brought along out. The promise is that of
//! [`apply`]. It makes no tombstone: an id that Square
//! does not know is the census's to judge. A crash leaves the rest for another run.

use crate::domain::Timestamp;
use crate::domain::id::{MerchantId, SquareId};
use crate::domain::merge::Rule;
use crate::domain::observation::{Observation, Origin, Shown};
use crate::flows::Step;
use crate::flows::apply::{self, Learning};
use crate::flows::error::FlowError;
use crate::flows::reading::Reading;
use crate::square::client::{MOST, Retrieved};
use crate::store::changes::Source;

/// Mends profiles. One [`step`](Self::step) asks for up to a hundred.
pub struct Mend {
    reading: Reading,
    /// What is still to be asked for.
    ids: Vec<SquareId>,
    asked: u64,
}

impl Mend {
    /// Of these profiles nothing was asked yet.
    pub fn new(reading: Reading, ids: Vec<SquareId>) -> Self {
        Self {
            reading,
            ids,
            asked: 0,
        }
    }

    /// How many profiles were asked for.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// Takes some in. [`Step::Idle`] says that none is left.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, FlowError> {
        let rest = self.ids.len().saturating_sub(MOST);
        let ids: Vec<SquareId> = self.ids.iter().skip(rest).cloned().collect();
        if ids.is_empty() {
            return Ok(Step::Idle);
        }
        let asked = u64::try_from(ids.len()).unwrap_or_default();
        let shown = self.reading.square.bulk_retrieve(&ids).await?;
        let observations: Vec<Observation> = shown.into_iter().flat_map(observations).collect();
        let learning = self.learning(now);
        let write = self.reading.store.write(move |db| {
            apply::apply(db, &learning, &observations)?;
            // A row that differs although nothing was new: what it holds is owed.
            apply::bring_along(db, &learning, &ids).map(drop)
        });
        write.await?;
        self.ids.truncate(rest);
        self.asked += asked;
        Ok(Step::Worked)
    }

    fn learning(&self, now: Timestamp) -> Learning {
        let (merchant, rule): (MerchantId, Rule) =
            (self.reading.merchant.clone(), self.reading.rule);
        Learning {
            merchant,
            source: Source::Pass,
            rule,
            now,
        }
    }
}

/// What an answer shows.
fn observations((asked, shown): (SquareId, Retrieved)) -> Vec<Observation> {
    let Retrieved::Profile(profile) = shown else {
        return Vec::new();
    };
    let id = profile.id();
    let mut observations = vec![Observation {
        square_id: id.clone(),
        shown: Shown::Profile(profile, Origin::Retrieve),
    }];
    if id != asked {
        observations.push(Observation {
            square_id: asked,
            shown: Shown::Leads(id),
        });
    }
    observations
}
