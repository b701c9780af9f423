//! `images`: what Square showed of each profile, and what both sides last
//! agreed on. A row here is never taken away: versions and ends once seen are
//! not forgotten.

pub mod standing;

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::field::Fields;
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::domain::image::{Image, Tombstone};
use crate::domain::observation::Cause;
use crate::store::batch::{self, To};
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::json::{json, parsed};
use crate::store::lookup::Lookup;
use crate::store::schema::images;
use crate::store::time::{At, stored};

/// An image and how it stands with its row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// What Square showed.
    pub image: Image,
    /// The row of `customers`; none while there is none.
    pub customer_id: Option<CustomerId>,
    /// What both sides last agreed on; none while that is the image's profile itself.
    pub base: Option<Fields>,
    /// Whether the row does not have all of this yet.
    pub unmerged: bool,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = images)]
pub(super) struct Row {
    merchant_id: String,
    square_id: String,
    customer_id: Option<String>,
    version: Option<i64>,
    profile: String,
    apart: String,
    tombstone_version: Option<i64>,
    tombstone_cause: Option<String>,
    merged_into: Option<String>,
    base: Option<String>,
    unmerged: bool,
    observed_at: At,
    reference: Option<String>,
}

/// Keeps other transactions from this seller's images until this one ends.
pub fn lock(db: &mut Db, merchant: &MerchantId) -> StoreResult<()> {
    crate::store::transaction::one_at_a_time(db, merchant.as_str())
}

/// The images of these profiles, where there are any.
pub fn load(
    db: &mut Db,
    merchant: &MerchantId,
    ids: &[SquareId],
) -> StoreResult<Vec<(SquareId, Held)>> {
    let ids = ids.iter().map(SquareId::as_str);
    let lookup = Lookup::new(images::all_columns, "images", images::square_id, ids);
    let rows: Vec<Row> = lookup
        .within(images::merchant_id, merchant.as_str())
        .load_from(db)?;
    rows.into_iter().map(held).collect()
}

/// Up to `limit` profiles of which anything was ever shown, after `after`, by id.
pub fn known(
    db: &mut Db,
    merchant: &MerchantId,
    after: &SquareId,
    limit: i64,
) -> StoreResult<Vec<SquareId>> {
    let ids: Vec<String> = images::table
        .filter(images::merchant_id.eq(merchant.as_str()))
        .filter(images::square_id.gt(after.as_str()))
        .select(images::square_id)
        .order(images::square_id)
        .limit(limit)
        .load(db)?;
    Ok(ids.into_iter().map(SquareId::new).collect())
}

/// The images of profiles that went into one of these.
pub fn merged_into(
    db: &mut Db,
    merchant: &MerchantId,
    ids: &[SquareId],
) -> StoreResult<Vec<(SquareId, Held)>> {
    let ids = ids.iter().map(SquareId::as_str);
    let lookup = Lookup::new(images::all_columns, "images", images::merged_into, ids);
    let rows: Vec<Row> = lookup
        .within(images::merchant_id, merchant.as_str())
        .load_from(db)?;
    rows.into_iter().map(held).collect()
}

/// The images that belong to these rows. The seller is looked at here and not in
/// the query: SQLite would rather read all of a seller's images than look up two rows.
pub fn of_customers(
    db: &mut Db,
    merchant: &MerchantId,
    ids: &[CustomerId],
) -> StoreResult<Vec<(SquareId, Held)>> {
    let ids = ids.iter().map(CustomerId::as_str);
    let lookup = Lookup::new(images::all_columns, "images", images::customer_id, ids);
    let rows: Vec<Row> = lookup.load_from(db)?;
    rows.into_iter()
        .filter(|row| row.merchant_id == merchant.as_str())
        .map(held)
        .collect()
}

/// The images of profiles with one of these references, whose case does not matter.
pub fn with_reference(
    db: &mut Db,
    merchant: &MerchantId,
    references: &[&str],
) -> StoreResult<Vec<(SquareId, Held)>> {
    let references: Vec<String> = references.iter().map(|text| text.to_lowercase()).collect();
    let rows: Vec<Row> = images::table
        .filter(images::merchant_id.eq(merchant.as_str()))
        .filter(images::reference.eq_any(references))
        .load(db)?;
    rows.into_iter().map(held).collect()
}

