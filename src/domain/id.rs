//! The names of things, each with a type of its own, so that Square's id of a
//! customer cannot be taken for ours.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
    /// The id of a row that began at Square. It follows from the profile's own
    /// id, so a database that lost its rows gives them the same ids again and
    /// what other tables refer to still stands.
    pub fn of_profile(merchant: &MerchantId, square_id: &SquareId) -> Self {
        let name = format!("{merchant}/{square_id}");
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string())
    }
}

/// Where [`CustomerId::of_profile`] derives its ids; fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d3a_9a52_0c1e_4f7b_9f0e_6a1b_7c2d_8e90);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_gives_the_same_id_again_and_another_seller_another() {
        let profile = SquareId::new("ABC");
        let first = CustomerId::of_profile(&MerchantId::new("M1"), &profile);
        let again = CustomerId::of_profile(&MerchantId::new("M1"), &profile);
        let other = CustomerId::of_profile(&MerchantId::new("M2"), &profile);

        assert_eq!(first, again);
        assert_ne!(first, other);
    }
}
