//! A pass over a directory in which nothing happened costs next to nothing.

use squaresync::square::simulator::{Options, Simulator};

use super::options;
use crate::support::process::Setup;
use crate::support::{Kind, OtherProgram, TestDb, on_each_database};

on_each_database! { a_second_sync_of_a_quiet_directory_writes_nothing }

async fn a_second_sync_of_a_quiet_directory_writes_nothing(db: TestDb) {
    let options = Options {
        customers: 1000,
        ..options()
    };
    let square = Simulator::start(options).unwrap();
    let setup = Setup::new(&db, &square);
    let first = setup.report("sync").await;
    assert_eq!(first["pulled"]["changed"], 1000, "{first}");
    let mut watcher = Watcher::new(&db);
    let (before, calls) = (watcher.look(), square.calls().len());

    let second = setup.report("sync").await;

    assert_eq!(watcher.look(), before);
    assert_eq!(second["pulled"]["changed"], 0, "{second}");
    assert_eq!(second["pushed"]["sent"], 0, "{second}");
    let calls = square.calls().split_off(calls);
    assert!(calls.len() <= 3, "{calls:?}");

    OtherProgram::new(&db)
        .run("UPDATE customers SET note = given_name WHERE id = (SELECT min(id) FROM customers)")
        .unwrap();
    assert_ne!(watcher.look(), before, "the watcher sees nothing");
}

/// Sees whether anybody else wrote.
struct Watcher {
    other: OtherProgram,
    look: String,
}

impl Watcher {
    fn new(db: &TestDb) -> Self {
        let mut other = OtherProgram::new(db);
        let look = match db.kind() {
            // Differs as soon as another connection has committed anything.
            Kind::Sqlite => "SELECT data_version AS value FROM pragma_data_version".to_owned(),
            // Every row of every table with the transaction that wrote it, and how many were ever written.
            Kind::Postgres => other
                .values(
                    "SELECT format('SELECT %L || xmin || '' '' || ctid || '' '' || t AS value FROM %I AS t', \
                     tablename, tablename) AS value FROM pg_tables WHERE schemaname = current_schema()",
                )
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" UNION ALL "),
        };
        Self { other, look }
    }

    fn look(&mut self) -> Vec<Option<String>> {
        let mut seen = self.other.values(&self.look);
        seen.sort();
        seen
    }
}
