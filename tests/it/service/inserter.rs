//! Another program that inserts rows all the time and remembers which of them
//! the database took, and when.

use std::sync::mpsc::{self, RecvTimeoutError, Sender as Stop};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::process::NAME;
use crate::support::{OtherProgram, TestDb};

/// What was inserted.
pub(super) struct Inserted {
    /// The names of the rows that were taken, each new, and when they were.
    pub(super) taken: Vec<(String, Instant)>,
    /// The longest time that one took.
    pub(super) longest: Duration,
    /// Why it stopped before it was told to.
    pub(super) failure: Option<String>,
}

/// Inserts until it is told to stop, or until the database fails.
pub(super) struct Inserter {
    stop: Stop<()>,
    thread: JoinHandle<Inserted>,
}

impl Inserter {
    /// One row after each `pause`, called after `what`.
    pub(super) fn start(db: &TestDb, what: &str, pause: Duration) -> Self {
        let (mut other, what) = (OtherProgram::new(db), what.to_owned());
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut inserted = Inserted {
                taken: Vec::new(),
                longest: Duration::ZERO,
                failure: None,
            };
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let name = format!("{NAME} {what} {}", inserted.taken.len());
                let insert = format!("INSERT INTO customers (given_name) VALUES ('{name}')");
                let began = Instant::now();
                if let Err(error) = other.run(&insert) {
                    inserted.failure = Some(error.to_string());
                    break;
                }
                inserted.longest = inserted.longest.max(began.elapsed());
                inserted.taken.push((name, Instant::now()));
            }
            inserted
        });
        Self { stop, thread }
    }

    pub(super) fn stop(self) -> Inserted {
        drop(self.stop);
        self.thread.join().unwrap()
    }
}
