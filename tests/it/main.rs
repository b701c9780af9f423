//! The one integration binary: real server, real databases, real HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::large_futures,
    reason = "a test that cannot go on should say where"
)]

mod support;

mod attack;
mod backfill;
mod census;
mod client;
mod conflicts;
mod convergence;
mod customers_table;
mod errors;
mod event;
mod events;
mod harness;
mod health;
mod migrations;
mod people;
mod plans;
mod poison;
mod push;
mod receive;
mod reconcile;
mod service;
mod settings;
mod signature;
mod simulator;
mod store;
mod tidy;
mod trim;
mod verify;
