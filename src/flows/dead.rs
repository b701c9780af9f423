//! Webhooks that could not be read or stored, for a person to look at, try
//! again and drop.
//!
//! In: the number of an event, or all of them. Out: what is kept of it, or what
//! became of it, as text for people and as JSON for programs. The promise: only
//! [`show`] gives what an event carries; a retry has its effect in one
//! transaction for each event, so one that is still dead delays no other; a
//! crash leaves those that were not reached as they were.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::domain::Timestamp;
use crate::domain::printable;
use crate::flows::receive::{Receive, Retried};
use crate::store::customers::{self, SyncState};
use crate::store::inbox::{self, State, dead};
use crate::store::{Db, Store, StoreError, StoreResult};

mod text;

/// Said of an event that a person dropped.
const DROPPED: &str = "dropped by a person";

/// Which dead events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one of this number.
    One(i64),
    /// All of them.
    All,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum DeadError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No event has the number.
    #[error("there is no event {0}; `squaresync dead list` shows the numbers of dead ones")]
    Unknown(i64),
    /// It is not dead any more, or never was.
    #[error("event {0} is not dead: it is {word}; nothing was changed", word = .1.as_str())]
    NotDead(i64, State),
}

/// An event, without what it carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// What a person calls it by.
    pub number: i64,
    /// When it was received.
    pub received: Timestamp,
    /// Square's id of it, or one made from its bytes.
    pub event_id: String,
    /// Its type, if that could be read.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The seller it names, if that could be read.
    pub merchant_id: Option<String>,
    /// What became of it.
    pub state: &'static str,
    /// Why.
    pub reason: Option<String>,
}

/// Every dead event.
#[derive(Clone, Debug, Serialize)]
pub struct List {
    /// Oldest first.
    pub events: Vec<Event>,
    /// Rows that Square refused, which are told of elsewhere.
    pub failed_rows: i64,
}

/// A dead event with what it carries.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// Its bytes in one line that is safe to show.
    pub body: String,
    /// Its bytes as they came.
    pub body_base64: String,
}

/// What became of events that were tried again.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tried {
    /// Each of them.
    pub events: Vec<Event>,
    /// How many of them are still dead.
    pub still_dead: usize,
}

/// What was dropped.
#[derive(Clone, Debug, Serialize)]
pub struct Dropped {
    /// The numbers of the events.
    pub dropped: Vec<i64>,
}

/// Lists dead events.
pub async fn list(store: &Store) -> StoreResult<List> {
    store
        .read(|db| {
            let events = dead::list(db)?.into_iter().map(event).collect();
            Ok(List {
                events,
                failed_rows: customers::count::all(db)?.of(SyncState::Failed),
            })
        })
        .await
}

/// Shows one dead event, and what it carries.
pub async fn show(store: &Store, number: i64) -> Result<Shown, DeadError> {
    let found = store.read(move |db| dead::load(db, number)).await?;
    let (kept, body) = found.ok_or(DeadError::Unknown(number))?;
    if kept.state != State::Dead {
        return Err(DeadError::NotDead(number, kept.state));
    }
    Ok(Shown {
        event: event(kept),
        body: printable::bytes(&body),
        body_base64: STANDARD.encode(&body),
    })
}

/// Takes dead events through the door again, one after the other.
pub async fn retry(
    store: &Store,
    receive: &Receive,
    which: Which,
    now: Timestamp,
) -> Result<Tried, DeadError> {
    let numbers = match which {
        Which::One(number) => vec![number],
        Which::All => numbers(store.read(dead::list).await?),
    };
    let mut tried = Tried::default();
    for number in numbers {
        match (receive.retry(number, now).await?, which) {
            (Retried::Now(kept), _) => {
                tried.still_dead += usize::from(kept.state == State::Dead);
                tried.events.push(event(kept));
            }
            // Somebody else was faster.
            (_, Which::All) => {}
            (Retried::Unknown, Which::One(_)) => return Err(DeadError::Unknown(number)),
            (Retried::NotDead(state), Which::One(_)) => {
                return Err(DeadError::NotDead(number, state));
            }
        }
    }
    Ok(tried)
}

/// Drops dead events: their bytes stay, and nobody is told of them any more.
pub async fn drop_dead(store: &Store, which: Which) -> Result<Dropped, DeadError> {
    store.write(move |db| drop_in(db, which)).await?
}

fn drop_in(db: &mut Db, which: Which) -> StoreResult<Result<Dropped, DeadError>> {
    dead::lock(db)?;
    let dropped = match which {
        Which::All => numbers(dead::list(db)?),
        Which::One(number) => match dead::load(db, number)? {
            None => return Ok(Err(DeadError::Unknown(number))),
            Some((kept, _)) if kept.state != State::Dead => {
                return Ok(Err(DeadError::NotDead(number, kept.state)));
            }
            Some(_) => vec![number],
        },
    };
    for number in &dropped {
        inbox::settle(db, *number, State::Ignored, Some(DROPPED))?;
    }
    Ok(Ok(Dropped { dropped }))
}

fn numbers(all: Vec<dead::Kept>) -> Vec<i64> {
    all.into_iter().map(|kept| kept.seq).collect()
}

fn event(kept: dead::Kept) -> Event {
    Event {
        number: kept.seq,
        received: kept.received,
        event_id: kept.event_id,
        kind: kept.event_type,
        merchant_id: kept.merchant_id.map(|id| id.as_str().to_owned()),
        state: kept.state.as_str(),
        reason: kept.reason,
    }
}
