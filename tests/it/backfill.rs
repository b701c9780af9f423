//! The whole directory, read within the budget of calls.

mod pace;
