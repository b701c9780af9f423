//! How many customers may end at once without a person's approval. More than
//! that looks like somebody's mistake: a list that is not whole, or a statement
//! that meant fewer rows.

use crate::domain::seeded::{self, Bug};

/// Up to so many may always end.
const FEW: u64 = 25;
/// Of more, one in so many: 2 %.
const SHARE: u64 = 50;

/// Of `live` customers, how many may end at once without a person's approval.
pub fn allowed(live: u64) -> u64 {
    if seeded::is_on(Bug::NoCap) {
        return u64::MAX;
    }
    FEW.max(live / SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_may_always_end_and_of_many_two_in_a_hundred() {
        for (live, most) in [
            (0, 25),
            (10, 25),
            (1250, 25),
            (1299, 25),
            (1300, 26),
            (10_000, 200),
            (u64::MAX, u64::MAX / 50),
        ] {
            assert_eq!(allowed(live), most, "{live}");
        }
    }
}
