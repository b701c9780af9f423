//! Which of several profiles is meant by what was sent, or by a row.

use crate::domain::field::{Field, Fields};
use crate::domain::id::SquareId;
use crate::domain::lookalike::{Fit, fit, same};

/// Which of several profiles is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// None of them.
    None,
    /// This one.
    This(SquareId),
    /// One of these, and only a person can say which.
    OneOf(Vec<SquareId>),
}

/// Which of these profiles a create made whose outcome is unknown. Where Square
/// says that its key made one, or its reference is nobody else's (`is_certain`),
/// the only one with its reference is it, whatever it shows by now.
pub fn made_by(sent: &Fields, found: &[(SquareId, Fields)], is_certain: bool) -> Meant {
    let best = found.iter().map(|(_, shown)| fit(sent, shown)).max();
    match best {
        None => Meant::None,
        Some(Fit::Not) if is_certain => match named_by(sent, found) {
            Meant::This(named) => Meant::This(named),
            _ => Meant::OneOf(ids(found)),
        },
        Some(Fit::Not) => Meant::None,
        Some(best) => found
            .iter()
            .find(|(_, shown)| fit(sent, shown) == best)
            .map_or(Meant::None, |(id, _)| Meant::This(id.clone())),
    }
}

/// The only one of these profiles with the reference that was sent: what a create
/// made and somebody changed since, or a customer of the seller's own who would have
/// been taken for the row's before it was sent. Several are a question.
pub fn named_by(sent: &Fields, found: &[(SquareId, Fields)]) -> Meant {
    let is_named = |shown: &Fields| {
        sent.get(Field::ReferenceId).is_some() && same(Field::ReferenceId, sent, shown)
    };
    one_of(found, is_named)
}

/// The only one of these profiles that shows all that was sent but for the reference,
/// a way to reach the customer among it: somebody gave it another one since.
pub fn without_reference(sent: &Fields, found: &[(SquareId, Fields)]) -> Meant {
    let is_sent = |field: &Field| sent.get(*field).is_some();
    let is_it = |shown: &Fields| {
        let contact = [Field::EmailAddress, Field::PhoneNumber];
        let others = Field::ALL.into_iter();
        let mut others = others.filter(|it| *it != Field::ReferenceId && is_sent(it));
        contact.iter().any(is_sent) && others.all(|field| same(field, sent, shown))
    };
    one_of(found, is_it)
}

/// The only one that is `wanted`; of several a person has to say which.
fn one_of(found: &[(SquareId, Fields)], wanted: impl Fn(&Fields) -> bool) -> Meant {
    let wanted = found.iter().filter(|(_, shown)| wanted(shown)).cloned();
    match wanted.collect::<Vec<_>>().as_slice() {
        [] => Meant::None,
        [(id, _)] => Meant::This(id.clone()),
        several => Meant::OneOf(ids(several)),
    }
}

/// Which of the profiles found for a row it is: the only one, or the only one that shows all of it.
pub fn meant_by(row: &Fields, found: &[(SquareId, Fields)]) -> Meant {
    match found {
        [] => Meant::None,
        [(id, _)] => Meant::This(id.clone()),
        several => only(
            several,
            |shown| row.get(Field::ReferenceId).is_some() && fit(row, shown) == Fit::Whole,
            Meant::OneOf(ids(several)),
        ),
    }
}

/// The only one that is `wanted`, else `otherwise`.
fn only(found: &[(SquareId, Fields)], wanted: impl Fn(&Fields) -> bool, otherwise: Meant) -> Meant {
    let mut wanted = found.iter().filter(|(_, shown)| wanted(shown));
    match (wanted.next(), wanted.next()) {
        (Some((id, _)), None) => Meant::This(id.clone()),
        _ => otherwise,
    }
}

fn ids(found: &[(SquareId, Fields)]) -> Vec<SquareId> {
    found.iter().map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lookalike::tests::ann;

    fn found(all: &[Fields]) -> Vec<(SquareId, Fields)> {
        (1..)
            .map(|number: u32| SquareId::new(number.to_string()))
            .zip(all.iter().cloned())
            .collect()
    }

    fn this(id: &str) -> Meant {
        Meant::This(SquareId::new(id))
    }

    #[test]
    fn the_best_fit_was_made_by_the_create() {
        let renamed = ann().with(Field::GivenName, "Anna");
        let bob = ann()
            .with(Field::GivenName, "Bob")
            .with(Field::PhoneNumber, "+12125550000");
        let sent = ann();
        let only_bob = found(std::slice::from_ref(&bob));
        assert_eq!(
            made_by(&sent, &found(&[bob.clone(), renamed.clone(), ann()]), false),
            this("3")
        );
        assert_eq!(
            made_by(&sent, &found(&[bob.clone(), renamed]), false),
            this("2")
        );
        assert_eq!(made_by(&sent, &only_bob, false), Meant::None);
        // The key made one, and this is the only one with the reference.
        assert_eq!(made_by(&sent, &only_bob, true), this("1"));
        assert!(
            matches!(made_by(&sent, &found(&[bob.clone(), bob]), true), Meant::OneOf(two) if two.len() == 2)
        );
        assert_eq!(made_by(&sent, &[], true), Meant::None);
    }

    #[test]
    fn the_only_one_with_the_reference_is_named_by_it() {
        let bob = ann().with(Field::GivenName, "Bob");
        let other = ann().with(Field::ReferenceId, "CRM-18");
        assert_eq!(
            named_by(&ann(), &found(&[other.clone(), bob.clone()])),
            this("2")
        );
        for none in [&[other][..], &[]] {
            assert_eq!(named_by(&ann(), &found(none)), Meant::None);
        }
        assert!(matches!(
            named_by(&ann(), &found(&[bob.clone(), bob])),
            Meant::OneOf(two) if two.len() == 2
        ));
    }

    #[test]
    fn one_that_shows_all_but_the_reference_was_given_another_one() {
        let other = ann().with(Field::ReferenceId, "CRM-18");
        let bob = other.clone().with(Field::GivenName, "Bob");
        let (mut nobody, mut sent) = (other.clone(), ann());
        assert_eq!(
            without_reference(&sent, &found(&[bob.clone(), other.clone()])),
            this("2")
        );
        assert!(matches!(
            without_reference(&sent, &found(&[other.clone(), other])),
            Meant::OneOf(two) if two.len() == 2
        ));
        assert_eq!(without_reference(&sent, &found(&[bob])), Meant::None);
        nobody.set(Field::PhoneNumber, None);
        sent.set(Field::PhoneNumber, None);
        assert_eq!(without_reference(&sent, &found(&[nobody])), Meant::None);
    }

    #[test]
    fn of_several_a_row_is_none_unless_one_alone_shows_all_of_it() {
        let bob = ann().with(Field::GivenName, "Bob");
        assert_eq!(meant_by(&ann(), &[]), Meant::None);
        assert_eq!(
            meant_by(&ann(), &found(std::slice::from_ref(&bob))),
            this("1")
        );
        assert_eq!(meant_by(&ann(), &found(&[bob, ann()])), this("2"));
        assert!(matches!(
            meant_by(&ann(), &found(&[ann(), ann()])),
            Meant::OneOf(_)
        ));
    }
}
