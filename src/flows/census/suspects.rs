//! Those who seem to be gone, or to be back: our images held against Square's
//! list, then Square's answer for each. Nothing is written here.

use chrono::TimeDelta;

use crate::domain::id::SquareId;
use crate::domain::observation::{Cause, Observation, Origin, Shown};
use crate::domain::profile::Profile;
use crate::domain::seeded::{self, Bug};
use crate::domain::{Timestamp, backoff, cap};
use crate::flows::census::words;
use crate::flows::error::FlowError;
use crate::flows::listing::Listing;
use crate::flows::pages::Read;
use crate::flows::reading::Reading;
use crate::square::client::{MOST, Retrieved, Square};
use crate::square::error::SquareError;
use crate::store::images::{Held, standing};
use crate::store::{Db, StoreResult, images};

/// How many images are looked at in one transaction.
const AT_ONCE: i64 = 1000;
/// How long after a change the list may be without it: far longer than its usual lag.
const LAG: TimeDelta = TimeDelta::minutes(10);

/// Why somebody is asked for.
#[derive(Clone, Copy)]
enum Kind {
    /// Held for live, and not listed.
    Missing,
    /// Held for gone, and listed.
    Returned,
    /// Named by a merge, and never seen.
    Survivor,
}

/// Those who are to be asked for, and what was answered.
pub(super) struct Suspects {
    /// Whoever Square touched since is not expected on the list yet.
    settled: Timestamp,
    /// When the census began, by our clock.
    began_here: Timestamp,
    /// The last image that was looked at.
    at: SquareId,
    /// How many live customers we hold.
    live: u64,
    /// Those that we hold for live and that were not listed.
    missing: Vec<SquareId>,
    /// How many of them the list should have shown.
    expected: u64,
    /// Those that we hold for gone and that were listed.
    returned: Vec<SquareId>,
    /// Those that others went into, and of whom no word came: they went further, or are gone too.
    survivors: Vec<SquareId>,
    deleted: Vec<SquareId>,
    merged: Vec<(SquareId, SquareId)>,
    /// Those of the missing that are there.
    pub(super) alive: u64,
    /// Of them, those that the list should have shown.
    pub(super) left_out: u64,
    /// Those of the missing of whom nothing is known.
    pub(super) unknown: u64,
}

impl Suspects {
    pub(super) fn new(began: Timestamp, began_here: Timestamp) -> Self {
        Self {
            settled: began - LAG,
            began_here,
            at: SquareId::new(""),
            live: 0,
            missing: Vec::new(),
            expected: 0,
            returned: Vec::new(),
            survivors: Vec::new(),
            deleted: Vec::new(),
            merged: Vec::new(),
            alive: 0,
            left_out: 0,
            unknown: 0,
        }
    }

    /// Holds some images against the list. Gives whether there are more.
    pub(super) async fn look(&mut self, reading: &Reading, listing: &Listing) -> StoreResult<bool> {
        let (merchant, at) = (reading.merchant.clone(), self.at.clone());
        let some = reading
            .store
            .read(move |db| standing::after(db, &merchant, &at, AT_ONCE))
            .await?;
        let Some(last) = some.last() else {
            let merchant = reading.merchant.clone();
            let unknown = move |db: &mut Db| standing::unknown_survivors(db, &merchant);
            self.survivors = reading.store.read(unknown).await?;
            return Ok(false);
        };
        self.at = last.square_id.clone();
        let (mut missing, mut ended) = (Vec::new(), Vec::new());
        for one in some {
            self.live += u64::from(one.is_live);
            match (one.is_live, listing.has(&one.square_id)) {
                // Who was learnt of meanwhile came, or changed, while the list was read.
                (true, false) if self.is_older(one.observed_at) => missing.push(one.square_id),
                (false, true) => self.returned.push(one.square_id),
                (false, false) if one.may_return => ended.push(one.square_id),
                _ => {}
            }
        }
        let held = held(reading, &missing).await?;
        let expected = held
            .iter()
            .filter(|(_, held)| self.is_expected(&held.image.profile));
        self.expected += number(expected.count());
        self.missing.extend(missing);
        // No list would show a hidden one that is back.
        let hidden = self::held(reading, &ended).await?.into_iter();
        let hidden = hidden.filter(|(_, held)| !held.image.profile.fields().identifies_somebody());
        self.returned.extend(hidden.map(|(id, _)| id));
        Ok(true)
    }

    /// Whether this was before the census began; a moment far ahead was, too, and
    /// the clock was set back since.
    fn is_older(&self, moment: Timestamp) -> bool {
        moment < self.began_here || backoff::ENDLESS < moment - self.began_here
    }

    /// How many of ours were not listed.
    pub(super) fn missing(&self) -> u64 {
        number(self.missing.len())
    }

    /// Why a person has to approve before any of the missing is even asked for.
    pub(super) fn objection(&self, listed: u64) -> Option<String> {
        if listed == 0 && 0 < self.expected {
            return Some(words::none_listed(self.live));
        }
        (cap::allowed(self.live) < self.expected)
            .then(|| words::many_missing(self.expected, self.live))
    }

