//! What people do about what no rule could settle: flows, and the rows they leave.

mod conflicts;
mod dead;
mod reasons;
mod which;
