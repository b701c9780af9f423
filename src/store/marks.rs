//! `marks`: how far each pass over the directory has come, in Square's time.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::store::batch;
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::schema::marks;
use crate::store::time::{moment, stored};

/// Everything updated before it has been read.
pub const UPDATED: &str = "updated";
/// When the last census began that ended.
pub const CENSUS: &str = "census";
/// All events before it were asked for.
pub const EVENTS: &str = "events";
/// When the backfill that is under way began.
pub const BACKFILL_BEGAN: &str = "backfill_began";

struct Row<'a> {
    merchant_id: &'a str,
    name: &'a str,
    reached_at: NaiveDateTime,
}

/// The mark of that name, if one was set.
pub fn get(db: &mut Db, merchant: &MerchantId, name: &str) -> StoreResult<Option<Timestamp>> {
    let reached: Option<NaiveDateTime> = marks::table
        .find((merchant.as_str(), name))
        .select(marks::reached_at)
        .first(db)
        .optional()?;
    Ok(reached.map(moment))
}

/// Every mark of the seller, by name.
pub fn all(db: &mut Db, merchant: &MerchantId) -> StoreResult<Vec<(String, Timestamp)>> {
    let rows: Vec<(String, NaiveDateTime)> = marks::table
        .filter(marks::merchant_id.eq(merchant.as_str()))
        .select((marks::name, marks::reached_at))
        .order(marks::name)
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(name, reached)| (name, moment(reached)))
        .collect())
}

/// Sets the mark of that name.
pub fn set(db: &mut Db, merchant: &MerchantId, name: &str, reached: Timestamp) -> StoreResult<()> {
    let rows = [Row {
        merchant_id: merchant.as_str(),
        name,
        reached_at: stored(reached),
    }];
    batch::write(db, |to| {
        batch::upsert!(
            to,
            marks(merchant_id, name),
            rows.as_slice(),
            Row<'_>,
            [reached_at],
            indexed []
        );
        Ok(())
    })
}

/// Takes the mark of that name away.
pub fn clear(db: &mut Db, merchant: &MerchantId, name: &str) -> StoreResult<()> {
    diesel::delete(marks::table.find((merchant.as_str(), name))).execute(db)?;
    Ok(())
}
