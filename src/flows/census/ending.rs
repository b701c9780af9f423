//! What a census writes down: tombstones, and how it ended. Each function is one
//! transaction, so a crash leaves all of it or nothing.

use crate::domain::Timestamp;
use crate::domain::id::SquareId;
use crate::domain::image::Effect;
use crate::domain::observation::Observation;
use crate::flows::Step;
use crate::flows::apply;
use crate::flows::census::{Census, suspects, words};
use crate::flows::error::FlowError;
use crate::store::images::standing;
use crate::store::{alarms, images, marks};

impl Census {
    /// Makes tombstones for those of whom nothing was learnt since the census began.
    pub(super) async fn bury(
        &mut self,
        gone: Vec<Observation>,
        began_here: Timestamp,
        now: Timestamp,
    ) -> Result<(), FlowError> {
        let (held, learning) = (self.lease.clone(), self.reading.learning(now));
        let buried = self.reading.store.write(move |db| {
            let held = held.hold(db)?;
            images::lock(db, &learning.merchant)?;
            let ids: Vec<SquareId> = gone.iter().map(|end| end.square_id.clone()).collect();
            let still = standing::unobserved_since(db, &learning.merchant, &ids, began_here)?;
            let gone: Vec<Observation> = gone
                .into_iter()
                .filter(|end| still.contains(&end.square_id))
                .collect();
            let effects = apply::apply(db, &learning, &gone)?;
            let ends = gone.into_iter().zip(effects);
            let news = ends.filter(|(_, effect)| *effect == Effect::News);
            Ok((held, news.map(|(end, _)| end).collect::<Vec<_>>()))
        });
        let (held, news) = buried.await?;
        self.lease = held;
        let (merged, deleted) = suspects::kinds(&news);
        self.found.deleted += deleted;
        self.found.merged += merged;
        self.count("deleted", deleted);
        self.count("merged", merged);
        Ok(())
    }

    /// Ends well: the mark stands where the census began.
    pub(super) async fn end(
        &mut self,
        began: Timestamp,
        now: Timestamp,
    ) -> Result<Step, FlowError> {
        let left_out = self.found.left_out;
        let alarm = (0 < left_out).then(|| words::left_out(left_out));
        let (merchant, lease) = (self.reading.merchant.clone(), self.lease.clone());
        let words = alarm.clone();
        let ended = self.reading.store.write(move |db| {
            // A census that wrote nothing took no lease, and this alone needs none.
            lease.look(db)?;
            let last = marks::get(db, &merchant, marks::CENSUS)?;
            let reached = last.map_or(began, |last| last.max(began));
            marks::set(db, &merchant, marks::CENSUS, reached)?;
            match words {
                Some(words) => alarms::raise(db, &merchant, alarms::CENSUS, &words, now),
                None => alarms::clear(db, &merchant, alarms::CENSUS),
            }
        });
        let is_news = ended.await?;
        self.found.alarm = alarm;
        match &self.found.alarm {
            Some(alarm) if is_news => tracing::warn!("{alarm}"),
            None if is_news => tracing::info!("the alarm of the census is over"),
            _ => {}
        }
        tracing::info!(
            listed = self.found.listed,
            changed = self.found.changed,
            missing = self.found.missing,
            deleted = self.found.deleted,
            merged = self.found.merged,
            unknown = self.found.unknown,
            approved = self.approved,
            "a census was taken"
        );
        Ok(Step::Idle)
    }

    /// Ends with an alarm and makes no tombstone; the mark stays, so that it is due again.
    pub(super) async fn stop(&mut self, words: String, now: Timestamp) -> Result<Step, FlowError> {
        let (merchant, detail) = (self.reading.merchant.clone(), words.clone());
        let raised = self
            .reading
            .store
            .write(move |db| alarms::raise(db, &merchant, alarms::CENSUS, &detail, now));
        if raised.await? {
            tracing::warn!("{words}");
        }
        self.found.alarm = Some(words);
        Ok(Step::Idle)
    }
}
