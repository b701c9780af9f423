//! Every statement that a database is sent: its URL in, the statements out, as
//! diesel shows them, one of each text, and how often each was sent.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

use super::value::{Value, split};
use crate::support::{Kind, TestDb};

/// How often a statement was sent, and with which values first.
type Sent = (usize, Vec<Value>);

/// What each database that is watched was sent.
static SENT: Mutex<BTreeMap<String, BTreeMap<String, Sent>>> = Mutex::new(BTreeMap::new());

/// Sits on one connection.
struct Recorder {
    url: Option<String>,
}

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let mut sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                self.url = sent.contains_key(url).then(|| url.to_owned());
            }
            InstrumentationEvent::StartQuery { query, .. } => {
                let of_database = self.url.as_ref().and_then(|url| sent.get_mut(url));
                if let Some(of_database) = of_database {
                    let (sql, values) = split(&query.to_string());
                    of_database.entry(sql).or_insert((0, values)).0 += 1;
                }
            }
            _ => {}
        }
    }
}

/// Watches every connection to this database that is opened from now on, and
/// begins anew with those that are watched already.
pub(super) fn watch(db: &TestDb) {
    SENT.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(url(db), BTreeMap::new());
    set_default_instrumentation(|| Some(Box::new(Recorder { url: None }))).unwrap();
}

/// Whether it reads or changes rows by what they hold, and is not a test's own.
/// Inserts do not, one or many.
fn has_plan(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default();
    ["SELECT", "WITH", "UPDATE", "DELETE"].contains(&first)
        && !sql.starts_with("WITH new_")
        && !sql.starts_with("SELECT CAST(value")
}

/// What was sent to this database.
pub(super) fn sent(db: &TestDb) -> Vec<(String, Vec<Value>)> {
    let all = taken(db).into_iter();
    all.map(|(sql, (_, values))| (sql, values)).collect()
}

/// How many statements that name this table were sent.
pub(super) fn count(sent: &BTreeMap<String, Sent>, table: &str) -> usize {
    let about = sent.iter().filter(|(sql, _)| sql.contains(table));
    about.map(|(_, (times, _))| times).sum()
}

/// The same, with how often each was sent.
pub(super) fn taken(db: &TestDb) -> BTreeMap<String, Sent> {
    let mut all = everything(db);
    all.retain(|sql, _| has_plan(sql));
    all
}

/// All statements, those that have no plan as well.
pub(super) fn everything(db: &TestDb) -> BTreeMap<String, Sent> {
    let mut sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
    sent.remove(&url(db)).unwrap_or_default()
}

/// As diesel is told it.
fn url(db: &TestDb) -> String {
    match db.kind() {
        Kind::Sqlite => db.url().trim_start_matches("sqlite:").to_owned(),
        Kind::Postgres => db.url(),
    }
}
