//! Which profiles are held for being there, and since when: what a census holds
//! against Square's list, without the profiles themselves.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::backoff;
use crate::domain::id::{MerchantId, SquareId};
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::schema::images;
use crate::store::time::{moment, stored};

/// How an image stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The profile.
    pub square_id: SquareId,
    /// Whether Square has it, as far as we were shown.
    pub is_live: bool,
    /// Whether it has ended and not gone into another: it may come back.
    pub may_return: bool,
    /// When something new was last learnt of it, by our clock.
    pub observed_at: Timestamp,
}

type Row = (
    String,
    Option<i64>,
    Option<i64>,
    Option<String>,
    NaiveDateTime,
);

/// Up to `limit` images behind `after`, in the database's order of their ids.
pub fn after(
    db: &mut Db,
    merchant: &MerchantId,
    after: &SquareId,
    limit: i64,
) -> StoreResult<Vec<Standing>> {
    let rows: Vec<Row> = images::table
        .filter(images::merchant_id.eq(merchant.as_str()))
        .filter(images::square_id.gt(after.as_str()))
        .select((
            images::square_id,
            images::version,
            images::tombstone_version,
            images::merged_into,
            images::observed_at,
        ))
        .order(images::square_id)
        .limit(limit)
        .load(db)?;
    Ok(rows.into_iter().map(standing).collect())
}

/// Of these, the profiles of which nothing new was learnt since `moment`. What
/// was learnt long after it was learnt before the clock was set back.
pub fn unobserved_since(
    db: &mut Db,
    merchant: &MerchantId,
    ids: &[SquareId],
    moment: Timestamp,
) -> StoreResult<Vec<SquareId>> {
    let ids: Vec<&str> = ids.iter().map(SquareId::as_str).collect();
    let still: Vec<String> = images::table
        .filter(images::merchant_id.eq(merchant.as_str()))
        .filter(images::square_id.eq_any(ids))
        .filter(
            images::observed_at
                .lt(stored(moment))
                .or(images::observed_at.gt(stored(moment + backoff::ENDLESS))),
        )
        .select(images::square_id)
        .load(db)?;
    Ok(still.into_iter().map(SquareId::new).collect())
}

/// Profiles that others went into, and of which nothing is known themselves.
pub fn unknown_survivors(db: &mut Db, merchant: &MerchantId) -> StoreResult<Vec<SquareId>> {
    let survivor = diesel::alias!(images as survivor);
    let is_known = survivor
        .filter(survivor.field(images::merchant_id).eq(images::merchant_id))
        .filter(
            survivor
                .field(images::square_id)
                .nullable()
                .eq(images::merged_into),
        )
        .select(survivor.field(images::square_id));
    let ids: Vec<Option<String>> = images::table
        .filter(images::merchant_id.eq(merchant.as_str()))
        .filter(images::merged_into.is_not_null())
        .filter(diesel::dsl::not(diesel::dsl::exists(is_known)))
        .select(images::merged_into)
        .distinct()
        .load(db)?;
    Ok(ids.into_iter().flatten().map(SquareId::new).collect())
}

/// The same rule as [`Image::is_live`](crate::domain::image::Image::is_live).
fn standing((square_id, version, tombstone, merged_into, observed_at): Row) -> Standing {
    let is_live = version.is_some_and(|version| tombstone.is_none_or(|end| end < version));
    Standing {
        square_id: SquareId::new(square_id),
        is_live,
        may_return: !is_live && version.is_some() && merged_into.is_none(),
        observed_at: moment(observed_at),
    }
}
