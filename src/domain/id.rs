//! The names of things, each with a type of its own, so that Square's id of a
//! customer cannot be taken for ours.

use std::fmt;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::Timestamp;

/// Makes a text id: opaque, compared byte for byte.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A seller's account at Square.
    MerchantId
}

text_id! {
    /// Square's id of a customer profile. Ends with a merge.
    SquareId
}

text_id! {
    /// Our id of a customer: the primary key of `customers`. Never ends.
    CustomerId
}

impl CustomerId {
    /// The id of a row that began as a profile, which came to be at `made`. It
    /// follows from the profile alone, so a database that lost its rows gives them
    /// the same ids again and what other tables refer to still stands. Later
    /// profiles have higher ids: indexes grow at their end.
    pub fn of_profile(
        merchant: &MerchantId,
        square_id: &SquareId,
        made: Option<Timestamp>,
    ) -> Self {
        Self::begun(made, &format!("{merchant}/{square_id}"))
    }

    /// The ids that a row made for this profile may have: the one of
    /// [`of_profile`](Self::of_profile), and another one where that row has another
    /// profile by now.
    pub fn all_of_profile(
        merchant: &MerchantId,
        square_id: &SquareId,
        made: Option<Timestamp>,
    ) -> [Self; 2] {
        [
            Self::of_profile(merchant, square_id, made),
            Self::begun(made, &format!("{merchant}/{square_id}/again")),
        ]
    }

    /// Whether a row with this id began as this profile, whenever that came to be.
    pub fn began_as(&self, merchant: &MerchantId, square_id: &SquareId) -> bool {
        let hash = |id: &Self| id.as_str().get(TIME..).map(str::to_owned);
        let began = Self::all_of_profile(merchant, square_id, None);
        hash(self).is_some() && began.iter().any(|began| hash(began) == hash(self))
    }

    /// A UUID of version 7, in whole seconds: not all of Square's answers need be more exact.
    fn begun(made: Option<Timestamp>, name: &str) -> Self {
        let seconds = made.map_or(0, |made| made.timestamp());
        let millis = u64::try_from(seconds)
            .unwrap_or_default()
            .saturating_mul(1000);
        let hash = Uuid::new_v5(&NAMESPACE, name.as_bytes()).into_bytes();
        let hash = hash.first_chunk().copied().unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &hash).into_uuid();
        Self(id.to_string())
    }
}

/// The idempotency key of the call that makes a row's profile, when Square has
/// refused `refusals` calls before it. It follows from the row alone, so that a
/// database put back from a backup asks under the key that it used before; a row
/// made anew under an old id was made at another moment.
pub fn create_key(
    merchant: &MerchantId,
    row: &CustomerId,
    made: NaiveDateTime,
    refusals: i32,
) -> String {
    let made = made.and_utc().timestamp_micros();
    let name = format!("create/{merchant}/{made}/{refusals}/{row}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

/// Where [`CustomerId::of_profile`] and [`create_key`] derive from; fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d3a_9a52_0c1e_4f7b_9f0e_6a1b_7c2d_8e90);

/// How much of a UUID of version 7 is its time.
const TIME: usize = "00000000-0000-".len();

#[cfg(test)]
mod tests {
    use super::*;

    fn row(merchant: &str, profile: &str, made: Option<&str>) -> CustomerId {
        let made = made.and_then(|made| made.parse().ok());
        CustomerId::of_profile(&MerchantId::new(merchant), &SquareId::new(profile), made)
    }

    #[test]
    fn a_profile_gives_the_same_id_again_and_another_seller_another() {
        let made = Some("2026-03-02T10:15:32.125Z");

        assert_eq!(row("M1", "A", made), row("M1", "A", made));
        assert_ne!(row("M1", "A", made), row("M2", "A", made));
        assert_ne!(row("M1", "A", made), row("M1", "B", made));
        assert_eq!(
            row("M1", "A", made),
            row("M1", "A", Some("2026-03-02T10:15:32Z"))
        );
    }

    #[test]
    fn a_row_began_as_its_profile_whenever_that_came_to_be() {
        let (merchant, profile) = (MerchantId::new("M"), SquareId::new("A"));
        let is_of = |id: &CustomerId| id.began_as(&merchant, &profile);
        let again = CustomerId::all_of_profile(&merchant, &profile, None);

        assert!(is_of(&row("M", "A", Some("2026-03-02T10:15:32Z"))));
        assert!(again.iter().all(is_of));
        assert!(!is_of(&row("M", "B", Some("2026-03-02T10:15:32Z"))));
        assert!(!is_of(&CustomerId::new("a")) && !is_of(&CustomerId::new("")));
    }

    #[test]
    fn later_profiles_have_higher_ids() {
        let made = [
            None,
            Some("2011-01-01T00:00:00Z"),
            Some("2026-03-02T10:15:32Z"),
        ];
        let made = made.into_iter().chain([Some("2026-03-02T10:15:33Z")]);

        for profile in ["A", "B", "C", "D"] {
            let other = ["D", "C", "B", "A"].into_iter().zip(made.clone());
            let ids = other.map(|(name, made)| row("M", &format!("{profile}{name}"), made));
            assert!(ids.is_sorted());
        }
    }

    #[test]
    fn a_key_is_the_rows_own_and_another_after_a_refusal() {
        let key = |row: &str, micros: i64, refusals| {
            let made = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
            let (merchant, row) = (MerchantId::new("M1"), CustomerId::new(row));
            create_key(&merchant, &row, made.naive_utc(), refusals)
        };

        assert_eq!(key("a", 1, 0), key("a", 1, 0));
        let others = [key("b", 1, 0), key("a", 2, 0), key("a", 1, 1)];
        assert!(others.iter().all(|other| *other != key("a", 1, 0)));
    }
}
