//! Floor 2, Square's language: what it sends and signs, what we may ask it, and
//! what its answers mean. Nothing of Square's wire format leaves this room; the
//! floors above see profiles, observations and errors sorted by what to do next.
//!
//! In reading order: [`address`] says to whom we may talk at all, [`signature`]
//! proves that bytes are Square's, [`event`] reads them, [`body`] writes what we
//! send, [`client`] sends it over [`tls`], [`error`] sorts the refusals.
//! [`simulator`] is the other side: a Square that remembers, for tests and the demo.

pub mod address;
pub mod body;
pub mod client;
pub mod error;
pub mod event;
pub mod signature;
pub mod simulator;
pub mod tls;
