//! The whole directory, read in pieces side by side: few requests however the
//! customers' dates are spread, and nothing twice after a crash.

mod pace;
mod spreads;
mod trouble;
