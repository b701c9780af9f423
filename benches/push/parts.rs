//! What the bench starts and asks: processes of the program, the table as another
//! program has it, and the simulator's account of itself.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_squaresync");
const TOKEN: &str = "sandbox-token";
/// How late the simulator answers.
pub(crate) const LATE: &str = "50ms";
/// Said once it is known what was at Square before.
const CAUGHT_UP: &str = "the whole directory was read";

/// A process of the program.
pub(crate) struct Process {
    child: Child,
    /// Of a simulator, where it is.
    pub(crate) address: String,
}

impl Process {
    pub(crate) fn square() -> Self {
        let mut child = Command::new(BINARY)
            .args(["simulate", "--listen", "127.0.0.1:0", "--latency", LATE])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a simulator");
        let said = child.stdout.take().expect("what it says");
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("SQUARE_API_URL=")?;
            rest.split_whitespace().next().map(str::to_owned)
        });
        Self {
            child,
            address: address.expect("its address"),
        }
    }

    /// The service, once it knows what is at Square.
    pub(crate) fn serve(square: &str, database: &str) -> Self {
        let mut child = Command::new(BINARY)
            .arg("serve")
            .env("SQUARE_API_URL", square)
            .env("SQUARE_ACCESS_TOKEN", TOKEN)
            .env("SQUARE_WEBHOOK_SIGNATURE_KEY", "key")
            .env("SQUARE_WEBHOOK_URL", "https://example.com/webhooks/square")
            .env("DATABASE_URL", database)
            .env("SQUARESYNC_LISTEN", "127.0.0.1:0")
            .env("SQUARESYNC_RECONCILE_EVERY", "1h")
            .env("SQUARESYNC_LOG_FORMAT", "json")
            .stderr(Stdio::piped())
            .spawn()
            .expect("squaresync");
        let said = child.stderr.take().expect("what it says");
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        let ready = lines.find(|line| line.contains(CAUGHT_UP));
        ready.expect("a service that reads the directory");
        // It must never wait for somebody who reads what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: String::new(),
        }
    }
}

impl Process {
    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().expect("to end it");
        self.child.wait().expect("its end");
    }
}

/// Another program on the table.
pub(crate) enum Other {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Other {
    pub(crate) fn connect(url: &str) -> Self {
        let Some(path) = url.strip_prefix("sqlite:") else {
            return Self::Postgres(PgConnection::establish(url).expect("PostgreSQL"));
        };
        let mut connection = SqliteConnection::establish(path).expect("SQLite");
        let patience = connection.batch_execute("PRAGMA busy_timeout = 10000");
        patience.expect("patience");
        Self::Sqlite(connection)
    }

    pub(crate) fn run(&mut self, sql: &str) {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql),
            Self::Postgres(connection) => connection.batch_execute(sql),
        }
        .expect("a statement that is taken");
    }

    /// The numbers from 1 on, as a table with one column `n`.
    pub(crate) fn numbers(&self, most: u32) -> String {
        match self {
            Self::Sqlite(_) => format!(
                "(WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {most}) SELECT n FROM up)"
            ),
            Self::Postgres(_) => format!("generate_series(1, {most}) AS up (n)"),
        }
    }

    /// Waits until every row is settled.
    pub(crate) fn settled(&mut self) {
        let query = "SELECT count(*) AS count FROM (SELECT 1 FROM customers WHERE sync_state <> 'synced' LIMIT 1) AS one";
        loop {
            let query = diesel::sql_query(query);
            let left: Count = match self {
                Self::Sqlite(connection) => query.get_result(connection),
                Self::Postgres(connection) => query.get_result(connection),
            }
            .expect("a count");
            if left.count == 0 {
                return;
            }
            // Often enough to tell seconds, and not what takes the time.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A client of the simulator's.
pub(crate) struct Web {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Web {
    pub(crate) fn new() -> Self {
        // The second time it is installed already.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        Self {
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
        }
    }

    pub(crate) fn post(&self, url: &str, body: &Value) {
        let asked = self.client.post(url).bearer_auth(TOKEN).json(body);
        let answer = self
            .runtime
            .block_on(async { asked.send().await?.text().await });
        assert!(answer.expect("an answer").contains("customer"));
    }

    /// What the simulator tells of itself under this key.
    pub(crate) fn state(&self, square: &str, key: &str) -> u64 {
        let asked = self.client.get(format!("{square}/simulator/state"));
        let answer = self
            .runtime
            .block_on(async { asked.send().await?.json().await });
        let state: Value = answer.expect("an answer");
        state.get(key).and_then(Value::as_u64).expect("a number")
    }
}
