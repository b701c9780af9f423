//! Which of the profiles at Square a row's may be: what was sent to make one is
//! held against what is there. By its reference alone a profile is taken for a
//! row's, by an address or a number alone only if a person allowed it; where two
//! fit, a person has to say.

use crate::domain::field::{Field, Fields};
use crate::domain::spelling::alike;

mod meant;

pub use meant::{Meant, made_by, meant_by, named_by, without_reference};

/// By what a customer is looked for at Square before a profile is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// By nothing but the reference.
    #[default]
    Off,
    /// By the e-mail address.
    Email,
    /// By the phone number.
    Phone,
    /// By both.
    Both,
}

impl Matching {
    /// The e-mail address and the phone number by which to look for a customer with these fields.
    pub fn contact(self, fields: &Fields) -> (Option<String>, Option<String>) {
        let (email, phone) = contact(fields);
        (
            email.filter(|_| matches!(self, Self::Email | Self::Both)),
            phone.filter(|_| matches!(self, Self::Phone | Self::Both)),
        )
    }
}

/// The e-mail address and the phone number as Square's search wants them, where
/// there are any that it can take.
pub fn contact(fields: &Fields) -> (Option<String>, Option<String>) {
    let email = fields
        .get(Field::EmailAddress)
        .map(|text| text.trim().to_lowercase());
    (
        email.filter(|text| !text.is_empty()),
        fields.get(Field::PhoneNumber).and_then(e164),
    )
}

/// A phone number with its country's code, as far as that can be told: ten
/// digits alone, or eleven that begin with 1, are North American.
pub fn e164(number: &str) -> Option<String> {
    let number = number.trim();
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let international = match (number.strip_prefix('+'), digits.strip_prefix("00")) {
        (Some(_), _) => digits,
        (None, Some(rest)) => rest.to_owned(),
        (None, None) if digits.len() == 10 => format!("1{digits}"),
        (None, None) if digits.len() == 11 && digits.starts_with('1') => digits,
        _ => return None,
    };
    (7..=15)
        .contains(&international.len())
        .then(|| format!("+{international}"))
}

/// How a profile fits what was sent to make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It shows another customer.
    Not,
    /// It may have been edited since: the reference is the same, and so is a way to reach the customer.
    Edited,
    /// It shows all that was sent.
    Whole,
}

/// How the profile `shown` fits what was `sent`.
pub fn fit(sent: &Fields, shown: &Fields) -> Fit {
    let agrees = |field: &Field| same(*field, sent, shown);
    let is_sent = |field: &Field| sent.get(*field).is_some();
    if Field::ALL.iter().filter(|field| is_sent(field)).all(agrees) {
        return Fit::Whole;
    }
    let contact = [Field::EmailAddress, Field::PhoneNumber];
    let reached =
        contact.iter().any(is_sent) && contact.iter().filter(|field| is_sent(field)).all(agrees);
    if reached && is_sent(&Field::ReferenceId) && agrees(&Field::ReferenceId) {
        Fit::Edited
    } else {
        Fit::Not
    }
}

/// Whether a profile that was never changed is what these fields made. Square is
/// given a reference to our row where they have none.
pub fn is_new_of(sent: &Fields, shown: &Fields) -> bool {
    Field::ALL.into_iter().all(|field| {
        let is_ours = field == Field::ReferenceId && sent.get(field).is_none();
        is_ours || same(field, sent, shown)
    })
}

/// Whether two customers have the same in this field, however it is spelt.
pub fn same(field: Field, one: &Fields, other: &Fields) -> bool {
    let (one, other) = (one.get(field), other.get(field));
    let number = |text: Option<&str>| text.and_then(e164);
    alike(field, one, other)
        || (field == Field::PhoneNumber && number(one).is_some() && number(one) == number(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn ann() -> Fields {
        Fields::default()
            .with(Field::GivenName, "Ann")
            .with(Field::ReferenceId, "CRM-17")
            .with(Field::PhoneNumber, "212 555-4240")
    }

    #[test]
    fn numbers_get_their_countrys_code_where_it_can_be_told() {
        for (number, expected) in [
            ("+44 20 7946 0000", Some("+442079460000")),
            ("0044 20 7946 0000", Some("+442079460000")),
            ("(212) 555-4240", Some("+12125554240")),
            ("1 212 555 4240", Some("+12125554240")),
            ("020 7946 0000", None),
            ("555-4240", None),
            ("+", None),
            ("", None),
        ] {
            assert_eq!(e164(number).as_deref(), expected, "{number}");
        }
    }

    #[test]
    fn a_setting_says_by_what_to_look() {
        let fields = ann().with(Field::EmailAddress, " Ann@Example.com");
        let email = Some("ann@example.com".to_owned());
        let phone = Some("+12125554240".to_owned());
        for (matching, expected) in [
            (Matching::Off, (None, None)),
            (Matching::Email, (email.clone(), None)),
            (Matching::Phone, (None, phone.clone())),
            (Matching::Both, (email, phone)),
        ] {
            assert_eq!(matching.contact(&fields), expected, "{matching:?}");
        }
        assert_eq!(Matching::Both.contact(&Fields::default()), (None, None));
    }

    #[test]
    fn squares_spelling_and_more_than_was_sent_still_fit() {
        let shown = ann()
            .with(Field::PhoneNumber, "+12125554240")
            .with(Field::Note, "added later");

        assert_eq!(fit(&ann(), &shown), Fit::Whole);
        assert!(!is_new_of(&ann(), &shown));
        assert!(is_new_of(
            &ann(),
            &ann().with(Field::PhoneNumber, "+12125554240")
        ));
    }

    #[test]
    fn an_edited_profile_fits_by_reference_and_contact_and_not_by_one_of_them() {
        let renamed = ann().with(Field::GivenName, "Anna");
        assert_eq!(fit(&ann(), &renamed), Fit::Edited);
        let elsewhere = renamed.clone().with(Field::PhoneNumber, "+12125550000");
        assert_eq!(fit(&ann(), &elsewhere), Fit::Not);
        let other = renamed.with(Field::ReferenceId, "CRM-18");
        assert_eq!(fit(&ann(), &other), Fit::Not);
    }
}
