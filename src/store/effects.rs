//! What was learnt about Square, written.
//!
//! In: images, rows of `customers`, what changed in them, and the events that told
//! it. Out: nothing. The promise: all of it is written by one statement on
//! PostgreSQL, however much it is, and by prepared ones on SQLite.

use crate::domain::Timestamp;
use crate::domain::id::{MerchantId, SquareId};
use crate::store::batch;
use crate::store::changes::{self, Change};
use crate::store::connection::Db;
use crate::store::customers::{self, Row, garbled};
use crate::store::error::StoreResult;
use crate::store::images::{self, Held};
use crate::store::inbox::{self, Entry};

/// Writes images and rows, new ones and changed ones, adds to the log, and keeps events.
pub fn put(
    db: &mut Db,
    merchant: &MerchantId,
    held: &[(SquareId, Held)],
    rows: &[Row],
    changes: &[Change],
    events: &[Entry<'_>],
    now: Timestamp,
) -> StoreResult<()> {
    let images = images::rows(merchant, held, now)?;
    let customers = customers::columns(merchant, rows);
    let changes = changes::rows(merchant, changes)?;
    let events = inbox::rows(events, now);
    batch::write(db, |to| {
        images::write(to, &images)?;
        customers::write(to, &customers)?;
        changes::write(to, &changes)?;
        inbox::write(to, &events)
    })?;
    garbled::keep(db, rows)
}
