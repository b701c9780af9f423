//! The database that stories are played on, one after another: emptied between
//! them, copied and put back within them, without closing a connection.

use std::sync::{Arc, Mutex};

use diesel::QueryResult;
use squaresync::domain::Timestamp;
use squaresync::store::Store;

use crate::support::app::location;
use crate::support::{Kind, OtherProgram, TestDb};

/// Everything that a story can leave behind, in an order in which rows can be put back.
const TABLES: [&str; 13] = [
    "sellers",
    "customers",
    "images",
    "local_edits",
    "outbox",
    "inbox",
    "changes",
    "leases",
    "marks",
    "backfill_windows",
    "conflicts",
    "alarms",
    "refused_creates",
];

/// A database, and two connections to it that are not squaresync's.
pub(crate) struct Stage {
    db: TestDb,
    pub(crate) store: Store,
    /// The application's.
    pub(crate) other: OtherProgram,
    /// The observer's, who looks while the flows run.
    pub(crate) disk: Arc<Mutex<OtherProgram>>,
}

impl Stage {
    pub(crate) async fn new(kind: Kind) -> Self {
        let db = TestDb::in_memory(kind);
        let store = Store::open(location(&db)).await.unwrap();
        let mut other = OtherProgram::new(&db);
        if kind == Kind::Sqlite {
            other.run("ATTACH ':memory:' AS copy").unwrap();
        }
        let disk = Arc::new(Mutex::new(OtherProgram::new(&db)));
        Self {
            db,
            store,
            other,
            disk,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.db.kind()
    }

    /// Another process opens the database anew.
    pub(crate) async fn reopen(&mut self) {
        self.store = Store::open(location(&self.db)).await.unwrap();
    }

    /// Takes everything away.
    pub(crate) fn empty(&mut self) {
        let emptied: String = TABLES
            .iter()
            .map(|table| format!("DELETE FROM {table};"))
            .collect();
        self.unnoticed(&emptied);
    }

    /// Copies everything.
    pub(crate) fn back_up(&mut self) {
        let copied: String = TABLES
            .iter()
            .map(|table| {
                let copy = self.copy_of(table);
                format!(
                    "DROP TABLE IF EXISTS {copy}; CREATE TABLE {copy} AS SELECT * FROM {table};"
                )
            })
            .collect();
        self.other.run(&format!("BEGIN; {copied} COMMIT")).unwrap();
    }

    /// Puts everything back as it was copied.
    pub(crate) fn put_back(&mut self) {
        let mut restored = String::new();
        for table in TABLES {
            let copy = self.copy_of(table);
            restored.push_str(&format!(
                "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {copy};"
            ));
        }
        self.unnoticed(&restored);
    }

    /// Runs an application's statement as if the database's clock said `at`: the
    /// story's time, so that the same story ends the same each time.
    pub(crate) fn application(&mut self, at: Timestamp, statement: &str) -> QueryResult<()> {
        let before = "SELECT coalesce(max(seq), 0) AS value FROM local_edits";
        let before = self.other.values(before).remove(0).unwrap();
        let at = at.format("%Y-%m-%d %H:%M:%S%.3f");
        let dated = self.as_own(&format!(
            "UPDATE customers SET created_at = '{at}', updated_at = '{at}' WHERE id IN \
             (SELECT customer_id FROM local_edits WHERE {before} < seq AND operation = 'insert'); \
             UPDATE local_edits SET edited_at = '{at}' WHERE {before} < seq;"
        ));
        let done = self
            .other
            .run(&format!("BEGIN; {statement}; {dated} COMMIT"));
        if done.is_err() {
            self.other.run("ROLLBACK").unwrap();
        }
        done
    }

    /// Runs statements that the triggers do not take for an application's.
    fn unnoticed(&mut self, statements: &str) {
        let statements = self.as_own(statements);
        self.other
            .run(&format!("BEGIN; {statements} COMMIT"))
            .unwrap();
    }

    /// Statements within a transaction, as squaresync's own.
    fn as_own(&self, statements: &str) -> String {
        let (begin, end) = match self.kind() {
            Kind::Sqlite => (
                "INSERT INTO own_writes (one) VALUES (1);",
                "DELETE FROM own_writes;",
            ),
            Kind::Postgres => ("SET LOCAL squaresync.own_write = 'on';", ""),
        };
        format!("{begin} {statements} {end}")
    }

    fn copy_of(&self, table: &str) -> String {
        match self.kind() {
            Kind::Sqlite => format!("copy.{table}"),
            Kind::Postgres => format!("copy_{table}"),
        }
    }

    /// Lets every new event be refused by the database, or no more.
    pub(crate) fn refuse_events(&mut self, refuse: bool) {
        let statements = match (self.kind(), refuse) {
            (Kind::Sqlite, true) => {
                "CREATE TRIGGER IF NOT EXISTS inbox_fails BEFORE INSERT ON inbox \
                 BEGIN SELECT RAISE(ABORT, 'the disk fails'); END"
            }
            (Kind::Sqlite, false) => "DROP TRIGGER IF EXISTS inbox_fails",
            (Kind::Postgres, true) => {
                "CREATE OR REPLACE FUNCTION inbox_fails() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'the disk fails'; END $$; \
                 CREATE OR REPLACE TRIGGER inbox_fails BEFORE INSERT ON inbox \
                 FOR EACH ROW EXECUTE FUNCTION inbox_fails()"
            }
            (Kind::Postgres, false) => "DROP TRIGGER IF EXISTS inbox_fails ON inbox",
        };
        self.other.run(statements).unwrap();
    }

    /// Every row of a table as JSON.
    pub(crate) fn table(&mut self, table: &str) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let row = match self.kind() {
            Kind::Postgres => "to_jsonb(it)".to_owned(),
            Kind::Sqlite => {
                let columns = self.other.values(&format!(
                    "SELECT name AS value FROM pragma_table_info('{table}')"
                ));
                let pairs: Vec<String> = columns
                    .into_iter()
                    .flatten()
                    .map(|name| match name.as_str() {
                        "body" if table == "inbox" => "'body', hex(body)".to_owned(),
                        name => format!("'{name}', {name}"),
                    })
                    .collect();
                format!("json_object({})", pairs.join(", "))
            }
        };
        let rows = self
            .other
            .values(&format!("SELECT {row} AS value FROM {table} AS it"));
        rows.into_iter()
            .flatten()
            .map(|row| serde_json::from_str(&row).unwrap())
            .collect()
    }

    /// What in the file breaks a rule of its tables, or is damaged. PostgreSQL takes
    /// nothing of the kind.
    pub(crate) fn unsound(&mut self) -> Vec<String> {
        match self.kind() {
            Kind::Sqlite => {
                let check = "SELECT integrity_check AS value FROM pragma_integrity_check";
                let found = self.other.values(check).into_iter().flatten();
                found.filter(|line| line != "ok").collect()
            }
            Kind::Postgres => Vec::new(),
        }
    }
}
