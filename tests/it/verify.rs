//! `verify`, as the true binary: every kind of difference is made, listed
//! exactly, and mended where that is asked for; looking changes nothing.

mod drift;
mod repair;
mod states;
mod text;
mod unknown;
mod while_reading;

use std::time::Duration;

use serde_json::{Map, Value, json};
use squaresync::square::simulator::{Call, Options};

use crate::support::app::{LAG, options};
use crate::support::process::{Ended, LONG, NAME, Setup, TOKEN};
use crate::support::{App, Kind, TestDb, Watcher};

/// Both sides, and the program that compares them.
struct Shop {
    app: App,
    setup: Setup,
}

impl Shop {
    async fn new(db: TestDb) -> Self {
        Self::with(db, Options::default()).await
    }

    /// With as many customers at first as `more` says, all of them known here.
    async fn with(db: TestDb, more: Options) -> Self {
        let options = Options {
            token: TOKEN.to_owned(),
            customers: more.customers,
            ..options()
        };
        let app = App::with(db, options, false).await;
        let setup = Setup::new(&app.db, &app.square);
        Self { app, setup }
    }

    /// A customer at Square that is known here.
    async fn known(&mut self, more: Value) -> String {
        let id = self.unknown(more);
        self.app.deliver_all().await;
        self.app.advance(LAG).await;
        id
    }

    /// A customer at Square of whom nobody told us.
    fn unknown(&self, more: Value) -> String {
        let mut customer = json!({"given_name": NAME});
        for (key, value) in more.as_object().unwrap() {
            customer[key] = value.clone();
        }
        self.app.square.create(&customer)
    }

    /// Lets nobody hear of what happened at Square, until its list shows it.
    async fn unheard(&mut self) {
        assert_ne!(self.app.events().len(), 0);
        self.app.advance(LAG).await;
    }

    /// Compares, and fails if that changed anything on either side.
    async fn verify(&self) -> (i32, Value) {
        let ended = self.looked(&["verify", "--json"]).await;
        (ended.code.unwrap(), ended.object())
    }

    /// What the comparison lists, and its exit code.
    async fn listed(&self) -> (i32, Value) {
        let (code, report) = self.verify().await;
        (code, lists(&report))
    }

    /// Runs a command that is to change nothing.
    async fn looked(&self, arguments: &[&str]) -> Ended {
        let mut watcher = Watcher::new(&self.app.db);
        let before = (watcher.look(), self.file(), self.app.square.calls().len());
        let ended = self.setup.run(arguments).await;
        assert_eq!(watcher.look(), before.0, "the database was written to");
        assert_eq!(self.file(), before.1, "the file has changed");
        let calls = self.app.square.calls().split_off(before.2);
        let writes: Vec<&Call> = calls.iter().filter(|call| !is_read(call)).collect();
        assert!(writes.is_empty(), "{writes:?}");
        ended
    }

    /// Mends, and gives what was found first and what is left.
    async fn repair(&self) -> (i32, Value, Value) {
        let ended = self.setup.run(&["verify", "--repair", "--json"]).await;
        let report = ended.object();
        assert_eq!(report["verdict"], report["left"]["verdict"], "{report}");
        let code = ended.code.unwrap();
        (code, lists(&report["found"]), lists(&report["left"]))
    }

    /// Fails unless a repair mends all that a look lists, and the next look finds nothing.
    async fn assert_mended(&self, expected: &Value) {
        assert_eq!(self.repair().await, (0, expected.clone(), json!({})));
        assert_eq!(self.listed().await, (0, json!({})));
        self.app.assert_equal();
    }

    /// The id of the row of a profile.
    fn row(&self, square_id: &str) -> String {
        let query =
            format!("SELECT customer_id AS value FROM images WHERE square_id = '{square_id}'");
        self.app.other().values(&query).pop().flatten().unwrap()
    }

    /// Runs a statement that the triggers take for our own.
    fn by_the_back_door(&self, statement: &str) {
        self.app.sql(&match self.app.db.kind() {
            Kind::Sqlite => format!(
                "BEGIN; INSERT INTO own_writes (one) VALUES (1); {statement}; DELETE FROM own_writes; COMMIT"
            ),
            Kind::Postgres => {
                format!("BEGIN; SET LOCAL squaresync.own_write = 'on'; {statement}; COMMIT")
            }
        });
    }

    /// The bytes of the database, where it is a file.
    fn file(&self) -> Vec<u8> {
        match self.app.db.kind() {
            Kind::Sqlite => std::fs::read(self.app.db.url().trim_start_matches("sqlite:")).unwrap(),
            Kind::Postgres => Vec::new(),
        }
    }
}

/// The lists of a report that are not empty.
fn lists(report: &Value) -> Value {
    let object = report.as_object().unwrap();
    let lists = object.iter().filter(|(key, value)| {
        *key != "reasons" && value.as_array().is_some_and(|list| !list.is_empty())
    });
    let lists: Map<String, Value> = lists
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(lists)
}

fn is_read(call: &Call) -> bool {
    let reads = ["/search", "/bulk-retrieve", "/token/status"];
    !call.applied && (call.method == "GET" || reads.iter().any(|read| call.path.ends_with(read)))
}

/// Longer than the list may be late.
const OLD: Duration = Duration::from_secs(3600);

/// More than any command needs that asks in vain.
const PATIENCE: Duration = LONG.saturating_mul(3);
