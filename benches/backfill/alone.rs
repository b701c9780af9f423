//! What SQLite itself can do: the rows that a backfill wrote, copied from its
//! file into another one with the same tables and indexes, as many in a commit as
//! the backfill takes at once. Nothing is asked, read as JSON, decided or bound,
//! and no trigger does anything.

use std::process::Command;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;

use crate::{BINARY, Measured};

/// How many customers share a commit, as in the program.
const TOGETHER: u32 = 1500;

/// Copies the rows of so many customers out of this file.
pub(crate) fn copies(from: &str, customers: u32) -> Measured {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("alone.db").display().to_string();
    let made = Command::new(BINARY)
        .arg("migrate")
        .env("DATABASE_URL", format!("sqlite:{path}"))
        .env("SQUARESYNC_LOG", "warn")
        .status();
    assert!(made.expect("squaresync").success(), "the tables");
    let mut connection = SqliteConnection::establish(&path).expect("a file");
    let settings = format!(
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 20000; PRAGMA cache_size = -16384; \
         PRAGMA temp_store = MEMORY; \
         ATTACH '{from}' AS whole; INSERT INTO own_writes VALUES (1)"
    );
    connection.batch_execute(&settings).expect("its settings");
    let began = Instant::now();
    let mut first = 0;
    while first < customers {
        let last = first + TOGETHER;
        let tables = ["images", "customers", "changes"].map(|table| {
            format!(
                "INSERT INTO main.{table} SELECT * FROM whole.{table} WHERE {first} < rowid AND rowid <= {last};"
            )
        });
        let commit = format!("BEGIN IMMEDIATE; {} COMMIT", tables.concat());
        connection.batch_execute(&commit).expect("a commit");
        first = last;
    }
    let time = began.elapsed();
    let copied: i64 =
        diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM main.customers")
            .get_result(&mut connection)
            .expect("a count");
    assert_eq!(copied, i64::from(customers), "rows copied");
    Measured {
        time,
        ..Measured::default()
    }
}
