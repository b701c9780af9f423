//! Rows as they are looked at: ids in, rows out. Nothing is locked, waited for
//! or changed by it.

use diesel::prelude::*;

use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::store::connection::Db;
use crate::store::customers::columns::Columns;
use crate::store::customers::{Row, SyncState};
use crate::store::error::StoreResult;
use crate::store::schema::customers;
use crate::store::text::Text;

/// A row that does not say that both sides are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsynced {
    /// The row.
    pub id: CustomerId,
    /// Its profile, if it has one.
    pub square_id: Option<SquareId>,
    /// How it stands.
    pub state: SyncState,
    /// Square's reason for a refusal.
    pub error: Option<String>,
}

/// The rows that are live as one of these profiles.
pub fn with_profiles(
    db: &mut Db,
    merchant: &MerchantId,
    ids: &[SquareId],
) -> StoreResult<Vec<Row>> {
    let ids: Vec<&str> = ids.iter().map(SquareId::as_str).collect();
    let live = customers::table
        .filter(customers::merchant_id.eq(merchant.as_str()))
        .filter(customers::square_id.eq_any(ids))
        .filter(customers::deleted_at.is_null());
    let rows: Vec<Columns> = match db {
        Db::Sqlite(connection) => live.load(connection)?,
        Db::Postgres(connection) => live.load(connection)?,
    };
    Ok(rows.into_iter().map(Columns::into_row).collect())
}

/// Whether a row other than `id` that has no profile carries this reference.
pub fn any_unlinked_with(
    db: &mut Db,
    merchant: &MerchantId,
    id: &CustomerId,
    reference: &str,
) -> StoreResult<bool> {
    // Such a row is in any state but synced; the index has them by state.
    let unsynced = SyncState::ALL.map(SyncState::as_str).into_iter();
    let unsynced = unsynced.filter(|state| *state != SyncState::Synced.as_str());
    let others = customers::table
        .filter(customers::sync_state.eq_any(unsynced))
        .filter(customers::merchant_id.eq(merchant.as_str()))
        .filter(customers::deleted_at.is_null())
        .filter(customers::square_id.is_null())
        .filter(customers::reference_id.eq(reference))
        .filter(customers::id.ne(id.as_str()));
    Ok(diesel::select(diesel::dsl::exists(others)).get_result(db)?)
}

/// Of these rows, those that are gone at Square, and the row that each went into.
pub fn went_into(
    db: &mut Db,
    ids: &[CustomerId],
) -> StoreResult<Vec<(CustomerId, Option<CustomerId>)>> {
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    let rows: Vec<(String, Option<String>)> = customers::table
        .filter(customers::id.eq_any(ids))
        .filter(customers::deleted_at.is_not_null())
        .select((customers::id, customers::merged_into))
        .load(db)?;
    let named =
        |(id, into): (String, Option<String>)| (CustomerId::new(id), into.map(CustomerId::new));
    Ok(rows.into_iter().map(named).collect())
}

/// The profiles of up to `limit` live rows, after the profile `after`, by id.
pub fn profiles(
    db: &mut Db,
    merchant: &MerchantId,
    after: &SquareId,
    limit: i64,
) -> StoreResult<Vec<SquareId>> {
    let ids: Vec<String> = customers::table
        .filter(customers::merchant_id.eq(merchant.as_str()))
        .filter(customers::deleted_at.is_null())
        .filter(customers::square_id.assume_not_null().gt(after.as_str()))
        .select(customers::square_id.assume_not_null())
        .order(customers::square_id)
        .limit(limit)
        .load(db)?;
    Ok(ids.into_iter().map(SquareId::new).collect())
}

/// Every live row that says that both sides are the same and has no profile.
pub fn without_profile(db: &mut Db, merchant: &MerchantId) -> StoreResult<Vec<CustomerId>> {
    let synced: &'static str = SyncState::Synced.as_str();
    let loose = customers::table
        .filter(customers::merchant_id.eq(merchant.as_str()))
        .filter(customers::deleted_at.is_null())
        .filter(customers::square_id.is_null())
        .filter(customers::sync_state.eq(synced))
        .select(customers::id);
    let ids: Vec<Text> = match db {
        Db::Sqlite(connection) => loose.load(connection)?,
        Db::Postgres(connection) => loose.load(connection)?,
    };
    Ok(ids.into_iter().map(|id| CustomerId::new(id.text)).collect())
}

/// The columns of an [`Unsynced`].
type Standing = (Text, Option<String>, String, Option<String>);

/// Every live row of this seller, or of none yet, that does not say that both sides are the same.
pub fn unsynced(db: &mut Db, merchant: &MerchantId) -> StoreResult<Vec<Unsynced>> {
    let synced: &'static str = SyncState::Synced.as_str();
    let unsynced = customers::table
        .filter(customers::sync_state.ne(synced))
        .filter(
            customers::merchant_id
                .eq(merchant.as_str())
                .or(customers::merchant_id.is_null()),
        )
        .filter(customers::deleted_at.is_null())
        .select((
            customers::id,
            customers::square_id,
            customers::sync_state,
            customers::sync_error,
        ))
        .order(customers::id);
    let rows: Vec<Standing> = match db {
        Db::Sqlite(connection) => unsynced.load(connection)?,
        Db::Postgres(connection) => unsynced.load(connection)?,
    };
    let unsynced = |(id, square_id, state, error): Standing| Unsynced {
        id: CustomerId::new(id.text),
        square_id: square_id.map(SquareId::new),
        state: SyncState::parse(&state),
        error,
    };
    Ok(rows.into_iter().map(unsynced).collect())
}
