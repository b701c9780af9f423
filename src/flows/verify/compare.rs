//! The first look: both sides read from end to end, one page or one stretch of
//! ids at a time. Of each profile only a hash of its id is kept, and of those
//! that do not seem to agree the id.

use crate::domain::Timestamp;
use crate::domain::id::SquareId;
use crate::domain::observation::{Observation, Shown};
use crate::flows::Step;
use crate::flows::error::FlowError;
use crate::flows::listing::Listing;
use crate::flows::pages::Read;
use crate::flows::reading::Progress;
use crate::flows::verify::confirm::Confirm;
use crate::flows::verify::sides::{self, Ours, Stamp};
use crate::flows::verify::states::States;
use crate::flows::verify::{Sides, Suspect};
use crate::square::client::Retrieved;
use crate::store::customers::look;
use crate::store::images;

/// How many ids of ours are read at a time.
const MANY: i64 = 1000;

/// The first look at both sides. One [`step`](Self::step) reads one page of
/// Square's, or a stretch of ours.
pub struct Compare {
    sides: Sides,
    /// None before the first step.
    under_way: Option<UnderWay>,
}

/// A first look that has begun.
struct UnderWay {
    listing: Listing,
    stage: Stage,
    found: First,
}

/// What the first look found.
pub(super) struct First {
    /// When it began, by Square's clock.
    pub(super) began: Timestamp,
    /// What our own tables said then.
    pub(super) states: States,
    pub(super) suspects: Vec<Suspect>,
    /// Why Square's list is not whole.
    pub(super) gaps: Vec<String>,
    /// How many profiles the list named.
    pub(super) listed: u64,
}

/// What is read now.
enum Stage {
    /// Square's list.
    Theirs,
    /// Images after this id.
    Images(SquareId),
    /// Live rows after this id of a profile.
    Rows(SquareId),
    /// Nothing any more.
    Done,
}

impl Compare {
    /// A comparison that has read nothing yet.
    pub fn new(sides: Sides) -> Self {
        Self {
            sides,
            under_way: None,
        }
    }

    /// How much of Square's list has been read.
    pub fn progress(&self) -> Progress {
        let listing = self.under_way.as_ref().map(|under_way| &under_way.listing);
        Progress {
            read: listing.map_or(0, Listing::listed),
            news: 0,
            total: listing.and_then(Listing::total),
        }
    }

    /// Whether anything seems to differ, beside what Square's list does not name.
    pub fn is_in_doubt(&self) -> bool {
        let found = self.under_way.as_ref().map(|under_way| &under_way.found);
        found.is_some_and(|found| found.suspects.iter().any(|suspect| suspect.is_listed))
    }

    /// The second look, at what the first one found; none before it has read anything.
    pub fn confirm(self) -> Option<Confirm> {
        let mut found = self.under_way?.found;
        // What was on two pages, or is an image and a row, is one suspect.
        found
            .suspects
            .sort_by(|one, other| one.square_id.cmp(&other.square_id));
        found
            .suspects
            .dedup_by(|one, other| one.square_id == other.square_id);
        Some(Confirm::new(self.sides, found))
    }

    /// Reads on. [`Step::Idle`] says that both sides were read.
    pub async fn step(&mut self) -> Result<Step, FlowError> {
        let Some(under_way) = &mut self.under_way else {
            self.under_way = Some(UnderWay::begin(&self.sides).await?);
            return Ok(Step::Worked);
        };
        match &under_way.stage {
            Stage::Theirs => under_way.read_theirs(&self.sides).await?,
            Stage::Images(after) => {
                let after = after.clone();
                under_way.read_images(&self.sides, after).await?;
            }
            Stage::Rows(after) => {
                let after = after.clone();
                under_way.read_rows(&self.sides, after).await?;
            }
            Stage::Done => return Ok(Step::Idle),
        }
        Ok(Step::Worked)
    }
}

