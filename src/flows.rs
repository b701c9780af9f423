//! Floor 3: what the program does. Each flow fetches, decides (in `domain`)
//! and stores, one step at a time, so that a crash between two steps loses and
//! doubles nothing.

pub mod apply;
pub mod backfill;
pub mod caught_up;
pub mod census;
pub mod conflicts;
pub mod counters;
pub mod dead;
pub mod error;
pub mod events;
pub mod identify;
mod listing;
mod notice;
mod pages;
pub mod push;
pub mod reading;
pub mod receive;
pub mod reconcile;
pub mod resolve;
pub mod status;
mod table;
pub mod trim;
pub mod verify;

/// What a step of a flow did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something; there may be more.
    Worked,
    /// Nothing is left to do now.
    Idle,
}
