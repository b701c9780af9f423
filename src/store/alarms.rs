//! `alarms`: what was not done because it looked like somebody's mistake, kept
//! until a person looked or the reason is gone.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::store::batch;
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::schema::alarms;
use crate::store::time::{moment, stored};

/// Many customers are missing at Square, or its list of them is not whole.
pub const CENSUS: &str = "census";
/// Applications deleted many rows, and Square has not been told.
pub const DELETES: &str = "deletes";
/// Every name.
pub const ALL: [&str; 2] = [CENSUS, DELETES];

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The seller.
    pub merchant_id: MerchantId,
    /// What it is about.
    pub name: String,
    /// A sentence for a person, without any customer's data.
    pub detail: String,
    /// Since when.
    pub raised_at: Timestamp,
}

struct Row<'a> {
    merchant_id: &'a str,
    name: &'a str,
    detail: &'a str,
    raised_at: NaiveDateTime,
}

/// Raises an alarm. One that is raised already keeps its time and gets the new
/// words; where these are the same nothing is written. Gives whether it is news.
pub fn raise(
    db: &mut Db,
    merchant: &MerchantId,
    name: &str,
    detail: &str,
    now: Timestamp,
) -> StoreResult<bool> {
    let known = all(db)?
        .into_iter()
        .find(|alarm| alarm.merchant_id == *merchant && alarm.name == name);
    if known.as_ref().is_some_and(|alarm| alarm.detail == detail) {
        return Ok(false);
    }
    let rows = [Row {
        merchant_id: merchant.as_str(),
        name,
        detail,
        raised_at: stored(known.map_or(now, |alarm| alarm.raised_at)),
    }];
    batch::write(db, |to| {
        batch::upsert!(
            to,
            alarms(merchant_id, name),
            rows.as_slice(),
            Row<'_>,
            [detail, raised_at],
            indexed []
        );
        Ok(())
    })?;
    Ok(true)
}

/// Takes an alarm back. Gives whether there was one.
pub fn clear(db: &mut Db, merchant: &MerchantId, name: &str) -> StoreResult<bool> {
    let gone = diesel::delete(alarms::table.find((merchant.as_str(), name))).execute(db)?;
    Ok(0 < gone)
}

/// Whether this alarm is raised.
pub fn is_raised(db: &mut Db, merchant: &MerchantId, name: &str) -> StoreResult<bool> {
    let alarm = alarms::table.find((merchant.as_str(), name));
    Ok(diesel::select(diesel::dsl::exists(alarm)).get_result(db)?)
}

/// Every alarm, the oldest first.
pub fn all(db: &mut Db) -> StoreResult<Vec<Alarm>> {
    let rows: Vec<(String, String, String, NaiveDateTime)> = alarms::table
        .order((alarms::raised_at, alarms::name))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(merchant, name, detail, raised)| Alarm {
            merchant_id: MerchantId::new(merchant),
            name,
            detail,
            raised_at: moment(raised),
        })
        .collect())
}
