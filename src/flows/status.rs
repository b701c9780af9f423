//! How things stand: what is synced, owed, failed and dead, and how far each
//! pass has come.
//!
//! In: the database, read in one transaction, and the time. Out: a [`Status`],
//! as text for people and as JSON for programs. The promise: all numbers are of
//! one moment, and nothing is written.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::Timestamp;
use crate::store::customers::SyncState;
use crate::store::{Db, Store, StoreResult};
use crate::store::{
    alarms, conflicts, customers, edits, inbox, lease, marks, outbox, sellers, windows,
};

mod text;

/// How things stand.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The moment of which this tells.
    pub at: Timestamp,
    /// Each seller; none before the first contact with Square.
    pub sellers: Vec<Seller>,
    /// Rows of `customers`.
    pub customers: Customers,
    /// Events.
    pub inbox: Inbox,
    /// What both sides changed differently.
    pub conflicts: Conflicts,
    /// Calls that Square has to take.
    pub outbox: Outbox,
    /// What applications did that no flow has noticed yet.
    pub local_edits: i64,
    /// Who does what now.
    pub leases: Vec<Lease>,
    /// What a person should look at, the oldest first.
    pub alarms: Vec<Alarm>,
}

/// A seller, and how far the passes over its directory have come.
#[derive(Clone, Debug, Serialize)]
pub struct Seller {
    /// Square's id.
    pub merchant_id: String,
    /// `sandbox` or `production`.
    pub environment: String,
    /// Set while Square refuses the token.
    pub refusal: Option<Refusal>,
    /// How far each pass has come, in Square's time.
    pub marks: BTreeMap<String, Timestamp>,
    /// Set while a backfill is under way.
    pub backfill: Option<Backfill>,
}

/// That Square refuses the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Square's code.
    pub code: String,
    /// Since when.
    pub since: Timestamp,
}

/// A backfill that is under way.
#[derive(Clone, Debug, Serialize)]
pub struct Backfill {
    /// When it began.
    pub began: Option<Timestamp>,
    /// How many windows are still to be read.
    pub windows_left: i64,
}

/// Rows of `customers`.
#[derive(Clone, Debug, Serialize)]
pub struct Customers {
    /// Those that are at Square or on their way there, by `sync_state`.
    #[serde(flatten)]
    pub states: BTreeMap<&'static str, i64>,
    /// Those that are gone at Square.
    pub deleted: i64,
    /// Those, of the above, that name a seller this database does not know.
    pub of_unknown_sellers: i64,
}

/// Events.
#[derive(Clone, Debug, Serialize)]
pub struct Inbox {
    /// By what became of them.
    #[serde(flatten)]
    pub states: BTreeMap<&'static str, i64>,
    /// When the newest one was received.
    pub newest: Option<Timestamp>,
}

/// What both sides changed differently.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Conflicts {
    /// How many wait for a person.
    pub open: i64,
}

/// Calls that Square has to take.
#[derive(Clone, Debug, Serialize)]
pub struct Outbox {
    /// How many wait.
    pub waiting: i64,
    /// Since when the oldest one does.
    pub oldest: Option<Timestamp>,
}

/// Work that somebody does now.
#[derive(Clone, Debug, Serialize)]
pub struct Lease {
    /// The seller.
    pub merchant_id: String,
    /// The work.
    pub name: String,
    /// Who does it.
    pub holder: String,
    /// When others may take it over, unless it is kept.
    pub until: Timestamp,
}

/// What was not done, because it looked like somebody's mistake.
#[derive(Clone, Debug, Serialize)]
pub struct Alarm {
    /// The seller.
    pub merchant_id: String,
    /// What it is about.
    pub name: String,
    /// What happened, and what to do.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
}

impl Status {
    /// Looks at everything; `at` is now.
    pub async fn read(store: &Store, at: Timestamp) -> StoreResult<Self> {
        store.read(move |db| look(db, at)).await
    }
}

fn look(db: &mut Db, at: Timestamp) -> StoreResult<Status> {
    let counts = customers::count::all(db)?;
    let customers = Customers {
        states: SyncState::ALL
            .map(|state| (state.as_str(), counts.of(state)))
            .into(),
        deleted: counts.gone,
        of_unknown_sellers: counts.strangers,
    };
    let inbox = Inbox {
        states: inbox::counts(db)?
            .into_iter()
            .map(|(state, count)| (state.as_str(), count))
            .collect(),
        newest: inbox::newest(db)?,
    };
    let (waiting, oldest) = outbox::backlog(db)?;
    Ok(Status {
        at,
        sellers: every_seller(db)?,
        customers,
        inbox,
        conflicts: Conflicts {
            open: conflicts::count_waiting(db)?,
        },
        outbox: Outbox { waiting, oldest },
        local_edits: edits::count(db)?,
        leases: lease::held(db)?.into_iter().map(held).collect(),
        alarms: alarms::all(db)?.into_iter().map(alarm).collect(),
    })
}

fn every_seller(db: &mut Db) -> StoreResult<Vec<Seller>> {
    let mut all = Vec::new();
    for seller in sellers::all(db)? {
        let mut marks: BTreeMap<_, _> = marks::all(db, &seller.merchant_id)?.into_iter().collect();
        // Not how far a pass has come, but when one set out.
        let began = marks.remove(marks::BACKFILL_BEGAN);
        let windows_left = windows::count(db, &seller.merchant_id)?;
        all.push(Seller {
            merchant_id: seller.merchant_id.as_str().to_owned(),
            environment: seller.environment,
            refusal: seller.refusal.map(|(code, since)| Refusal { code, since }),
            marks,
            backfill: (began.is_some() || 0 < windows_left).then_some(Backfill {
                began,
                windows_left,
            }),
        });
    }
    Ok(all)
}

fn held(holding: lease::Holding) -> Lease {
    Lease {
        merchant_id: holding.merchant_id.as_str().to_owned(),
        name: holding.name,
        holder: holding.holder,
        until: holding.until,
    }
}

fn alarm(alarm: alarms::Alarm) -> Alarm {
    Alarm {
        merchant_id: alarm.merchant_id.as_str().to_owned(),
        name: alarm.name,
        detail: alarm.detail,
        since: alarm.raised_at,
    }
}
