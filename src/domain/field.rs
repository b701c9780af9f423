//! The fields of a customer that both sides can edit, and a set of their
//! values. A field here is a column of `customers` and a place in Square's
//! profile; address lines are fields of their own.

use serde::{Deserialize, Serialize};

/// Makes the list of fields from one table: name, column, place, limit.
macro_rules! fields {
    ($($name:ident $column:literal in $parent:ident, $inner:literal, $limit:expr;)*) => {
        /// One field that both sides can edit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field {
            $(
                #[doc = concat!("`", $column, "`")]
                $name,
            )*
        }

        impl Field {
            /// Every field, in the order of the table's columns.
            pub const ALL: [Self; FIELDS] = [$(Self::$name,)*];

            /// The column of `customers`.
            pub const fn column(self) -> &'static str {
                match self { $(Self::$name => $column,)* }
            }

            /// The object of Square's profile that holds the field.
            pub const fn parent(self) -> Parent {
                match self { $(Self::$name => Parent::$parent,)* }
            }

            /// The field's key within [`parent`](Self::parent).
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $inner,)* }
            }

            /// The longest value Square takes, in characters; none where Square states none.
            pub const fn limit(self) -> Option<usize> {
                match self { $(Self::$name => $limit,)* }
            }
        }
    };
}

/// How many fields there are.
pub const FIELDS: usize = 22;

fields! {
    GivenName "given_name" in Profile, "given_name", Some(300);
    FamilyName "family_name" in Profile, "family_name", Some(300);
    CompanyName "company_name" in Profile, "company_name", Some(500);
    Nickname "nickname" in Profile, "nickname", Some(100);
    EmailAddress "email_address" in Profile, "email_address", Some(254);
    PhoneNumber "phone_number" in Profile, "phone_number", None;
    Birthday "birthday" in Profile, "birthday", None;
    ReferenceId "reference_id" in Profile, "reference_id", Some(100);
    Note "note" in Profile, "note", None;
    AddressLine1 "address_line_1" in Address, "address_line_1", None;
    AddressLine2 "address_line_2" in Address, "address_line_2", None;
    AddressLine3 "address_line_3" in Address, "address_line_3", None;
    Locality "locality" in Address, "locality", None;
    Sublocality "sublocality" in Address, "sublocality", None;
    Sublocality2 "sublocality_2" in Address, "sublocality_2", None;
    Sublocality3 "sublocality_3" in Address, "sublocality_3", None;
    AdministrativeDistrictLevel1 "administrative_district_level_1" in Address, "administrative_district_level_1", None;
    AdministrativeDistrictLevel2 "administrative_district_level_2" in Address, "administrative_district_level_2", None;
    AdministrativeDistrictLevel3 "administrative_district_level_3" in Address, "administrative_district_level_3", None;
    PostalCode "postal_code" in Address, "postal_code", None;
    Country "country" in Address, "country", None;
    TaxIdEuVat "tax_id_eu_vat" in TaxIds, "eu_vat", Some(20);
}

/// The object of Square's profile that holds a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// The profile itself.
    Profile,
    /// Its `address`.
    Address,
    /// Its `tax_ids`.
    TaxIds,
}

impl Parent {
    /// The object's key in the profile; none for the profile itself.
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::Profile => None,
            Self::Address => Some("address"),
            Self::TaxIds => Some("tax_ids"),
        }
    }
}

impl Field {
    /// The field behind a column's name.
    pub fn of_column(column: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.column() == column)
    }
}

/// A value for each [`Field`]. Empty text and no value are the same thing: it
/// is how Square clears a field, and how many forms leave one empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields([Option<String>; FIELDS]);

impl Fields {
    /// The value of `field`.
    pub fn get(&self, field: Field) -> Option<&str> {
        self.0.get(position(field)).and_then(Option::as_deref)
    }

    /// Puts `value` into `field`; empty text clears it.
    pub fn set(&mut self, field: Field, value: Option<String>) {
        if let Some(place) = self.0.get_mut(position(field)) {
            *place = value.filter(|text| !text.is_empty());
        }
    }

    /// These fields with `field` set to `value`.
    #[must_use]
    pub fn with(mut self, field: Field, value: &str) -> Self {
        self.set(field, Some(value.to_owned()));
        self
    }

    /// The fields whose values differ between `self` and `other`.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Field> + 'a {
        Field::ALL
            .into_iter()
            .filter(|field| self.get(*field) != other.get(*field))
    }

    /// Whether a NUL stands in any value.
    pub fn holds_nul(&self) -> bool {
        self.0.iter().flatten().any(|text| text.contains('\0'))
    }

    /// Square wants at least one of these to know a person by.
    pub fn identifies_somebody(&self) -> bool {
        PUBLIC.iter().any(|field| self.get(*field).is_some())
    }
}

/// The fields of which Square wants at least one, and without which it hides a profile from search.
pub const PUBLIC: [Field; 5] = [
    Field::GivenName,
    Field::FamilyName,
    Field::CompanyName,
    Field::EmailAddress,
    Field::PhoneNumber,
];

/// Where `field` stands in [`Field::ALL`].
#[expect(
    clippy::as_conversions,
    reason = "a field-less enum's discriminant is its position"
)]
const fn position(field: Field) -> usize {
    field as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_stands_at_its_own_position() {
        for (index, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(position(field), index);
            assert_eq!(Field::of_column(field.column()), Some(field));
        }
    }

    #[test]
    fn empty_text_is_no_value() {
        let fields = Fields::default().with(Field::Note, "");

        assert_eq!(fields, Fields::default());
    }
}
