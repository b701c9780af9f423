//! What every test stands on: a database of its own, and a runtime with an end.
//!
//! [`databases`] hands out empty databases, [`postgres`] finds or starts the
//! server behind half of them, [`each`] runs one test on every kind, [`app`] is
//! the program with everything around it, [`backup`] puts an old copy of its database back,
//! [`process`] the true binary, [`other_program`] writes plain SQL, and [`watcher`] sees
//! whether anybody did; [`table`] is the table as such a program has it, [`inside`] Square
//! without a socket.

pub(crate) mod app;
mod backup;
pub(crate) mod compare;
pub(crate) mod databases;
pub(crate) mod each;
pub(crate) mod inside;
pub(crate) mod other_program;
pub(crate) mod postgres;
pub(crate) mod process;
mod table;
mod watcher;

pub(crate) use app::App;
pub(crate) use databases::{Kind, TestDb};
pub(crate) use each::on_each_database;
pub(crate) use other_program::OtherProgram;
pub(crate) use watcher::Watcher;
