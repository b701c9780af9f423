//! Transactions that begin with the right to write, and that the triggers of
//! `customers` know as our own.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

use crate::store::connection::Db;
use crate::store::error::StoreResult;

diesel::table! {
    /// Of SQLite alone: while it has a row, the triggers take no notice.
    own_writes (one) {
        one -> Integer,
    }
}

/// Runs `work` in a transaction that the triggers know as our own.
pub(crate) fn write<T>(
    db: &mut Db,
    work: impl FnOnce(&mut Db) -> StoreResult<T>,
) -> StoreResult<T> {
    match db {
        Db::Sqlite(_) => whole(db, |db| guarded(db, work)),
        // The guard's beginning costs no round trip of its own.
        Db::Postgres(_) => within(db, &format!("BEGIN; {GUARD}"), work),
    }
}

/// Runs `work` in a transaction: committed if it gives `Ok`, else rolled back.
/// SQLite takes its lock at once: a transaction that reads first and writes
/// later fails without waiting if another one wrote in between.
pub(crate) fn whole<T>(
    db: &mut Db,
    work: impl FnOnce(&mut Db) -> StoreResult<T>,
) -> StoreResult<T> {
    let begin = match db {
        Db::Sqlite(_) => "BEGIN IMMEDIATE",
        Db::Postgres(_) => "BEGIN",
    };
    within(db, begin, work)
}

/// Runs `work` in a transaction that begins like this.
fn within<T>(
    db: &mut Db,
    begin: &str,
    work: impl FnOnce(&mut Db) -> StoreResult<T>,
) -> StoreResult<T> {
    start(db, begin)?;
    match work(db) {
        Ok(value) => {
            commit(db)?;
            Ok(value)
        }
        Err(error) => {
            // The first error is the one that tells what happened; a connection that cannot roll back is closed.
            if let Err(second) = rollback(db) {
                tracing::warn!(error = %second, "a transaction could not be rolled back");
            }
            Err(error)
        }
    }
}

/// Runs `work` in a transaction that reads one state of the tables.
pub(crate) fn read<T>(db: &mut Db, work: impl FnOnce(&mut Db) -> StoreResult<T>) -> StoreResult<T> {
    let begin = match db {
        Db::Sqlite(_) => "BEGIN",
        Db::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    start(db, begin)?;
    let result = work(db);
    match (&result, rollback(db)) {
        (Ok(_), Err(error)) => Err(error),
        _ => result,
    }
}

/// What quiets the triggers on PostgreSQL, until the transaction ends.
const GUARD: &str = "SET LOCAL squaresync.own_write = 'on'";

/// Does `work` between the two ends of the guard that quiets the triggers. On
/// PostgreSQL the guard ends with the transaction.
pub(crate) fn guarded<T>(
    db: &mut Db,
    work: impl FnOnce(&mut Db) -> StoreResult<T>,
) -> StoreResult<T> {
    match db {
        Db::Sqlite(connection) => {
            diesel::insert_into(own_writes::table)
                .values(own_writes::one.eq(1))
                .execute(connection)?;
        }
        Db::Postgres(connection) => {
            connection.batch_execute(GUARD)?;
        }
    }
    let value = work(db)?;
    if let Db::Sqlite(connection) = db {
        diesel::delete(own_writes::table).execute(connection)?;
    }
    Ok(value)
}

fn start(db: &mut Db, begin: &str) -> StoreResult<()> {
    match db {
        Db::Sqlite(connection) => {
            AnsiTransactionManager::begin_transaction_sql(connection, begin)?;
        }
        Db::Postgres(connection) => {
            AnsiTransactionManager::begin_transaction_sql(connection, begin)?;
        }
    }
    Ok(())
}

fn commit(db: &mut Db) -> StoreResult<()> {
    match db {
        Db::Sqlite(connection) => AnsiTransactionManager::commit_transaction(connection)?,
        Db::Postgres(connection) => AnsiTransactionManager::commit_transaction(connection)?,
    }
    Ok(())
}

fn rollback(db: &mut Db) -> StoreResult<()> {
    match db {
        Db::Sqlite(connection) => AnsiTransactionManager::rollback_transaction(connection)?,
        Db::Postgres(connection) => AnsiTransactionManager::rollback_transaction(connection)?,
    }
    Ok(())
}

/// Waits until no other transaction does this work (a seller's id names all of
/// the seller's), and keeps others waiting until this one ends. On SQLite that
/// is so for every writer.
pub(crate) fn one_at_a_time(db: &mut Db, work: &str) -> StoreResult<()> {
    if let Db::Postgres(connection) = db {
        Wait(work).execute(connection)?;
    }
    Ok(())
}

/// The statement that waits; diesel prepares each `sql_query` anew.
struct Wait<'a>(&'a str);
struct WaitId;

impl QueryId for Wait<'_> {
    type QueryId = WaitId;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Wait<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        wait(&mut out, |out| {
            out.push_bind_param::<diesel::sql_types::Text, _>(&self.0)
        })
    }
}

/// Writes the expression that waits for `work`, which is an expression too.
pub(crate) fn wait<'b>(
    out: &mut AstPass<'_, 'b, Pg>,
    work: impl FnOnce(&mut AstPass<'_, 'b, Pg>) -> QueryResult<()>,
) -> QueryResult<()> {
    out.push_sql("pg_advisory_xact_lock(hashtextextended(current_schema() || '/' || ");
    work(out)?;
    out.push_sql(", 0))");
    Ok(())
}

impl RunQueryDsl<PgConnection> for Wait<'_> {}
