//! What two sides do not agree on: who wins, what the ledger says of it, and
//! what becomes of edits whose profile is gone or went into another one.

mod gone;
mod merged;
mod moved;
mod order;
mod resolved;
mod rules;
mod world;

use crate::support::OtherProgram;

/// The ledger as lines, but for numbers and times, in the order of the entries.
fn ledger(mut other: OtherProgram) -> Vec<String> {
    let columns = [
        "customer_id",
        "square_id",
        "field",
        "base_value",
        "square_value",
        "local_value",
        "rule",
        "taken",
        "state",
    ]
    .map(|column| format!("coalesce({column}, '-')"));
    let query = format!(
        "SELECT {} AS value FROM conflicts ORDER BY seq",
        columns.join(" || ' ' || ")
    );
    other.values(&query).into_iter().flatten().collect()
}
