//! Who edits both sides at once, and knows which edits have to be there at the end.
//!
//! Every value is new. One field is edited here only, one at Square only, one on
//! both sides: there the last edit of either side stands, and where it is not
//! the last of all, that one is a conflict that was written down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender as Stop};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use squaresync::square::simulator::Simulator;

use crate::support::process::NAME;
use crate::support::{OtherProgram, TestDb};

/// Twenty edits a second on each side.
const PAUSE: Duration = Duration::from_millis(50);
/// Customers that each side makes; then those that are there are edited.
const CUSTOMERS: usize = 40;

/// Edited here only, at Square only, and on both sides.
const OURS: &str = "note";
const THEIRS: &str = "company_name";
const SHARED: &str = "nickname";

/// The last edit of each field: a number that grows over both sides, and the value.
type Last = BTreeMap<(String, &'static str), (usize, String)>;

/// What was edited.
#[derive(Default)]
pub(super) struct Edits {
    /// The names of all customers that were made.
    pub(super) names: BTreeSet<String>,
    /// How many edits each side took.
    pub(super) here: usize,
    pub(super) at_square: usize,
    /// By the row's id.
    last_here: Last,
    /// By the profile's id.
    last_at_square: Last,
    count: usize,
}

/// A thread that edits until it is told to stop.
pub(super) struct Editor {
    stop: Stop<()>,
    thread: JoinHandle<Edits>,
}

impl Editor {
    pub(super) fn start(db: &TestDb, square: &Arc<Simulator>) -> Self {
        let (mut other, square) = (OtherProgram::new(db), Arc::clone(square));
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut edits = Edits::default();
            let mut next = Instant::now();
            // Whoever waited for the database makes up for it.
            let wait = |next: Instant| next.saturating_duration_since(Instant::now());
            while stopped.recv_timeout(wait(next)) == Err(RecvTimeoutError::Timeout) {
                next += PAUSE;
                edits.edit_here(&mut other);
                edits.edit_at_square(&square);
            }
            edits
        });
        Self { stop, thread }
    }

    pub(super) fn stop(self) -> Edits {
        drop(self.stop);
        self.thread.join().unwrap()
    }
}

impl Edits {
    fn next(&mut self, side: &str) -> String {
        self.count += 1;
        format!("{NAME} {} {side}", self.count)
    }

    fn edit_here(&mut self, other: &mut OtherProgram) {
        let value = self.next("here");
        let rows = other.values("SELECT id AS value FROM live_customers ORDER BY id");
        let row = rows
            .get(fastrand::usize(0..rows.len().max(1)))
            .cloned()
            .flatten();
        match row {
            Some(row) if CUSTOMERS <= self.here => {
                let field = if fastrand::bool() { OURS } else { SHARED };
                let update = format!("UPDATE customers SET {field} = '{value}' WHERE id = '{row}'");
                other.run(&update).unwrap();
                self.last_here.insert((row, field), (self.count, value));
            }
            _ if CUSTOMERS <= self.here => return,
            _ => {
                let insert = format!("INSERT INTO customers (given_name) VALUES ('{value}')");
                other.run(&insert).unwrap();
                self.names.insert(value);
            }
        }
        self.here += 1;
    }

    fn edit_at_square(&mut self, square: &Simulator) {
        let value = self.next("at Square");
        if self.at_square < CUSTOMERS {
            square.create(&json!({"given_name": value}));
            self.names.insert(value);
        } else {
            let all = square.customers();
            let id = all[fastrand::usize(0..all.len())]["id"]
                .as_str()
                .unwrap()
                .to_owned();
            let field = if fastrand::bool() { THEIRS } else { SHARED };
            assert!(square.update(&id, &json!({field: value})));
            self.last_at_square.insert((id, field), (self.count, value));
        }
        self.at_square += 1;
    }

    /// Fails unless the last edit of every field stands on both sides, which are
    /// equal, or is in the ledger of conflicts.
    pub(super) fn assert_none_is_lost(&self, db: &TestDb, square: &Simulator) {
        let mut other = OtherProgram::new(db);
        let profiles = other.values("SELECT id || ' ' || square_id AS value FROM live_customers");
        let profiles = profiles.into_iter().flatten();
        let row_of: BTreeMap<String, String> = profiles
            .map(|line| {
                line.split_once(' ')
                    .map(|(row, id)| (id.to_owned(), row.to_owned()))
            })
            .map(Option::unwrap)
            .collect();
        let (mut lost, mut unsaid, mut conflicts) = (Vec::new(), Vec::new(), 0);
        for customer in square.customers() {
            let id = customer["id"].as_str().unwrap().to_owned();
            let row = row_of[&id].clone();
            for field in [OURS, THEIRS, SHARED] {
                let here = self.last_here.get(&(row.clone(), field));
                let there = self.last_at_square.get(&(id.clone(), field));
                let stands = customer.get(field).and_then(Value::as_str);
                let is = |edit: Option<&(usize, String)>| {
                    edit.map(|(_, value)| value.as_str()) == stands
                };
                let Some(last) = here.max(there) else {
                    continue;
                };
                if is(Some(last)) {
                    continue;
                }
                if field != SHARED || !(is(here) || is(there)) || is(here) {
                    lost.push(format!(
                        "{row} {id} {field}: {here:?} {there:?}, but {stands:?}"
                    ));
                    continue;
                }
                conflicts += 1;
                let told = format!(
                    "conflicts WHERE customer_id = '{row}' AND local_value = '{}'",
                    last.1
                );
                if other.count(&told) == 0 {
                    unsaid.push(told);
                }
            }
        }
        eprintln!(
            "{} edits lost, {conflicts} lost to Square, {} of them unsaid",
            lost.len(),
            unsaid.len()
        );
        assert_eq!(lost, [""; 0]);
        assert_eq!(
            unsaid, [""; 0],
            "conflicts that the ledger does not tell of"
        );
    }
}
