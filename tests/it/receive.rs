//! Webhooks over real HTTP: what is answered, and what is then in the tables.

mod answers;
mod doors;
pub(crate) mod effects;
mod locks;
mod merges;
mod quiet;
pub(crate) mod served;
pub(crate) mod sql;
mod together;
pub(crate) mod wire;
