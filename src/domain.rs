//! Floor 1: what a customer is, and every decision about one. Pure: nothing
//! here reads a clock, a socket or a table, so all of it can be tried by value.
//!
//! In reading order: [`id`] names things, [`field`] lists what both sides can
//! edit, [`profile`] is a customer as Square shows it, [`observation`] is one
//! thing learnt about it, [`image`] folds all of them into one truth, [`lookalike`] tells
//! whose profile one may be, [`merge`] brings two sides together, [`window`] cuts time for
//! the reconciler, [`cutting`] says how finely, [`cap`] says how many may end at once,
//! [`budget`] who may call Square now, [`backoff`] says how long to wait, [`printable`]
//! shows what others wrote, [`seeded`] holds the mistakes that prove the tests.

pub mod backoff;
pub mod budget;
pub mod cap;
pub mod cutting;
pub mod field;
pub mod id;
pub mod image;
pub mod lookalike;
pub mod merge;
pub mod observation;
pub mod printable;
pub mod profile;
pub mod seeded;
pub mod spelling;
pub mod window;

/// A moment, always in UTC. Square's own, unless a name says otherwise.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