    /// Asks Square for some of them. Gives what is to be taken in at once; none
    /// where everybody was asked for.
    pub(super) async fn ask(&mut self, square: &Square) -> Result<Option<Read>, FlowError> {
        let (queue, kind) = if !self.missing.is_empty() {
            (&mut self.missing, Kind::Missing)
        } else if !self.returned.is_empty() {
            (&mut self.returned, Kind::Returned)
        } else {
            (&mut self.survivors, Kind::Survivor)
        };
        let from = queue.len().saturating_sub(MOST);
        let asked = queue.get(from..).unwrap_or_default().to_vec();
        if asked.is_empty() {
            return Ok(None);
        }
        let answers = answers(square, asked).await?;
        queue.truncate(from);
        let mut shown = Vec::new();
        for (id, answer) in answers {
            match kind {
                Kind::Missing => shown.extend(self.missing_is(id, answer)),
                Kind::Returned => shown.extend(returned_is(&id, answer)),
                Kind::Survivor => shown.extend(survivor_is(id, answer)),
            }
        }
        Ok(Some(Read::of(shown)))
    }

    /// Why a person has to approve before the missing get their tombstones.
    pub(super) fn objection_to_ends(&self) -> Option<String> {
        let (deleted, merged) = (number(self.deleted.len()), number(self.merged.len()));
        (cap::allowed(self.live) < deleted + merged)
            .then(|| words::many_gone(deleted, merged, self.live))
    }

    /// The ends of those who are gone.
    pub(super) fn ends(&mut self) -> Vec<Observation> {
        let deleted = std::mem::take(&mut self.deleted);
        let merged = std::mem::take(&mut self.merged);
        let merged = merged.into_iter().map(|(id, into)| went(id, into));
        deleted.into_iter().map(gone).chain(merged).collect()
    }

    /// Sorts the answer for one of the missing.
    fn missing_is(&mut self, id: SquareId, answer: Retrieved) -> Option<Observation> {
        match answer {
            _ if seeded::is_on(Bug::AbsenceIsDeletion) => {
                self.deleted.push(id);
                None
            }
            Retrieved::Profile(profile)
                if profile.id() == id || seeded::is_on(Bug::OtherIdIgnored) =>
            {
                self.alive += 1;
                self.left_out += u64::from(self.is_expected(&profile));
                Some(retrieved(profile))
            }
            Retrieved::Profile(profile) => {
                self.merged.push((id, profile.id()));
                Some(retrieved(profile))
            }
            Retrieved::NotFound => {
                self.deleted.push(id);
                None
            }
            Retrieved::Unknown => {
                self.unknown += 1;
                None
            }
        }
    }

    /// Whether the list should show this one. Square hides whom nobody could be
    /// told by, and its list is late.
    fn is_expected(&self, profile: &Profile) -> bool {
        profile.fields().identifies_somebody() && !profile.is_touched_since(self.settled)
    }
}

async fn held(reading: &Reading, ids: &[SquareId]) -> StoreResult<Vec<(SquareId, Held)>> {
    let (merchant, ids) = (reading.merchant.clone(), ids.to_vec());
    let load = move |db: &mut Db| images::load(db, &merchant, &ids);
    reading.store.read(load).await
}

/// Square's answer for each. One that refuses the whole call says nothing of anybody.
async fn answers(
    square: &Square,
    asked: Vec<SquareId>,
) -> Result<Vec<(SquareId, Retrieved)>, FlowError> {
    match square.bulk_retrieve(&asked).await {
        Ok(answers) => Ok(answers),
        Err(error @ (SquareError::Retry { .. } | SquareError::NotAuthorised { .. })) => {
            Err(error.into())
        }
        Err(error) => {
            tracing::warn!(%error, customers = asked.len(), "Square does not say whether they are there");
            let unknown = asked.into_iter().map(|id| (id, Retrieved::Unknown));
            Ok(unknown.collect())
        }
    }
}

/// Only the profile itself brings one back that we hold for gone; the list may be late.
fn returned_is(id: &SquareId, answer: Retrieved) -> Option<Observation> {
    match answer {
        Retrieved::Profile(profile) if profile.id() == *id => Some(retrieved(profile)),
        _ => None,
    }
}

/// One that others went into is there, or went further, or has ended: whichever,
/// their rows learn of it.
fn survivor_is(id: SquareId, answer: Retrieved) -> Vec<Observation> {
    match answer {
        Retrieved::Profile(profile) if profile.id() == id => vec![retrieved(profile)],
        Retrieved::Profile(profile) => vec![went(id, profile.id()), retrieved(profile)],
        Retrieved::NotFound => vec![gone(id)],
        Retrieved::Unknown => Vec::new(),
    }
}

fn went(square_id: SquareId, into: SquareId) -> Observation {
    Observation {
        square_id,
        shown: Shown::Merged(into),
    }
}

fn gone(square_id: SquareId) -> Observation {
    Observation {
        square_id,
        shown: Shown::Deleted(None, Cause::NotFound),
    }
}

fn retrieved(profile: Profile) -> Observation {
    Observation {
        square_id: profile.id(),
        shown: Shown::Profile(profile, Origin::Retrieve),
    }
}

/// How many of these ends are merges, and how many are not.
pub(super) fn kinds(ends: &[Observation]) -> (u64, u64) {
    let merged = ends
        .iter()
        .filter(|end| matches!(end.shown, Shown::Merged(_)))
        .count();
    (number(merged), number(ends.len() - merged))
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
