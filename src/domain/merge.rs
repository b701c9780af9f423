//! Two sides of one customer brought together, field by field.
//!
//! `base` is what both agreed on last. A field that one side changed is that
//! side's; one that both changed to the same, or to what is the same to Square,
//! is settled in Square's spelling; one that both changed differently is a
//! conflict, and the rule says who wins. Clearing a field is a change like any
//! other.

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::domain::field::{Field, Fields};
use crate::domain::seeded::{self, Bug};
use crate::domain::spelling::alike;

mod handover;
#[cfg(test)]
mod laws;
mod unsure;

pub use handover::hand_over;
pub use unsure::unsure;

/// Who wins a field that both sides changed differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// Square's value.
    #[default]
    Square,
    /// The application's value.
    Local,
    /// The value that was changed last, as far as the profile's time tells; else Square's.
    Newest,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What Square shows.
    Square,
    /// What the row holds.
    Local,
}

/// A field that both sides changed differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The field.
    pub field: Field,
    /// What both agreed on last.
    pub base: Option<String>,
    /// Square's value.
    pub square: Option<String>,
    /// The application's value.
    pub local: Option<String>,
    /// When Square's side was last changed.
    pub square_at: Option<Timestamp>,
    /// When an application last changed the field, where that is known.
    pub local_at: Option<Timestamp>,
    /// Whose value stands.
    pub taken: Side,
}

/// What comes of bringing two sides together. Each field in which they differ
/// is either news or owed, never both; each conflict is one of these too, by
/// whose value stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What the row holds from now on.
    pub fields: Fields,
    /// The fields that the row takes from Square.
    pub news: Vec<Field>,
    /// The fields that Square must get.
    pub owed: Vec<Field>,
    /// The fields that both had changed differently.
    pub conflicts: Vec<Conflict>,
}

/// A call of ours that Square has taken or may have taken.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// What the row held when the call was made.
    pub fields: &'a Fields,
    /// The fields that the call carries.
    pub carried: &'a [Field],
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
pub fn merge(sides: &Sides<'_>, rule: Rule) -> Decision {
    let mut decision = Decision {
        fields: sides.local.clone(),
        ..Decision::default()
    };
    for field in sides.local.differing(sides.remote) {
        let (stands, is_conflict) = match whose(sides, field) {
            Some(side) => (side, false),
            None => (winner(sides, field, rule), true),
        };
        if is_conflict {
            decision.conflicts.push(sides.conflict(field, stands));
        }
        match stands {
            Side::Local => decision.owed.push(field),
            Side::Square => {
                let theirs = sides.remote.get(field).map(str::to_owned);
                decision.fields.set(field, theirs);
                decision.news.push(field);
            }
        }
    }
    decision
}

/// Whose value a field that differs is to have; none where both changed it.
fn whose(sides: &Sides<'_>, field: Field) -> Option<Side> {
    let base = sides.base.get(field);
    let (theirs, ours) = (sides.remote.get(field), sides.local.get(field));
    // What a call does not carry it did not change, whatever the row held then.
    let is_echo = |sent: &Sent<'_>| {
        let is_shown = theirs != base && alike(field, sent.fields.get(field), theirs);
        sent.carried.contains(&field) && (sent.answered || is_shown)
    };
    // The answer settles what was sent even where it is what Square had before:
    // it may have made of the new spelling the old one again.
    if let Some(sent) = sides.sent.filter(is_echo) {
        let is_edited = ours != sent.fields.get(field) && !seeded::is_on(Bug::EditInFlightLost)
            || seeded::is_on(Bug::SpellingIsAnEdit);
        return Some(if is_edited { Side::Local } else { Side::Square });
    }
    if theirs == base {
        Some(Side::Local)
    } else if ours == base || alike(field, ours, theirs) {
        Some(Side::Square)
    } else {
        None
    }
}

fn winner(sides: &Sides<'_>, field: Field, rule: Rule) -> Side {
    let is_ours_newer = match (sides.remote_at, sides.local_at.get(&field)) {
        (Some(theirs), Some(ours)) => theirs < *ours,
        _ => false,
    };
    match rule {
        Rule::Local => Side::Local,
        Rule::Newest if is_ours_newer => Side::Local,
        Rule::Square | Rule::Newest => Side::Square,
    }
}

impl Sides<'_> {
    fn conflict(&self, field: Field, taken: Side) -> Conflict {
        let value = |fields: &Fields| fields.get(field).map(str::to_owned);
        Conflict {
            field,
            base: value(self.base),
            square: value(self.remote),
            local: value(self.local),
            square_at: self.remote_at,
            local_at: self.local_at.get(&field).copied(),
            taken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    ) -> Decision {
        let sides = Sides {
            base,
            remote,
            local,
            sent,
            remote_at: None,
            local_at: &NEVER,
        };
        merge(&sides, rule)
    }

    fn unanswered(fields: &Fields) -> Option<Sent<'_>> {
        Some(Sent {
            fields,
            carried: &Field::ALL,
            answered: false,
        })
    }

    #[test]
    fn changes_of_different_fields_both_stay() {
        let base = named("Ann").with(Field::Note, "old");
        let remote = named("Anna").with(Field::Note, "old");
        let local = named("Ann").with(Field::Note, "new");

        let merged = merged(&base, &remote, &local, None, Rule::Square);

        assert_eq!(merged.fields, named("Anna").with(Field::Note, "new"));
        assert_eq!(merged.news, [Field::GivenName]);
        assert_eq!(merged.owed, [Field::Note]);
        assert_eq!(merged.conflicts, []);
    }

    #[test]
    fn a_conflict_says_all_there_is_to_know() {
        let (base, remote, local) = (named("Ann"), named("Bob"), Fields::default());
        for (rule, taken) in [(Rule::Square, Side::Square), (Rule::Local, Side::Local)] {
            let merged = merged(&base, &remote, &local, None, rule);

            let expected = Conflict {
                field: Field::GivenName,
                base: Some("Ann".to_owned()),
                square: Some("Bob".to_owned()),
                local: None,
                square_at: None,
                local_at: None,
                taken,
            };
            assert_eq!(merged.conflicts, [expected]);
        }
    }

    #[test]
    fn clearing_a_field_on_both_sides_is_no_conflict() {
        let (base, gone) = (named("Ann"), Fields::default());

        let merged = merged(&base, &gone, &gone, None, Rule::Square);

        assert_eq!(merged, Decision::default());
    }

    #[test]
    fn squares_spelling_of_what_was_sent_is_no_conflict() {
        let (base, remote, local) = (named("Ann"), named("Bob"), named(" Bob "));
        for sent in [unanswered(&local), None] {
            let merged = merged(&base, &remote, &local, sent, Rule::Local);

            assert_eq!(merged.fields, remote);
            assert_eq!(merged.conflicts, []);
        }
    }

    #[test]
    fn an_answer_that_changes_nothing_settles_what_was_sent() {
        let (base, local) = (named("Ann"), named("Ann "));
        let answered = Some(Sent {
            fields: &local,
            carried: &Field::ALL,
            answered: true,
        });

        let merged = merged(&base, &base, &local, answered, Rule::Local);

        assert_eq!(merged.fields, base);
        assert_eq!(merged.owed, []);
    }

    #[test]
    fn an_edit_made_while_the_last_one_was_in_flight_stays() {
        let (base, remote, local) = (named("Ann"), named("Bob"), named("Cleo"));

        let merged = merged(&base, &remote, &local, unanswered(&remote), Rule::Square);

        assert_eq!(merged.fields, local);
        assert_eq!(merged.conflicts, []);
    }
}
