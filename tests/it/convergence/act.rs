//! What may happen in a story, and how a seed becomes one. A story is settled
//! before it begins: each act carries the numbers by which it chooses, so that
//! a story with acts left out is still the same story otherwise.

use std::fmt;

/// One thing that happens, and the numbers by which it chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Act {
    pub(crate) kind: Kind,
    /// Which customer, row, event or fault; which field; which value.
    pub(crate) picks: [u32; 3],
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.picks;
        write!(f, "{:?} {a} {b} {c}", self.kind)
    }
}

macro_rules! kinds {
    ($($name:ident $weight:literal $doc:literal)*) => {
        /// Kinds of acts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Kind { $(#[doc = $doc] $name,)* }

        /// Every kind, and how often it comes among all.
        pub(crate) const KINDS: &[(Kind, u32)] = &[$((Kind::$name, $weight),)*];
    };
}

kinds! {
    SquareCreates 5 "The seller adds a customer."
    SquareEdits 9 "The seller changes a field."
    SquareClears 2 "The seller clears a field."
    SquareDeletes 2 "The seller deletes a customer."
    SquareMerges 3 "The seller merges two or three customers."
    SquareHides 1 "A customer loses its last public field."
    SquareEmpties 1 "Most of a large directory are deleted, and no event of it arrives."
    SquareRestores 1 "Square restores a deleted customer."
    SquareSegments 1 "A customer enters a segment, of which no event tells."
    Inserts 6 "An application adds a row."
    InsertsTwin 1 "An application adds a row for somebody whom Square has, by the same reference."
    InsertsBad 1 "An application adds a row that Square refuses."
    Edits 9 "An application changes a field."
    EditsSame 1 "An application gives a field the value that the seller gave it last."
    Clears 2 "An application clears a field."
    Deletes 2 "An application deletes a row."
    InsertsAgain 1 "An application adds a row under the id of one that it deleted."
    Delivers 14 "Events arrive."
    DeliversUnheard 2 "Events arrive, and the answer does not."
    Drops 3 "An event is lost for ever."
    Replays 2 "An old event comes again."
    Forges 1 "Somebody else sends an event."
    Poisons 1 "A genuine event comes that cannot be read."
    Strangers 1 "A genuine event of another seller comes."
    Collides 1 "An old event's id comes again with another body."
    Pushes 16 "The pusher takes steps."
    Passes 7 "The reconciler makes a pass, or part of it."
    Backfills 1 "The directory is read as a whole, or part of it."
    Counts 2 "The census takes steps."
    AsksForEvents 1 "Square is asked for missed events."
    Fails 8 "A few of the next calls fail in one way."
    Slows 1 "Answers take their time, or no more."
    Recovers 2 "No more calls fail."
    Lags 1 "The index falls behind, or catches up."
    Forgets 1 "Square forgets old keys."
    Waits 8 "Time passes: seconds."
    WaitsLong 1 "Time passes: hours."
    Skews 1 "The machine's clock is set wrong."
    Crashes 3 "The process ends between two steps."
    CrashesAtCall 5 "The process ends around one of its next calls."
    BacksUp 1 "Somebody copies the database."
    RestoresBackup 1 "Somebody puts an old copy back."
    InboxFails 1 "The database stops taking events, or takes them again."
}

/// A seed's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) seed: u64,
    pub(crate) acts: Vec<Act>,
}

impl Story {
    /// The story of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x5157_4152_4553_594e);
        let length = rng.usize(8..60);
        let total: u32 = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut draw = || {
            let mut left = rng.u32(0..total);
            let (kind, _) = KINDS
                .iter()
                .find(|(_, weight)| {
                    let found = left < *weight;
                    left = left.wrapping_sub(*weight);
                    found
                })
                .unwrap();
            Act {
                kind: *kind,
                picks: [rng.u32(..), rng.u32(..), rng.u32(..)],
            }
        };
        Self {
            seed,
            acts: (0..length).map(|_| draw()).collect(),
        }
    }
}