impl UnderWay {
    async fn begin(sides: &Sides) -> Result<Self, FlowError> {
        let began = sides.square.square_time().await?;
        let merchant = sides.merchant.clone();
        let states = sides.store.read(move |db| States::read(db, &merchant));
        Ok(Self {
            listing: Listing::up_to(began),
            stage: Stage::Theirs,
            found: First {
                began,
                states: states.await?,
                suspects: Vec::new(),
                gaps: Vec::new(),
                listed: 0,
            },
        })
    }

    /// Reads a page of Square's list and holds it against what we have.
    async fn read_theirs(&mut self, sides: &Sides) -> Result<(), FlowError> {
        match self.listing.next(&sides.square).await? {
            Some(read) => self.compare(sides, read).await?,
            None => {
                self.look_for_gaps(sides).await?;
                self.found.listed = self.listing.listed();
                self.stage = Stage::Images(SquareId::new(""));
            }
        }
        Ok(())
    }

    async fn compare(&mut self, sides: &Sides, read: Read) -> Result<(), FlowError> {
        if 0 < read.unreadable {
            self.gap("Square shows customers that cannot be read.");
        }
        let shown: Vec<(SquareId, Retrieved)> =
            read.observations.into_iter().filter_map(shown).collect();
        let ids: Vec<SquareId> = shown.iter().map(|(id, _)| id.clone()).collect();
        let merchant = sides.merchant.clone();
        let ours = sides.store.read(move |db| sides::load(db, &merchant, &ids));
        let ours = ours.await?;
        let nothing = Ours::default();
        for (id, shown) in shown {
            let ours = ours.get(&id).unwrap_or(&nothing);
            if sides::judge(&id, &shown, ours).is_some() {
                self.found.suspects.push(Suspect {
                    square_id: id,
                    is_listed: true,
                    stamp: sides::stamp(&shown, ours),
                });
            }
        }
        Ok(())
    }

    async fn look_for_gaps(&mut self, sides: &Sides) -> Result<(), FlowError> {
        if self.listing.total().is_none() {
            self.gap("Square did not say how many customers there are.");
        } else if !self.listing.is_whole() || self.listing.is_short(&sides.square).await? {
            self.gap("Square's list holds fewer customers than Square counts.");
        }
        Ok(())
    }

    fn gap(&mut self, reason: &str) {
        if self.found.gaps.iter().all(|known| known != reason) {
            self.found.gaps.push(reason.to_owned());
        }
    }

    async fn read_images(&mut self, sides: &Sides, after: SquareId) -> Result<(), FlowError> {
        let merchant = sides.merchant.clone();
        let ids = sides
            .store
            .read(move |db| images::known(db, &merchant, &after, MANY));
        let ids = ids.await?;
        self.stage = match ids.last() {
            Some(last) => Stage::Images(last.clone()),
            None => Stage::Rows(SquareId::new("")),
        };
        self.suspect_unlisted(ids);
        Ok(())
    }

    async fn read_rows(&mut self, sides: &Sides, after: SquareId) -> Result<(), FlowError> {
        let merchant = sides.merchant.clone();
        let ids = sides
            .store
            .read(move |db| look::profiles(db, &merchant, &after, MANY));
        let ids = ids.await?;
        self.stage = match ids.last() {
            Some(last) => Stage::Rows(last.clone()),
            None => Stage::Done,
        };
        self.suspect_unlisted(ids);
        Ok(())
    }

    /// What Square's list did not name is to be asked for by its id.
    fn suspect_unlisted(&mut self, ids: Vec<SquareId>) {
        for square_id in ids {
            if !self.listing.has(&square_id) {
                self.found.suspects.push(Suspect {
                    square_id,
                    is_listed: false,
                    stamp: Stamp::default(),
                });
            }
        }
    }
}

fn shown(observation: Observation) -> Option<(SquareId, Retrieved)> {
    match observation.shown {
        Shown::Profile(profile, _) => Some((observation.square_id, Retrieved::Profile(profile))),
        Shown::Deleted(..) | Shown::Merged(_) | Shown::Leads(_) => None,
    }
}
