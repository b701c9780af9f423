//! Values that Square stores in its own spelling: when two spellings are the same value.

use crate::domain::field::Field;

/// Whether `one` and `other` are the same value of `field` to Square, which
/// trims text, fills in a birthday's year and keeps numbers and addresses as
/// one of many spellings.
pub fn alike(field: Field, one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other || plain(field, one) == plain(field, other),
        (None, None) => true,
        (Some(text), None) | (None, Some(text)) => text.trim().is_empty(),
    }
}

/// One spelling for all that mean the same.
fn plain(field: Field, text: &str) -> String {
    let text = text.trim();
    match field {
        Field::PhoneNumber => text.chars().filter(char::is_ascii_digit).collect(),
        Field::EmailAddress => text.to_lowercase(),
        Field::Birthday => text.strip_prefix("0000-").unwrap_or(text).to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: Field, one: &str, other: &str, expected: bool) {
        assert_eq!(
            alike(field, Some(one), Some(other)),
            expected,
            "{one} {other}"
        );
    }

    #[test]
    fn what_square_makes_of_a_value_is_the_same_value() {
        check(Field::GivenName, " Ann ", "Ann", true);
        check(Field::GivenName, "Ann", "ann", false);
        check(
            Field::EmailAddress,
            "Ann@example.com",
            "ann@Example.com",
            true,
        );
        check(
            Field::PhoneNumber,
            "+1 (212) 555-4240",
            "+12125554240",
            true,
        );
        check(Field::PhoneNumber, "+12125554240", "+12125554241", false);
        check(Field::Birthday, "03-04", "0000-03-04", true);
        check(Field::Birthday, "1990-03-04", "0000-03-04", false);
        assert!(alike(Field::Note, Some("  "), None));
        assert!(!alike(Field::Note, Some("a"), None));
    }
}
