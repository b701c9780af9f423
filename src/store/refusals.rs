//! `refused_creates`: how often Square refused to make a row's profile. What is
//! tried after a refusal is another call, and must not carry the old one's key.

use diesel::prelude::*;

use crate::domain::id::{CustomerId, MerchantId};
use crate::store::batch;
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::schema::refused_creates;

struct Row<'a> {
    customer_id: &'a str,
    merchant_id: &'a str,
    times: i32,
}

/// How often each of these rows was refused, where it was.
pub fn of(db: &mut Db, ids: &[CustomerId]) -> StoreResult<Vec<(CustomerId, i32)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    let rows: Vec<(String, i32)> = refused_creates::table
        .filter(refused_creates::customer_id.eq_any(ids))
        .select((refused_creates::customer_id, refused_creates::times))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, times)| (CustomerId::new(id), times))
        .collect())
}

/// Counts one more refusal of each of these rows.
pub fn count(db: &mut Db, merchant: &MerchantId, ids: &[CustomerId]) -> StoreResult<()> {
    let known = of(db, ids)?;
    let times = |id| {
        let mut known = known.iter();
        known
            .find(|(row, _)| row == id)
            .map_or(0, |(_, times)| *times)
    };
    let rows: Vec<Row<'_>> = ids
        .iter()
        .map(|id| Row {
            customer_id: id.as_str(),
            merchant_id: merchant.as_str(),
            times: times(id) + 1,
        })
        .collect();
    batch::write(db, |to| {
        batch::upsert!(
            to,
            refused_creates(customer_id; merchant_id),
            rows.as_slice(),
            Row<'_>,
            [times],
            indexed []
        );
        Ok(())
    })
}

/// Forgets the refusals of rows that have a profile, or are gone.
pub fn forget(db: &mut Db, ids: &[CustomerId]) -> StoreResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    diesel::delete(refused_creates::table.filter(refused_creates::customer_id.eq_any(ids)))
        .execute(db)?;
    Ok(())
}
