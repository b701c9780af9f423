//! The database's files are taken away or replaced under a running service.
//! SQLite would go on writing to them; what is answered 200 has to be where the
//! next start looks for it.

use std::path::PathBuf;
use std::sync::Arc;

use squaresync::square::simulator::Simulator;

use super::failing::{assert_whole, nothing_is_kept, recovery};
use super::sender::Sender;
use super::{options, settled};
use crate::support::process::Setup;
use crate::support::{Kind, TestDb, each};

#[test]
fn a_database_that_is_moved_away_is_waited_for() {
    each::run(Kind::Sqlite, async |db| {
        let away = |end: &str| PathBuf::from(format!("{}.away", path(&db, end).display()));
        let (square, mut serve, address) = {
            let square = Arc::new(Simulator::start(options()).unwrap());
            let (serve, address) = Setup::new(&db, &square).serve().await;
            (square, serve, address)
        };
        let sender = Sender::start(&square);
        sender.send_to(address);
        sender.has_sent(100).await;

        std::fs::rename(path(&db, ""), away("")).unwrap();
        nothing_is_kept(&sender, address).await;
        assert!(!path(&db, "").exists(), "an empty database was made");
        std::fs::rename(away(""), path(&db, "")).unwrap();

        let recovery = recovery(&sender, address).await;
        eprintln!("ready {recovery:?} after the database was back");
        let answers = sender.stop().await;
        assert!(!serve.has_ended());
        assert_eq!(answers.lost(&db), [""; 0]);
        assert_whole(&db);
        settled(&db, &square).await;
    });
}

#[test]
fn what_is_committed_to_deleted_files_is_not_answered() {
    for end in ["", "-wal"] {
        each::run(Kind::Sqlite, async move |db| {
            let square = Arc::new(Simulator::start(options()).unwrap());
            let (serve, address) = Setup::new(&db, &square).serve().await;
            let sender = Sender::start(&square);
            sender.send_to(address);
            sender.has_sent(100).await;

            std::fs::remove_file(path(&db, end)).unwrap();

            nothing_is_kept(&sender, address).await;
            drop(sender.stop().await);
            let log = serve.stderr();
            assert!(log.contains("was moved, deleted or replaced"), "{log}");
        });
    }
}

fn path(db: &TestDb, end: &str) -> PathBuf {
    let url = db.url();
    format!("{}{end}", url.trim_start_matches("sqlite:")).into()
}
