//! squaresync keeps a seller's Square customer directory and a SQL table
//! called `customers` the same, in both directions, whatever goes wrong in
//! between. This page is the map of the house.
//!
//! ```text
//!  Square                                                        the table
//!
//!  webhooks ------------> receive ---+
//!  SearchEvents <-------- events ----+
//!  SearchCustomers <----- reconcile -+-> apply -> images: remote, base
//!                  <----- backfill --+      |
//!                  <----- census ----+      |
//!                                           +---> customers: local <---> SQL
//!                                                     |
//!  create, update, delete <------ push <--- outbox <--+ noticed by triggers
//! ```
//!
//! Each customer has three images: what Square last showed (remote), the row
//! that applications edit (local), and what both last agreed on (base). All
//! work follows from the three; nothing else has to be remembered.
//!
//! The rooms, from the ground up; each imports from lower floors only:
//!
//! 1. [`domain`]: what a customer is and every decision about one. Pure.
//! 2. [`store`]: the tables, on SQLite and PostgreSQL. [`square`]: Square's
//!    language, and a simulator that speaks it. Neither knows the other.
//! 3. [`flows`]: what the program does, one step at a time.
//! 4. [`web`]: HTTP in.
//! 5. [`config`], [`service`], [`cli`]: settings, the loops that drive the
//!    flows, and the command line.

pub mod cli;
pub mod config;
pub mod domain;
pub mod flows;
pub mod service;
pub mod square;
pub mod store;
pub mod web;
