//! What the benches that start the real program have in common: a process and
//! what it used, tables for people, and their place in `RESULTS.md`.
//!
//! A bench takes it by `#[path = "../common/shared.rs"]`.

pub(crate) mod cluster;
pub(crate) mod process;
pub(crate) mod report;
pub(crate) mod times;
pub(crate) mod usage;
