//! Two sides of one customer brought together, field by field.
//!
//! `base` is what both agreed on last. A field that one side changed is that
//! side's; one that both changed to the same is settled; one that both changed
//! differently is a conflict, and the rule says who wins. Clearing a field is
//! a change like any other.

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::domain::field::{Field, Fields};
use crate::domain::spelling::alike;

/// Who wins a field that both sides changed differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// Square's value.
    #[default]
    Square,
    /// The application's value.
    Local,
    /// The value that was changed last; Square's where that cannot be told.
    Newest,
}

/// A field that both sides changed differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The field.
    pub field: Field,
    /// What lost.
    pub lost: Option<String>,
}

/// What comes of bringing two sides together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// What the row holds from now on.
    pub fields: Fields,
    /// The fields that both had changed differently, with the value that lost.
    pub conflicts: Vec<Conflict>,
}

/// A call of ours that Square has taken or may have taken.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// What the row held when the call was made.
    pub fields: &'a Fields,
    /// Whether `remote` is Square's answer to that very call.
    pub answered: bool,
}

/// The two sides of a customer, and what they come from.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// What both agreed on last.
    pub base: &'a Fields,
    /// What Square shows.
    pub remote: &'a Fields,
    /// What the row holds.
    pub local: &'a Fields,
    /// A call of ours about the row that is under way.
    pub sent: Option<Sent<'a>>,
    /// When Square's side was last changed.
    pub remote_at: Option<Timestamp>,
    /// When an application last changed each field, where that is known.
    pub local_at: &'a BTreeMap<Field, Timestamp>,
}

/// Brings the two sides together. Where Square shows what we sent ourselves,
/// nobody else changed the field: the row takes Square's spelling of it, unless
/// it was edited again since.
pub fn merge(sides: &Sides<'_>, rule: Rule) -> Merged {
    let mut merged = Merged {
        fields: sides.local.clone(),
        conflicts: Vec::new(),
    };
    for field in sides.remote.differing(sides.base) {
        let (theirs, ours) = (sides.remote.get(field), sides.local.get(field));
        if ours == theirs {
            continue;
        }
        let is_echo =
            |sent: &Sent<'_>| sent.answered || alike(field, sent.fields.get(field), theirs);
        let keep_ours = match sides.sent.filter(is_echo) {
            Some(sent) => ours != sent.fields.get(field),
            None if ours == sides.base.get(field) => false,
            None => {
                let keep_ours = local_wins(sides, field, rule);
                let lost = if keep_ours { theirs } else { ours };
                merged.conflicts.push(Conflict {
                    field,
                    lost: lost.map(str::to_owned),
                });
                keep_ours
            }
        };
        if !keep_ours {
            merged.fields.set(field, theirs.map(str::to_owned));
        }
    }
    merged
}

fn local_wins(sides: &Sides<'_>, field: Field, rule: Rule) -> bool {
    match rule {
        Rule::Square => false,
        Rule::Local => true,
        Rule::Newest => match (sides.remote_at, sides.local_at.get(&field)) {
            (Some(theirs), Some(ours)) => theirs < *ours,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields() -> impl Strategy<Value = Fields> {
        prop::collection::vec((prop::sample::select(&Field::ALL[..4]), "[ab]?"), 0..5).prop_map(
            |values| {
                values
                    .into_iter()
                    .fold(Fields::default(), |fields, (field, value)| {
                        fields.with(field, &value)
                    })
            },
        )
    }

    fn named(name: &str) -> Fields {
        Fields::default().with(Field::GivenName, name)
    }

    static NEVER: BTreeMap<Field, Timestamp> = BTreeMap::new();

    fn merged(
        base: &Fields,
        remote: &Fields,
        local: &Fields,
        sent: Option<Sent<'_>>,
        rule: Rule,
    ) -> Merged {
        merge(
            &Sides {
                base,
                remote,
                local,
                sent,
                remote_at: None,
                local_at: &NEVER,
            },
            rule,
        )
    }

    proptest! {
        #[test]
        fn nothing_changed_means_nothing_changes(base in fields(), local in fields()) {
            let merged = merged(&base, &base, &local, None, Rule::Square);
            prop_assert_eq!(merged, Merged { fields: local, conflicts: vec![] });
        }

        #[test]
        fn an_untouched_row_follows_square(base in fields(), remote in fields()) {
            let merged = merged(&base, &remote, &base, None, Rule::Local);
            prop_assert_eq!(merged, Merged { fields: remote, conflicts: vec![] });
        }

        #[test]
        fn merging_again_changes_nothing(base in fields(), remote in fields(), local in fields()) {
            let once = merged(&base, &remote, &local, None, Rule::Square);
            let again = merged(&remote, &remote, &once.fields, None, Rule::Square);
            prop_assert_eq!(again.fields, once.fields);
            prop_assert!(again.conflicts.is_empty());
        }

        #[test]
        fn each_field_is_one_sides_value_and_no_change_is_lost_unsaid(
            base in fields(), remote in fields(), local in fields()
        ) {
            for rule in [Rule::Square, Rule::Local, Rule::Newest] {
                let merged = merged(&base, &remote, &local, None, rule);
                for field in Field::ALL {
                    let (now, theirs, ours) = (merged.fields.get(field), remote.get(field), local.get(field));
                    prop_assert!(now == theirs || now == ours);
                    let lost = [theirs, ours].into_iter().any(|side| side != base.get(field) && side != now);
                    prop_assert_eq!(lost, merged.conflicts.iter().any(|c| c.field == field));
                }
            }
        }
    }

    #[test]
    fn changes_of_different_fields_both_stay() {
        let base = named("Ann").with(Field::Note, "old");
        let remote = named("Anna").with(Field::Note, "old");
        let local = named("Ann").with(Field::Note, "new");

        let merged = merged(&base, &remote, &local, None, Rule::Square);

        assert_eq!(merged.fields, named("Anna").with(Field::Note, "new"));
    }

    #[test]
    fn squares_spelling_of_what_was_sent_is_no_conflict() {
        let (base, remote, local) = (named("Ann"), named("Bob"), named(" Bob "));
        let sent = Sent {
            fields: &local,
            answered: false,
        };

        let merged = merged(&base, &remote, &local, Some(sent), Rule::Local);

        assert_eq!(
            merged,
            Merged {
                fields: remote,
                conflicts: vec![]
            }
        );
    }

    #[test]
    fn an_edit_made_while_the_last_one_was_in_flight_stays() {
        let (base, remote, local) = (named("Ann"), named("Bob"), named("Cleo"));
        let sent = Sent {
            fields: &named("Bob"),
            answered: false,
        };

        let merged = merged(&base, &remote, &local, Some(sent), Rule::Square);

        assert_eq!(
            merged,
            Merged {
                fields: local,
                conflicts: vec![]
            }
        );
    }

    #[test]
    fn the_last_change_wins_where_that_is_the_rule() {
        let at = |second| chrono::DateTime::from_timestamp(second, 0);
        let (base, remote, local) = (named("Ann"), named("Bob"), named("Cleo"));
        let edited: BTreeMap<Field, Timestamp> = at(10)
            .map(|at| (Field::GivenName, at))
            .into_iter()
            .collect();
        let won = |remote_at| {
            let sides = Sides {
                base: &base,
                remote: &remote,
                local: &local,
                sent: None,
                remote_at,
                local_at: &edited,
            };
            merge(&sides, Rule::Newest).fields
        };

        assert_eq!(won(at(9)), local);
        assert_eq!(won(at(10)), remote);
        assert_eq!(won(at(11)), remote);
        assert_eq!(won(None), remote);
    }
}
