//! Entries of the ledger on their way to and from the columns.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::field::Field;
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::store::batch;
use crate::store::conflicts::{Conflict, Decider, Entry, State, Taken};
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::json::{json, parsed};
use crate::store::schema::conflicts;
use crate::store::time::{moment, stored};

pub(super) struct NewRow {
    merchant_id: String,
    customer_id: String,
    square_id: Option<String>,
    field: Option<&'static str>,
    base_value: Option<String>,
    square_value: Option<String>,
    local_value: Option<String>,
    square_at: Option<NaiveDateTime>,
    local_at: Option<NaiveDateTime>,
    rule: Option<&'static str>,
    candidates: String,
    taken: Option<&'static str>,
    state: &'static str,
    found_at: NaiveDateTime,
}

/// Adds rows to the table.
pub(super) fn insert(db: &mut Db, rows: &[NewRow]) -> StoreResult<()> {
    batch::write(db, |to| {
        batch::insert!(
            to,
            conflicts,
            rows,
            NewRow,
            [
                merchant_id,
                customer_id,
                square_id,
                field,
                base_value,
                square_value,
                local_value,
                square_at,
                local_at,
                rule,
                candidates,
                taken,
                state,
                found_at,
            ]
        );
        Ok(())
    })
}

#[derive(Queryable)]
pub(super) struct Row {
    seq: i64,
    merchant_id: String,
    customer_id: String,
    square_id: Option<String>,
    field: Option<String>,
    base_value: Option<String>,
    square_value: Option<String>,
    local_value: Option<String>,
    square_at: Option<NaiveDateTime>,
    local_at: Option<NaiveDateTime>,
    rule: Option<String>,
    candidates: String,
    taken: Option<String>,
    state: String,
    found_at: NaiveDateTime,
    resolved_at: Option<NaiveDateTime>,
}

pub(super) fn new_row(
    merchant: &MerchantId,
    conflict: &Conflict,
    now: Timestamp,
) -> StoreResult<NewRow> {
    let state = match conflict.decided {
        Some(_) => State::Decided,
        None => State::Open,
    };
    Ok(NewRow {
        merchant_id: merchant.as_str().to_owned(),
        customer_id: conflict.customer_id.as_str().to_owned(),
        square_id: conflict.square_id.as_ref().map(|id| id.as_str().to_owned()),
        field: conflict.field.map(Field::column),
        base_value: conflict.base.clone(),
        square_value: conflict.square.clone(),
        local_value: conflict.local.clone(),
        square_at: conflict.square_at.map(stored),
        local_at: conflict.local_at.map(stored),
        rule: conflict.decided.map(|(decider, _)| decider.as_str()),
        candidates: json(&conflict.candidates)?,
        taken: conflict.decided.map(|(_, taken)| taken.as_str()),
        state: state.as_str(),
        found_at: stored(now),
    })
}

pub(super) fn entry(row: Row) -> StoreResult<Entry> {
    let taken = row
        .taken
        .and_then(|word| Taken::ALL.into_iter().find(|taken| taken.as_str() == word));
    let decider = row
        .rule
        .and_then(|word| Decider::ALL.into_iter().find(|rule| rule.as_str() == word));
    let state = State::ALL
        .into_iter()
        .find(|state| state.as_str() == row.state);
    let conflict = Conflict {
        customer_id: CustomerId::new(row.customer_id),
        square_id: row.square_id.map(SquareId::new),
        field: row.field.as_deref().and_then(Field::of_column),
        base: row.base_value,
        square: row.square_value,
        local: row.local_value,
        square_at: row.square_at.map(moment),
        local_at: row.local_at.map(moment),
        decided: decider.zip(taken),
        candidates: parsed(&row.candidates)?,
    };
    Ok(Entry {
        seq: row.seq,
        merchant_id: MerchantId::new(row.merchant_id),
        conflict,
        taken,
        state: state.unwrap_or(State::Open),
        found_at: moment(row.found_at),
        resolved_at: row.resolved_at.map(moment),
    })
}
