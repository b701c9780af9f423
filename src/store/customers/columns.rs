//! The columns of `customers`, one by one, and their way to and from a [`Row`].

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::store::batch::{self, To};
use crate::store::customers::{Row, SquareColumns, SyncState};
use crate::store::error::StoreResult;
use crate::store::schema::customers;
use crate::store::text::Text;
use crate::store::time::At;

/// Makes the columns from the list of fields that applications may edit.
macro_rules! columns {
    ($($column:ident $field:ident)*) => {
        #[derive(Debug, Queryable)]
        pub(in crate::store) struct Columns {
            id: Text,
            merchant_id: Option<String>,
            square_id: Option<String>,
            $($column: Option<Text>,)*
            email_unsubscribed: Option<bool>,
            creation_source: Option<String>,
            group_ids: Option<String>,
            segment_ids: Option<String>,
            square_version: Option<i64>,
            square_created_at: Option<At>,
            square_updated_at: Option<At>,
            sync_state: String,
            sync_error: Option<String>,
            deleted_at: Option<At>,
            merged_into: Option<String>,
            created_at: At,
            updated_at: At,
        }

        impl Columns {
            pub(in crate::store) fn of(merchant: &MerchantId, row: &Row) -> Self {
                let text = |field: Field| row.fields.get(field).map(Text::from);
                Self {
                    id: Text::from(row.id.as_str()),
                    merchant_id: Some(merchant.as_str().to_owned()),
                    square_id: row.square_id.as_ref().map(|id| id.as_str().to_owned()),
                    $($column: text(Field::$field),)*
                    email_unsubscribed: row.square.email_unsubscribed,
                    creation_source: row.square.creation_source.clone(),
                    group_ids: row.square.group_ids.clone(),
                    segment_ids: row.square.segment_ids.clone(),
                    square_version: row.square.version,
                    square_created_at: row.square.created_at.map(At),
                    square_updated_at: row.square.updated_at.map(At),
                    sync_state: row.sync_state.as_str().to_owned(),
                    sync_error: row.sync_error.clone(),
                    deleted_at: row.deleted_at.map(At),
                    merged_into: row.merged_into.as_ref().map(|id| id.as_str().to_owned()),
                    created_at: At(row.created_at),
                    updated_at: At(row.updated_at),
                }
            }

            pub(super) fn into_row(self) -> Row {
                let mut fields = Fields::default();
                let mut garbled = BTreeMap::new();
                $(if let Some(Text { text, garbled: bytes }) = self.$column {
                    fields.set(Field::$field, Some(text));
                    garbled.extend(bytes.map(|bytes| (Field::$field, bytes)));
                })*
                Row {
                    id: CustomerId::new(self.id.text),
                    square_id: self.square_id.map(SquareId::new),
                    fields,
                    garbled,
                    square: SquareColumns {
                        email_unsubscribed: self.email_unsubscribed,
                        creation_source: self.creation_source,
                        group_ids: self.group_ids,
                        segment_ids: self.segment_ids,
                        version: self.square_version,
                        created_at: self.square_created_at.map(|At(at)| at),
                        updated_at: self.square_updated_at.map(|At(at)| at),
                    },
                    sync_state: SyncState::parse(&self.sync_state),
                    sync_error: self.sync_error,
                    deleted_at: self.deleted_at.map(|At(at)| at),
                    merged_into: self.merged_into.map(CustomerId::new),
                    created_at: self.created_at.0,
                    updated_at: self.updated_at.0,
                }
            }
        }

        /// Inserts rows, or puts them in place of those with the same id.
        pub(in crate::store) fn write<'a>(to: &mut To<'_, 'a>, rows: &'a [Columns]) -> StoreResult<()> {
            batch::upsert!(to, customers(id; merchant_id, created_at), rows, Columns, [
                $($column,)* email_unsubscribed, creation_source, group_ids, segment_ids,
                square_version, square_created_at, square_updated_at, sync_error, merged_into, updated_at,
            ], indexed [square_id, sync_state, deleted_at]);
            Ok(())
        }
    };
}

columns! {
    given_name GivenName
    family_name FamilyName
    company_name CompanyName
    nickname Nickname
    email_address EmailAddress
    phone_number PhoneNumber
    birthday Birthday
    reference_id ReferenceId
    note Note
    address_line_1 AddressLine1
    address_line_2 AddressLine2
    address_line_3 AddressLine3
    locality Locality
    sublocality Sublocality
    sublocality_2 Sublocality2
    sublocality_3 Sublocality3
    administrative_district_level_1 AdministrativeDistrictLevel1
    administrative_district_level_2 AdministrativeDistrictLevel2
    administrative_district_level_3 AdministrativeDistrictLevel3
    postal_code PostalCode
    country Country
    tax_id_eu_vat TaxIdEuVat
}