/// Whether there is any profile whose row does not have all that was shown.
pub fn any_unmerged(db: &mut Db, merchant: &MerchantId) -> StoreResult<bool> {
    let unmerged = images::table
        .filter(images::merchant_id.eq(merchant.as_str()))
        .filter(images::unmerged);
    Ok(diesel::select(diesel::dsl::exists(unmerged)).get_result(db)?)
}

/// Up to `limit` profiles whose rows do not have all that was shown. Any of them:
/// were they always the same, as many that cannot come along would starve the rest.
pub fn unmerged(db: &mut Db, merchant: &MerchantId, limit: i64) -> StoreResult<Vec<SquareId>> {
    let ids: Vec<String> = images::table
        .filter(images::merchant_id.eq(merchant.as_str()))
        .filter(images::unmerged)
        .select(images::square_id)
        .order(diesel::dsl::sql::<diesel::sql_types::Double>("random()"))
        .limit(limit)
        .load(db)?;
    Ok(ids.into_iter().map(SquareId::new).collect())
}

/// Images as their table has them.
pub(super) fn rows(
    merchant: &MerchantId,
    held: &[(SquareId, Held)],
    now: Timestamp,
) -> StoreResult<Vec<Row>> {
    let rows = held.iter();
    rows.map(|(id, held)| row(merchant, id, held, now))
        .collect()
}

/// Writes such rows, new ones and changed ones.
pub(super) fn write<'a>(to: &mut To<'_, 'a>, rows: &'a [Row]) -> StoreResult<()> {
    batch::upsert!(
        to,
        images(merchant_id, square_id),
        rows,
        Row,
        [
            version,
            profile,
            apart,
            tombstone_version,
            tombstone_cause,
            base,
            observed_at,
        ],
        indexed [customer_id, merged_into, unmerged, reference]
    );
    Ok(())
}

fn row(merchant: &MerchantId, id: &SquareId, held: &Held, now: Timestamp) -> StoreResult<Row> {
    let image = &held.image;
    Ok(Row {
        merchant_id: merchant.as_str().to_owned(),
        square_id: id.as_str().to_owned(),
        customer_id: held.customer_id.as_ref().map(|id| id.as_str().to_owned()),
        version: image.version,
        profile: json(&image.profile)?,
        apart: json(&image.apart)?,
        tombstone_version: image.tombstone.map(|tombstone| tombstone.version),
        tombstone_cause: image
            .tombstone
            .map(|tombstone| word(tombstone.cause).to_owned()),
        merged_into: image.merged_into.as_ref().map(|id| id.as_str().to_owned()),
        base: held.base.as_ref().map(json).transpose()?,
        unmerged: held.unmerged,
        observed_at: At(stored(now)),
        reference: image.profile.text("reference_id").map(str::to_lowercase),
    })
}

fn held(row: Row) -> StoreResult<(SquareId, Held)> {
    let tombstone = row
        .tombstone_version
        .zip(row.tombstone_cause.as_deref().and_then(cause));
    let apart: BTreeMap<String, i64> = parsed(&row.apart)?;
    let image = Image {
        version: row.version,
        profile: parsed(&row.profile)?,
        apart,
        tombstone: tombstone.map(|(version, cause)| Tombstone { version, cause }),
        merged_into: row.merged_into.map(SquareId::new),
    };
    let held = Held {
        image,
        customer_id: row.customer_id.map(CustomerId::new),
        base: row.base.as_deref().map(parsed).transpose()?,
        unmerged: row.unmerged,
    };
    Ok((SquareId::new(row.square_id), held))
}

/// The words of `tombstone_cause`.
const CAUSES: [(Cause, &str); 4] = [
    (Cause::Event, "event"),
    (Cause::Merge, "merge"),
    (Cause::NotFound, "not_found"),
    (Cause::Local, "local"),
];

fn word(cause: Cause) -> &'static str {
    CAUSES
        .iter()
        .find(|(known, _)| *known == cause)
        .map_or("event", |(_, word)| word)
}

fn cause(word: &str) -> Option<Cause> {
    CAUSES
        .iter()
        .find(|(_, known)| *known == word)
        .map(|(cause, _)| *cause)
}
