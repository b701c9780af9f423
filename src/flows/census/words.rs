//! What the alarm of the census says: what happened, to how many, and what to
//! do. Numbers in, a sentence or two out, without any customer's data.

use crate::domain::cap;

/// How a person approves.
const APPROVE: &str = "If they are really gone at Square, run `squaresync sync --approve`; \
                       if not, nothing has to be done: the next full pass looks again.";

/// Square's list shows fewer customers than it counts.
pub(super) fn not_whole() -> String {
    "Square's list of customers is not whole: it counts more than it shows, or breaks off. No \
     customer was taken for deleted. The next full pass reads it again; if this stays for days, \
     ask Square."
        .to_owned()
}

/// Square's list is empty.
pub(super) fn none_listed(live: u64) -> String {
    format!(
        "Square lists no customer at all, and {live} are here. None was taken for deleted. {APPROVE}"
    )
}

/// More customers are missing on the list than may go without approval.
pub(super) fn many_missing(missing: u64, live: u64) -> String {
    format!(
        "{missing} of {live} customers are missing in Square's list, and no more than {} may go \
         without a person's approval. None was taken for deleted. {APPROVE}",
        cap::allowed(live)
    )
}

/// Square says of more customers that they are gone than may go without approval.
pub(super) fn many_gone(deleted: u64, merged: u64, live: u64) -> String {
    format!(
        "Of {live} customers Square has deleted {deleted} and merged {merged} into others without \
         a word, and no more than {} may go without a person's approval. None was taken for \
         deleted. {APPROVE}",
        cap::allowed(live)
    )
}

/// Square's list left out customers that it has.
pub(super) fn left_out(customers: u64) -> String {
    let ending = if customers == 1 { "" } else { "s" };
    format!(
        "Square's list left out {customers} customer{ending} that it has. They were kept. The next \
         full pass looks again; if this stays for days, ask Square."
    )
}
