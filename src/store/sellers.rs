//! `sellers`: whose directories are kept here.

use chrono::NaiveDateTime;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, Nullable, Text};

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::store::connection::Db;
use crate::store::customers::SyncState;
use crate::store::error::StoreResult;
use crate::store::lookup::Lookup;
use crate::store::schema::{customers, local_edits, sellers};
use crate::store::time::{moment, stored};
use crate::store::transaction::wait;

/// A seller as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    /// Square's id of the seller.
    pub merchant_id: MerchantId,
    /// `sandbox` or `production`.
    pub environment: String,
    /// Why Square refuses our token and since when; none while it does not.
    pub refusal: Option<(String, Timestamp)>,
}

/// The columns of a seller.
type Columns = (String, String, Option<String>, Option<NaiveDateTime>);

/// Every seller of this database.
pub fn all(db: &mut Db) -> StoreResult<Vec<Seller>> {
    let all = sellers::table
        .select((
            sellers::merchant_id,
            sellers::environment,
            sellers::refusal,
            sellers::refused_at,
        ))
        .order(sellers::merchant_id);
    let rows: Vec<Columns> = all.load(db)?;
    Ok(rows.into_iter().map(seller).collect())
}

fn seller((merchant_id, environment, refusal, refused_at): Columns) -> Seller {
    let refusal = refusal.zip(refused_at.map(moment));
    Seller {
        merchant_id: MerchantId::new(merchant_id),
        environment,
        refusal,
    }
}

/// Whether any seller is known.
pub fn any(db: &mut Db) -> StoreResult<bool> {
    let known = sellers::table.select(sellers::merchant_id);
    Ok(diesel::select(diesel::dsl::exists(known)).get_result(db)?)
}

/// Of these, the sellers of this database; none where it has no seller at all yet.
/// Other transactions are kept from their images until this one ends.
pub fn lock(db: &mut Db, wanted: &[&MerchantId]) -> StoreResult<Option<Vec<MerchantId>>> {
    let wanted: Vec<&str> = wanted.iter().map(|id| id.as_str()).collect();
    let known: Option<Vec<String>> = match db {
        Db::Sqlite(connection) => {
            let id = sellers::merchant_id;
            let known = Lookup::new(id, "sellers", id, wanted).load(connection)?;
            (!known.is_empty() || any(db)?).then_some(known)
        }
        Db::Postgres(connection) => {
            let rows: Vec<(Option<String>, String)> = Waited(&wanted).load(connection)?;
            rows.into_iter().map(|(id, _)| id).collect()
        }
    };
    Ok(known.map(|known| known.into_iter().map(MerchantId::new).collect()))
}

/// The ids of sellers that were waited for one after the other, always in the
/// same order: two that wait for each other's would wait for ever. Or nobody's id,
/// where nobody is known: in the same statement, since one may become known after it.
struct Waited<'a>(&'a [&'a str]);
struct WaitedId;

impl QueryId for Waited<'_> {
    type QueryId = WaitedId;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Waited<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT merchant_id, ");
        wait(&mut out, |out| {
            out.push_sql("merchant_id");
            Ok(())
        })?;
        out.push_sql("::text FROM (SELECT merchant_id FROM sellers WHERE merchant_id = ANY (");
        out.push_bind_param::<Array<Text>, _>(&self.0)?;
        out.push_sql(
            ") ORDER BY merchant_id) AS known \
             UNION ALL SELECT NULL, '' WHERE NOT EXISTS (SELECT FROM sellers)",
        );
        Ok(())
    }
}

impl Query for Waited<'_> {
    type SqlType = (Nullable<Text>, Text);
}

impl RunQueryDsl<PgConnection> for Waited<'_> {}

/// Records a seller that is not known yet, and gives it the rows that
/// applications inserted before it was.
pub fn record(
    db: &mut Db,
    merchant: &MerchantId,
    environment: &str,
    now: Timestamp,
) -> StoreResult<()> {
    diesel::insert_into(sellers::table)
        .values((
            sellers::merchant_id.eq(merchant.as_str()),
            sellers::environment.eq(environment),
            sellers::created_at.eq(stored(now)),
        ))
        .execute(db)?;
    if let Db::Postgres(connection) = db {
        // Applications that cannot see the seller yet may be inserting rows: those must be there first.
        diesel::sql_query("LOCK TABLE customers IN SHARE ROW EXCLUSIVE MODE")
            .execute(connection)?;
    }
    // In whatever state: with one, an index leads to them.
    let of_nobody = customers::table
        .filter(customers::sync_state.eq_any(SyncState::ALL.map(SyncState::as_str)))
        .filter(customers::merchant_id.is_null());
    diesel::update(of_nobody)
        .set(customers::merchant_id.eq(merchant.as_str()))
        .execute(db)?;
    diesel::update(local_edits::table.filter(local_edits::merchant_id.is_null()))
        .set(local_edits::merchant_id.eq(merchant.as_str()))
        .execute(db)?;
    Ok(())
}

/// Writes down that Square refuses the seller's token, or that it no longer does.
pub fn set_refusal(
    db: &mut Db,
    merchant: &MerchantId,
    refusal: Option<&str>,
    now: Timestamp,
) -> StoreResult<()> {
    diesel::update(sellers::table.find(merchant.as_str()))
        .set((
            sellers::refusal.eq(refusal),
            sellers::refused_at.eq(refusal.map(|_| stored(now))),
        ))
        .execute(db)?;
    Ok(())
}

/// A write without effect.
pub(crate) fn touch(db: &mut Db) -> StoreResult<()> {
    // Our guard has written already on SQLite. PostgreSQL flushes nothing for a transaction without a change.
    if let Db::Postgres(connection) = db {
        diesel::sql_query("SELECT pg_logical_emit_message(true, 'squaresync', 'probe')")
            .execute(connection)?;
    }
    Ok(())
}
