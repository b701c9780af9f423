//! A pass over a directory in which nothing happened costs next to nothing.

use squaresync::square::simulator::{Options, Simulator};

use super::options;
use crate::support::process::Setup;
use crate::support::{OtherProgram, TestDb, Watcher, on_each_database};

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
