//! Floor 5: the parts built from settings, and the loops that drive the flows.
//!
//! In: settings. Out: a running service, or one pass of a flow for a command.
//! The promise: one part's trouble stops no other; when told to stop, what was
//! begun is finished within ten seconds. All state is in the tables, so a crash
//! costs nothing but the calls that were under way, which are made again.

mod census;
mod drive;
mod holder;
mod loops;
mod parts;
mod run;
mod trim;

pub use drive::{Flow, Patience, Watch, fill_the_gap, until_idle};
pub use parts::Parts;
pub use run::{Service, ServiceError};

use crate::domain::Timestamp;

/// Now, by this machine's clock: for times of our own. Order at Square never hangs on it.
pub fn clock() -> Timestamp {
    chrono::Utc::now()
}
