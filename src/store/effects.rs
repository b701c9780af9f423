//! What was learnt about Square, written.
//!
//! In: images, rows of `customers`, and what changed in them. Out: nothing. The
//! promise: all of it is written by one statement on PostgreSQL, however much it
//! is, and by prepared ones on SQLite.

use crate::domain::Timestamp;
use crate::domain::id::{MerchantId, SquareId};
use crate::store::batch;
use crate::store::changes::{self, Change};
use crate::store::connection::Db;
use crate::store::customers::{self, Row, garbled};
use crate::store::error::StoreResult;
use crate::store::images::{self, Held};

/// Writes images and rows, new ones and changed ones, and adds to the log.
pub fn put(
    db: &mut Db,
    merchant: &MerchantId,
    held: &[(SquareId, Held)],
    rows: &[Row],
    changes: &[Change],
    now: Timestamp,
) -> StoreResult<()> {
    let images = images::rows(merchant, held, now)?;
    let customers = customers::columns(merchant, rows);
    let changes = changes::rows(merchant, changes)?;
    batch::write(db, |to| {
        images::write(to, &images)?;
        customers::write(to, &customers)?;
        changes::write(to, &changes)
    })?;
    garbled::keep(db, rows)
}
