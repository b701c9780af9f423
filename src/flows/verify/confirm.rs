//! The second look: each suspect asked for at Square by its id, then read here.
//! One that has moved since it was last looked at is looked at once more, so
//! that a change on its way is not taken for a difference.

use std::collections::VecDeque;

use chrono::TimeDelta;

use crate::domain::Timestamp;
use crate::flows::Step;
use crate::flows::error::FlowError;
use crate::flows::verify::compare::First;
use crate::flows::verify::report::Report;
use crate::flows::verify::sides::{self, Ours};
use crate::flows::verify::states::States;
use crate::flows::verify::{Sides, Suspect};
use crate::square::client::{MOST, Retrieved};
use crate::store::StoreResult;

/// How often a suspect is looked at that moves each time.
const LOOKS: u32 = 5;

/// How late Square's list may show a change: far longer than it usually is.
const LAG: TimeDelta = TimeDelta::minutes(10);

/// The second look at what the first one suspected. One [`step`](Self::step)
/// asks for up to a hundred profiles.
pub struct Confirm {
    sides: Sides,
    began: Timestamp,
    /// What our own tables said when the first look began.
    states: States,
    /// What is still to be looked at, and how often it was.
    waiting: VecDeque<(Suspect, u32)>,
    report: Report,
    looked: u64,
    /// Profiles that Square shows by their id and left out of its list.
    left_out: u64,
    /// Profiles of which Square says nothing that can be relied on.
    unanswered: u64,
}

impl Confirm {
    pub(super) fn new(sides: Sides, first: First) -> Self {
        let mut report = Report::unknown(String::new());
        report.reasons = first.gaps;
        report.at_square = first.listed;
        Self {
            sides,
            began: first.began,
            states: first.states,
            waiting: first
                .suspects
                .into_iter()
                .map(|suspect| (suspect, 0))
                .collect(),
            report,
            looked: 0,
            left_out: 0,
            unanswered: 0,
        }
    }

    /// How often a profile was asked for.
    pub fn looked(&self) -> u64 {
        self.looked
    }

    /// Looks at some of the suspects. [`Step::Idle`] says that none is left.
    pub async fn step(&mut self) -> Result<Step, FlowError> {
        let ids: Vec<_> = self
            .waiting
            .iter()
            .take(MOST)
            .map(|(suspect, _)| suspect.square_id.clone())
            .collect();
        if ids.is_empty() {
            return Ok(Step::Idle);
        }
        let shown = self.sides.square.bulk_retrieve(&ids).await?;
        let merchant = self.sides.merchant.clone();
        let ours = self
            .sides
            .store
            .read(move |db| sides::load(db, &merchant, &ids));
        let ours = ours.await?;
        let nothing = Ours::default();
        for (id, shown) in shown {
            let ours = ours.get(&id).unwrap_or(&nothing);
            if let Some((suspect, looks)) = self.waiting.pop_front() {
                self.looked += 1;
                self.look(suspect, looks, &shown, ours);
            }
        }
        Ok(Step::Worked)
    }

    /// The report, once no suspect is left.
    pub async fn report(mut self) -> StoreResult<Report> {
        let merchant = self.sides.merchant.clone();
        let states = self.sides.store.read(move |db| States::read(db, &merchant));
        states.await?.enter(&self.states, &mut self.report);
        if 0 < self.left_out {
            self.report.reasons.push(format!(
                "Square's list leaves out customers that Square shows when asked for their id: {}.",
                self.left_out
            ));
        }
        if 0 < self.unanswered {
            self.report.reasons.push(format!(
                "Square gave no answer that can be relied on for some ids: {}.",
                self.unanswered
            ));
        }
        Ok(self.report.judged())
    }

    fn look(&mut self, mut suspect: Suspect, looks: u32, shown: &Retrieved, ours: &Ours) {
        if *shown == Retrieved::Unknown {
            self.again_or(suspect, looks, |confirm| confirm.unanswered += 1);
            return;
        }
        if self.is_left_out(&suspect, shown) {
            self.left_out += 1;
            // Counted once, however often it is looked at.
            suspect.is_listed = true;
        }
        let Some(difference) = sides::judge(&suspect.square_id, shown, ours) else {
            return;
        };
        let stamp = sides::stamp(shown, ours);
        if stamp == suspect.stamp {
            difference.enter(&mut self.report);
        } else {
            suspect.stamp = stamp;
            self.again_or(suspect, looks, |confirm| {
                difference.enter(&mut confirm.report)
            });
        }
    }

    /// Puts a suspect off, unless it was looked at often enough.
    fn again_or(&mut self, suspect: Suspect, looks: u32, otherwise: impl FnOnce(&mut Self)) {
        if looks + 1 < LOOKS {
            self.waiting.push_back((suspect, looks + 1));
        } else {
            otherwise(self);
        }
    }

    /// Whether Square's list should have named the profile. It hides those
    /// without a public field, and may be late with what has just changed.
    fn is_left_out(&self, suspect: &Suspect, shown: &Retrieved) -> bool {
        let Retrieved::Profile(profile) = shown else {
            return false;
        };
        !suspect.is_listed
            && profile.id() == suspect.square_id
            && profile.fields().identifies_somebody()
            && !profile.is_touched_since(self.began - LAG)
    }
}
