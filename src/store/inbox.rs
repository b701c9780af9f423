//! `inbox`: every event that Square signed, or listed when it was asked, byte for
//! byte, and what became of it.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::store::batch::{self, To};
use crate::store::connection::Db;
use crate::store::error::StoreResult;
use crate::store::lookup::Lookup;
use crate::store::schema::inbox;
use crate::store::time::{At, moment, stored};
use crate::store::transaction::one_at_a_time;

pub mod dead;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Its seller is not known yet.
    Waiting,
    /// It told something new.
    Applied,
    /// It told nothing new.
    Superseded,
    /// It is not about a customer of ours.
    Ignored,
    /// It could not be read or stored.
    Dead,
}

impl State {
    /// Every state, in the order in which reports list them.
    pub const ALL: [Self; 5] = [
        Self::Applied,
        Self::Superseded,
        Self::Ignored,
        Self::Waiting,
        Self::Dead,
    ];

    /// The states of events that nobody has to come back to.
    const SETTLED: [Self; 3] = [Self::Applied, Self::Superseded, Self::Ignored];

    fn parse(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .unwrap_or(Self::Dead)
    }

    /// The word in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Applied => "applied",
            Self::Superseded => "superseded",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
        }
    }
}

/// An event to keep.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The seller it names, if it could be read.
    pub merchant_id: Option<&'a MerchantId>,
    /// Square's id of it, or one made from its bytes where it cannot be read.
    pub event_id: &'a str,
    /// Its type, if it could be read.
    pub event_type: Option<&'a str>,
    /// The bytes as they came.
    pub body: &'a [u8],
    /// SHA-256 of the bytes, in hex.
    pub body_sha256: &'a str,
    /// What became of it.
    pub state: State,
    /// Why, where it is ignored or dead.
    pub reason: Option<&'a str>,
    /// Whether Square listed it, and did not send it.
    pub listed: bool,
}

/// An event that is here already.
#[derive(Clone, Debug, Queryable)]
pub struct Known {
    /// Its id.
    pub event_id: String,
    /// The hash of its bytes.
    pub body_sha256: String,
    /// Whether they are a list's.
    pub listed: bool,
}

pub(super) struct Row<'a> {
    merchant_id: Option<&'a str>,
    event_id: &'a str,
    event_type: Option<&'a str>,
    body: &'a [u8],
    body_sha256: &'a str,
    state: &'static str,
    reason: Option<&'a str>,
    received_at: At,
    listed: bool,
}

/// Of these event ids, those that are here already.
pub fn known(db: &mut Db, event_ids: &[&str]) -> StoreResult<Vec<Known>> {
    let columns = (inbox::event_id, inbox::body_sha256, inbox::listed);
    let ids = event_ids.iter().copied();
    let lookup = Lookup::new(columns, "inbox", inbox::event_id, ids);
    Ok(lookup.load_from(db)?)
}

/// Keeps events. Those that are here already, body and all, are left alone.
pub fn add(db: &mut Db, entries: &[Entry<'_>], now: Timestamp) -> StoreResult<()> {
    let rows = rows(entries, now);
    batch::write(db, |to| write(to, &rows))
}

pub(super) fn rows<'a>(entries: &[Entry<'a>], now: Timestamp) -> Vec<Row<'a>> {
    let row = |entry: &Entry<'a>| Row {
        merchant_id: entry.merchant_id.map(MerchantId::as_str),
        event_id: entry.event_id,
        event_type: entry.event_type,
        body: entry.body,
        body_sha256: entry.body_sha256,
        state: entry.state.as_str(),
        reason: entry.reason,
        received_at: At(stored(now)),
        listed: entry.listed,
    };
    entries.iter().map(row).collect()
}

pub(super) fn write<'a>(to: &mut To<'_, 'a>, rows: &'a [Row<'_>]) -> StoreResult<()> {
    batch::insert_new!(
        to,
        inbox,
        rows,
        Row<'_>,
        [
            merchant_id,
            event_id,
            event_type,
            body,
            body_sha256,
            state,
            reason,
            received_at,
            listed,
        ]
    );
    Ok(())
}

/// Up to `limit` events that wait for their seller to be known, oldest first.
pub fn waiting(db: &mut Db, limit: i64) -> StoreResult<Vec<(i64, Vec<u8>)>> {
    Ok(inbox::table
        .filter(inbox::state.eq(State::Waiting.as_str()))
        .select((inbox::seq, inbox::body))
        .order(inbox::seq)
        .limit(limit)
        .load(db)?)
}

/// Writes down what became of an event.
pub fn settle(db: &mut Db, seq: i64, state: State, reason: Option<&str>) -> StoreResult<()> {
    diesel::update(inbox::table.find(seq))
        .set((inbox::state.eq(state.as_str()), inbox::reason.eq(reason)))
        .execute(db)?;
    Ok(())
}

/// Up to `limit` events that were received before then and have had their effect.
pub fn settled_before(db: &mut Db, before: Timestamp, limit: i64) -> StoreResult<Vec<i64>> {
    Ok(inbox::table
        .filter(inbox::state.eq_any(State::SETTLED.map(State::as_str)))
        .filter(inbox::received_at.lt(stored(before)))
        .select(inbox::seq)
        .limit(limit)
        .load(db)?)
}

/// Takes up to `limit` of these events away. Gives how many.
pub fn trim(db: &mut Db, before: Timestamp, limit: i64) -> StoreResult<u64> {
    one_at_a_time(db, "trim")?;
    let due = settled_before(db, before, limit)?;
    let gone = diesel::delete(inbox::table.filter(inbox::seq.eq_any(due))).execute(db)?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}

/// When the newest event was received.
pub fn newest(db: &mut Db) -> StoreResult<Option<Timestamp>> {
    let received: Option<NaiveDateTime> = inbox::table
        .select(inbox::received_at)
        .order(inbox::seq.desc())
        .first(db)
        .optional()?;
    Ok(received.map(moment))
}

/// How many events there are in each state, counted in `inbox_by_state` alone.
pub fn counts(db: &mut Db) -> StoreResult<Vec<(State, i64)>> {
    let rows: Vec<(String, i64)> = inbox::table
        .group_by(inbox::state)
        .select((inbox::state, diesel::dsl::count_star()))
        .load(db)?;
    let count = |state: State| {
        (
            state,
            rows.iter()
                .find(|(word, _)| word == state.as_str())
                .map_or(0, |(_, n)| *n),
        )
    };
    Ok(State::ALL.map(count).to_vec())
}
