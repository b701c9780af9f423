//! The rest between two writes of ours to an SQLite file, and its log copied meanwhile.
//!
//! In: a write that has ended, and its turn. Out: the turn given up, once the file
//! was free for as long as [`Breath`](super::breath::Breath) asks. The promise:
//! whoever waits for the write hears of it before. A crash, or a copy that fails,
//! loses nothing: the log holds all of it still, and SQLite copies it when it is
//! found too long, or the file is opened.

use std::sync::PoisonError;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::Integer;
use tokio::time::Instant;

use super::blocking::blocking;
use super::breath::Copying;
use super::connection::Db;
use super::{Store, StoreResult, Turn};

#[derive(QueryableByName)]
struct Copied {
    /// How many pages the log has; less than none where somebody else copies it.
    #[diesel(sql_type = Integer)]
    log: i32,
}

impl Store {
    /// Ends the turn of a write that `began` then, once the file was left alone. The log
    /// is not copied after a write that failed: perhaps the disk did.
    pub(super) fn breathe(&self, began: Instant, is_ok: bool, turn: Turn) {
        let ended = Instant::now();
        let mut breath = self.breath.lock().unwrap_or_else(PoisonError::into_inner);
        let free_since = std::mem::replace(&mut breath.1, ended);
        breath
            .0
            .was_free(began.saturating_duration_since(free_since));
        let pause = breath.0.was_held(ended.saturating_duration_since(began));
        let copying = match is_ok {
            true => breath.0.copy(pause.is_some()),
            false => Copying::No,
        };
        if copying == Copying::Aside {
            tokio::spawn(self.clone().copy_log());
        }
        if let Some(pause) = pause {
            tokio::spawn(self.clone().rest(pause, copying, turn));
        }
    }

    async fn rest(self, pause: Duration, copying: Copying, turn: Turn) {
        let began = Instant::now();
        if copying == Copying::Whole {
            self.clone().copy_log().await;
        }
        tokio::time::sleep(pause.saturating_sub(began.elapsed())).await;
        drop(turn);
    }

    async fn copy_log(self) {
        let began = Instant::now();
        let pool = self.reading.clone();
        let copied = blocking(move || {
            // Where all of them are in use, those who read go before.
            let Some(mut pooled) = pool.try_get() else {
                return Ok(None);
            };
            let copied = copy_log(&mut pooled.db);
            pooled.broken = copied.is_err();
            copied
        });
        let copied = copied.await;
        if let Err(error) = &copied {
            tracing::warn!(%error, "SQLite's log could not be copied into its file");
        }
        let mut breath = self.breath.lock().unwrap_or_else(PoisonError::into_inner);
        breath.0.was_copied(began.elapsed(), copied.ok().flatten());
    }
}

/// Copies the log as far as nobody reads the older pages. Gives how many pages it has.
fn copy_log(db: &mut Db) -> StoreResult<Option<i32>> {
    let Db::Sqlite(connection) = db else {
        return Ok(None);
    };
    let copied = diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)");
    let copied: Copied = copied.get_result(connection)?;
    Ok((0 <= copied.log).then_some(copied.log))
}
