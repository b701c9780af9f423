//! What SQLite takes for text and is none: rows in; statements out that leave
//! an application's bytes as they are, or name them in the row. The promise:
//! nothing of an application's is lost by reading it.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Text};

use crate::store::connection::Db;
use crate::store::customers::{Row, SyncState};
use crate::store::error::StoreResult;

/// What is said of a column with such bytes.
pub fn sentence(column: &str) -> String {
    format!("{column} holds bytes that are not UTF-8 text; write it again")
}

/// Puts the bytes back that stand as other text in rows just written, but for
/// fields that have got another value since.
pub(in crate::store) fn keep(db: &mut Db, rows: &[Row]) -> StoreResult<()> {
    for row in rows {
        for (field, bytes) in &row.garbled {
            if row.fields.get(*field) != Some(&*String::from_utf8_lossy(bytes)) {
                continue;
            }
            let column = field.column();
            diesel::sql_query(format!(
                "UPDATE customers SET {column} = CAST($1 AS TEXT) WHERE id = $2"
            ))
            .bind::<Binary, _>(bytes)
            .bind::<Text, _>(row.id.as_str())
            .execute(db)?;
        }
    }
    Ok(())
}

/// Marks rows as failed whose ids are such bytes: nobody could name them at Square.
pub(super) fn refuse(db: &mut Db, ids: &[Vec<u8>]) -> StoreResult<()> {
    for id in ids {
        diesel::sql_query(
            "UPDATE customers SET sync_state = $1, sync_error = $2 WHERE id = CAST($3 AS TEXT)",
        )
        .bind::<Text, _>(SyncState::Failed.as_str())
        .bind::<Text, _>("id holds bytes that are not UTF-8 text; insert the row under another id")
        .bind::<Binary, _>(id)
        .execute(db)?;
    }
    Ok(())
}
