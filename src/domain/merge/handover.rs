//! What was edited in a row that went into another one, handed over to that one.

use crate::domain::field::{Field, Fields};
use crate::domain::merge::{Decision, Rule, Sides, merge};

/// Hands over what `old.local` holds beside `old.base` to the row that stays,
/// whose fields are `old.remote`. An edit goes where that row holds what it was
/// made on, or nothing; where it holds something else, the rule decides, and
/// where somebody may have cleared it: nobody has what was empty already in the
/// profile as the merge `made` it. None once it was changed.
/// Fields that were not edited stay as they are there.
pub fn hand_over(old: &Sides<'_>, made: Option<&Fields>, rule: Rule) -> Decision {
    let (mut base, mut local) = (old.remote.clone(), old.remote.clone());
    for field in old.local.differing(old.base) {
        local.set(field, value(old.local, field));
        let is_empty = |fields: &Fields| fields.get(field).is_none();
        if !is_empty(old.remote) || !made.is_some_and(is_empty) {
            base.set(field, value(old.base, field));
        }
    }
    let sides = Sides {
        base: &base,
        local: &local,
        ..*old
    };
    merge(&sides, rule)
}

fn value(fields: &Fields, field: Field) -> Option<String> {
    fields.get(field).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What becomes of a note, and the whole that the row then holds.
    #[track_caller]
    fn check(base: &str, local: &str, remote: &str, rule: Rule, note: &str, conflicts: usize) {
        let named = |name: &str, note: &str| {
            Fields::default()
                .with(Field::GivenName, name)
                .with(Field::Note, note)
        };
        let sides = Sides {
            base: &named("Ann", base),
            local: &named("Ann", local),
            remote: &named("Bob", remote),
            sent: None,
            remote_at: None,
            local_at: &BTreeMap::new(),
        };

        let handed = hand_over(&sides, Some(sides.remote), rule);

        assert_eq!(handed.fields, named("Bob", note));
        assert_eq!(handed.conflicts.len(), conflicts);
        assert_eq!(!handed.owed.is_empty(), note != remote);
    }

    #[test]
    fn an_edit_goes_where_nobody_else_wrote() {
        for rule in [Rule::Square, Rule::Local, Rule::Newest] {
            check("old", "mine", "old", rule, "mine", 0);
            check("old", "mine", "", rule, "mine", 0);
            check("old", "", "old", rule, "", 0);
            check("", "mine", "", rule, "mine", 0);
            check("old", "mine", "mine", rule, "mine", 0);
            check("old", "mine ", "mine", rule, "mine", 0);
            check("old", "", "", rule, "", 0);
        }
    }

    #[test]
    fn what_was_not_edited_does_not_go() {
        for rule in [Rule::Square, Rule::Local, Rule::Newest] {
            check("old", "old", "theirs", rule, "theirs", 0);
            check("old", "old", "", rule, "", 0);
        }
    }

    #[test]
    fn the_rule_decides_where_somebody_else_wrote() {
        check("old", "mine", "theirs", Rule::Square, "theirs", 1);
        check("old", "mine", "theirs", Rule::Local, "mine", 1);
        check("old", "", "theirs", Rule::Local, "", 1);
        check("old", "mine", "theirs", Rule::Newest, "theirs", 1);
    }

    #[test]
    fn a_field_that_may_have_been_cleared_since_is_somebody_elses_word() {
        let note = |note| Fields::default().with(Field::Note, note);
        let sides = Sides {
            base: &note("old"),
            local: &note("mine"),
            remote: &note(""),
            sent: None,
            remote_at: None,
            local_at: &BTreeMap::new(),
        };

        for made in [None, Some(&note("old"))] {
            for (rule, left) in [(Rule::Square, ""), (Rule::Local, "mine")] {
                let handed = hand_over(&sides, made, rule);

                assert_eq!(handed.fields, note(left));
                assert_eq!(handed.conflicts.len(), 1);
            }
        }
        let untouched = hand_over(&sides, Some(&note("")), Rule::Square);
        assert_eq!(untouched.conflicts, []);
    }
}
