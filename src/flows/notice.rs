//! What applications did to `customers`, taken from the triggers' queue into
//! the log of changes, in the order in which they did it.

use serde_json::{Value, json};

use crate::domain::field::Field;
use crate::domain::id::{CustomerId, MerchantId};
use crate::store::changes::{self, Change, Source};
use crate::store::edits::{self, Edit, Operation};
use crate::store::{Db, StoreResult};

/// What was taken over.
pub(crate) struct Noticed {
    /// Whether there was anything.
    pub(crate) any: bool,
    /// Rows that were deleted.
    pub(crate) deleted: Vec<CustomerId>,
}

/// Takes up to `limit` edits over, oldest first.
pub(crate) fn take(db: &mut Db, merchant: &MerchantId, limit: i64) -> StoreResult<Noticed> {
    let edits = edits::take(db, merchant, limit)?;
    log(db, merchant, &edits)?;
    let any = !edits.is_empty();
    let deleted = edits
        .into_iter()
        .filter(|edit| edit.operation == Operation::Delete)
        .map(|edit| edit.customer_id)
        .collect();
    Ok(Noticed { any, deleted })
}

/// Takes the edits of these rows over, which are there.
pub(crate) fn take_of(db: &mut Db, merchant: &MerchantId, ids: &[CustomerId]) -> StoreResult<()> {
    let edits = edits::take_of(db, ids)?;
    log(db, merchant, &edits)
}

/// Writes edits down as changes, one for each row and moment.
fn log(db: &mut Db, merchant: &MerchantId, edits: &[Edit]) -> StoreResult<()> {
    let together = |one: &Edit, next: &Edit| {
        one.customer_id == next.customer_id && one.at == next.at && one.operation == next.operation
    };
    let changes: Vec<Change> = edits.chunk_by(together).filter_map(change).collect();
    changes::add(db, merchant, &changes)
}

fn change(edits: &[Edit]) -> Option<Change> {
    let first = edits.first()?;
    let mut fields: Vec<(&'static str, Value, Value)> = Vec::new();
    for edit in edits {
        if let Some(field) = edit.field.as_deref().and_then(Field::of_column) {
            fields.push((field.column(), json!(edit.old), json!(edit.new)));
        }
    }
    if first.operation == Operation::Delete {
        fields.push(("id", json!(first.customer_id), Value::Null));
    }
    Some(Change {
        customer_id: first.customer_id.clone(),
        square_id: None,
        source: Source::Application,
        version: None,
        fields,
        at: first.at,
    })
}
