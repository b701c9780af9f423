//! What a person decides about rows by command: a value in, written as an
//! application would write it; or a row that waited, given back to the pusher.
//! Nothing is looked up here, and a crash leaves the caller's transaction.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use crate::domain::field::Field;
use crate::domain::id::CustomerId;
use crate::store::connection::Db;
use crate::store::customers::SyncState;
use crate::store::error::StoreResult;
use crate::store::schema::customers;
use crate::store::transaction::guarded;

/// Of these rows, those that wait for a person and are not gone.
pub fn in_conflict(db: &mut Db, ids: &[CustomerId]) -> StoreResult<HashSet<CustomerId>> {
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    let found: Vec<String> = customers::table
        .filter(customers::id.eq_any(ids))
        .filter(customers::sync_state.eq(SyncState::Conflict.as_str()))
        .filter(customers::deleted_at.is_null())
        .select(customers::id)
        .load(db)?;
    Ok(found.into_iter().map(CustomerId::new).collect())
}

/// Writes one column, for a transaction that is taken for an application's.
pub fn write(db: &mut Db, id: &CustomerId, field: Field, value: Option<&str>) -> StoreResult<()> {
    let statement = format!("UPDATE customers SET {} = $1 WHERE id = $2", field.column());
    diesel::sql_query(statement)
        .bind::<Nullable<Text>, _>(value)
        .bind::<Text, _>(id.as_str())
        .execute(db)?;
    Ok(())
}

/// Makes a row pending that waited for a person. In a transaction that is taken
/// for an application's, it is the last write to `customers`.
pub fn set_pending(db: &mut Db, id: &CustomerId) -> StoreResult<()> {
    guarded(db, |db| {
        diesel::update(customers::table)
            .filter(customers::id.eq(id.as_str()))
            .set((
                customers::sync_state.eq(SyncState::Pending.as_str()),
                customers::sync_error.eq(None::<String>),
            ))
            .execute(db)?;
        Ok(())
    })
}
