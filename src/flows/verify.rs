//! Are both sides the same? Says exactly where they are not.
//!
//! In: the whole of Square's directory, window by window, and every image and
//! live row of ours. Out: a [`Report`] with the ids of all that differs, never a
//! value. The promise: what is reported was seen twice, the second time in
//! Square's answer for that very id and in the row read after it; a list of
//! Square's that is not whole never ends in "equal"; nothing is written, here or
//! at Square. It keeps nothing, so a crash has nothing to mend.
//!
//! [`Compare`] reads both sides and hands over what it suspects; [`Confirm`]
//! looks at each suspect again, and at it alone; [`Mend`] is for whoever wants
//! more than a report: it takes Square's answers in by the one door.

mod compare;
mod confirm;
mod mend;
mod report;
mod sides;
mod states;
mod text;

use crate::domain::id::{MerchantId, SquareId};
use crate::square::client::Square;
use crate::store::Store;

pub use compare::Compare;
pub use confirm::Confirm;
pub use mend::Mend;
pub use report::{Entry, Report, Side, Verdict};

use sides::Stamp;

/// The two sides.
#[derive(Clone)]
pub struct Sides {
    /// The tables.
    pub store: Store,
    /// The seller's directory.
    pub square: Square,
    /// The seller.
    pub merchant: MerchantId,
}

/// A profile on which the two sides did not seem to agree.
#[derive(Clone, Debug)]
struct Suspect {
    square_id: SquareId,
    /// Whether Square's list named it.
    is_listed: bool,
    /// How both sides stood when they were last looked at.
    stamp: Stamp,
}
