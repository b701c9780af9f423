//! `backfill_windows`: the stretches of a backfill that are still to be read.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::domain::window::Window;
use crate::store::batch;
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::schema::backfill_windows;
use crate::store::time::{moment, stored};

struct Row<'a> {
    merchant_id: &'a str,
    start_at: NaiveDateTime,
    end_at: NaiveDateTime,
}

/// The windows that are still to be read, the earliest first.
pub fn all(db: &mut Db, merchant: &MerchantId) -> StoreResult<Vec<Window>> {
    let rows: Vec<(NaiveDateTime, NaiveDateTime)> = backfill_windows::table
        .filter(backfill_windows::merchant_id.eq(merchant.as_str()))
        .select((backfill_windows::start_at, backfill_windows::end_at))
        .order(backfill_windows::start_at)
        .load(db)?;
    let window = |(start, end)| Window {
        start: moment(start),
        end: moment(end),
    };
    Ok(rows.into_iter().map(window).collect())
}

/// How many windows are still to be read.
pub fn count(db: &mut Db, merchant: &MerchantId) -> StoreResult<i64> {
    Ok(backfill_windows::table
        .filter(backfill_windows::merchant_id.eq(merchant.as_str()))
        .count()
        .get_result(db)?)
}

/// Adds windows to be read; one that starts where another does takes its place.
pub fn add(db: &mut Db, merchant: &MerchantId, windows: &[Window]) -> StoreResult<()> {
    let rows: Vec<Row<'_>> = windows
        .iter()
        .map(|window| Row {
            merchant_id: merchant.as_str(),
            start_at: stored(window.start),
            end_at: stored(window.end),
        })
        .collect();
    batch::write(db, |to| {
        batch::upsert!(
            to,
            backfill_windows(merchant_id, start_at),
            rows.as_slice(),
            Row<'_>,
            [end_at],
            indexed []
        );
        Ok(())
    })
}

/// Takes windows away, by their starts: they have been read.
pub fn done(db: &mut Db, merchant: &MerchantId, starts: &[Timestamp]) -> StoreResult<()> {
    for start in starts {
        diesel::delete(backfill_windows::table.find((merchant.as_str(), stored(*start))))
            .execute(db)?;
    }
    Ok(())
}

/// Takes all windows away.
pub fn clear(db: &mut Db, merchant: &MerchantId) -> StoreResult<()> {
    let all = backfill_windows::table.filter(backfill_windows::merchant_id.eq(merchant.as_str()));
    diesel::delete(all).execute(db)?;
    Ok(())
}
