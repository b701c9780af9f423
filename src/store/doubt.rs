//! Doubt about the file after its disk failed.
//!
//! A system that could not write a page may forget that it has to, and go on
//! showing it: what a failed commit left in SQLite's log looks sound, and would
//! be missing after a power cut together with all that follows it there. So
//! after an error of the disk nothing is written before the log is emptied
//! into the database, on the disk, and the database found whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use crate::store::connection::Db;
use crate::store::error::{StoreError, StoreResult};

/// Whether the disk has failed since the database was last looked over.
#[derive(Clone, Default)]
pub(crate) struct Doubt(Arc<AtomicBool>);

#[derive(QueryableByName)]
struct Emptied {
    /// 1 where somebody still reads from the log.
    #[diesel(sql_type = Integer)]
    busy: i32,
}

#[derive(QueryableByName)]
struct Verdict {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

impl Doubt {
    /// Takes note of how a write ended.
    pub(crate) fn note<T>(&self, result: &StoreResult<T>) {
        if let Err(error) = result
            && error.is_of_the_disk()
            && !self.0.swap(true, Ordering::AcqRel)
        {
            tracing::error!(%error, "the disk failed; the database is checked before it is written to again");
        }
    }

    /// Looks the database over, if there is doubt. An error leaves it in doubt.
    pub(crate) fn settle(&self, db: &mut Db) -> StoreResult<()> {
        let Db::Sqlite(connection) = db else {
            return Ok(());
        };
        if !self.0.load(Ordering::Acquire) {
            return Ok(());
        }
        let emptied: Emptied =
            diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(connection)?;
        if emptied.busy != 0 {
            return Err(StoreError::Unavailable(
                "the disk failed, and the database is checked once nobody reads or copies its log"
                    .to_owned(),
            ));
        }
        let verdict: Verdict = diesel::sql_query("PRAGMA quick_check(1)").get_result(connection)?;
        if verdict.quick_check != "ok" {
            return Err(StoreError::Unusable(
                "the database was damaged when the disk failed; stop this program and restore a backup".to_owned(),
            ));
        }
        self.0.store(false, Ordering::Release);
        tracing::info!("the database was checked after the disk failed, and is whole");
        Ok(())
    }
}
