//! How fast a directory is read: the real binary against the real simulator,
//! each a process of its own, beside a plain client that reads the same pages one
//! after another, and SQLite that writes the same rows alone, in the same run.
//! `cargo bench --bench backfill` prints tables and writes them into
//! `benches/RESULTS.md`.
//!
//! `SQUARESYNC_BENCH_CUSTOMERS` (100000) is the size of the directory, and
//! `SQUARESYNC_BENCH_LATE` (50ms) how late Square answers where that is measured;
//! `SQUARESYNC_BENCH_MANY` (none) is the size of one more directory, read for its
//! memory alone. PostgreSQL is the server of `TEST_DATABASE_URL`, or a private one.

#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a bench that cannot go on should say where"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

mod alone;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
#[path = "../common/report.rs"]
mod report;
mod spreads;
#[path = "../common/usage.rs"]
mod usage;

use report::Report;

const BINARY: &str = env!("CARGO_BIN_EXE_squaresync");
const TOKEN: &str = "sandbox-token";
/// How often it is measured where Square answers late.
const ROUNDS: usize = 3;

fn main() {
    let customers = number("SQUARESYNC_BENCH_CUSTOMERS").unwrap_or(100_000);
    let late = std::env::var("SQUARESYNC_BENCH_LATE").unwrap_or_else(|_| "50ms".to_owned());
    let title = format!("{customers} customers read for the first time");
    let mut report = Report::new("backfill", &title);
    report.table(&[
        "what",
        "s",
        "customers/s",
        "pages/s",
        "CPU s per 1,000",
        "peak MiB",
        "MiB written",
        "ratio",
    ]);
    let at_once = Square::start(customers, None);
    let ceiling = pages(&at_once.url);
    row(
        &mut report,
        "simulator alone, 0 ms",
        customers,
        &ceiling,
        None,
    );
    each_database(|name, url| {
        for what in ["0 ms", "0 ms, again"] {
            let read = backfill(&at_once.url, url);
            row(
                &mut report,
                &format!("{name}, {what}"),
                customers,
                &read,
                None,
            );
        }
    });
    drop(at_once);
    let square = Square::start(customers, Some(&late));
    let plain = pages(&square.url);
    let label = format!("pages one after another, {late}");
    row(&mut report, &label, customers, &plain, Some(1.0));
    late_ones(&mut report, &square.url, customers, &late, plain.time);
    drop(square);
    if let Some(many) = number("SQUARESYNC_BENCH_MANY") {
        let square = Square::start(many, None);
        each_database(|name, url| {
            let read = backfill(&square.url, url);
            let label = format!("{name}, {many} customers");
            row(&mut report, &label, many, &read, None);
        });
    }
    spreads::count(&mut report);
    report.write().expect("benches/RESULTS.md");
}

/// Reads where Square answers `late`, in turns on each database, beside a plain client that
/// took `plain`: how fast the machine is changes from one minute to the next, and the round
/// in the middle counts.
fn late_ones(report: &mut Report, square: &str, customers: u32, late: &str, plain: Duration) {
    let ratio = |measured: &Measured| plain.as_secs_f64() / measured.time.as_secs_f64();
    let mut all = BTreeMap::<String, Vec<Measured>>::new();
    for _ in 0..ROUNDS {
        each_database(|name, url| {
            let read = backfill(square, url);
            all.entry(format!("{name}, {late}")).or_default().push(read);
            if let Some(file) = url.strip_prefix("sqlite:") {
                let alone = alone::copies(file, customers);
                let label = format!("{name} alone, the same rows");
                all.entry(label).or_default().push(alone);
            }
        });
    }
    for (label, mut rounds) in all {
        rounds.sort_by_key(|round| round.time);
        let middle = rounds.get(ROUNDS / 2).expect("a round");
        row(report, &label, customers, middle, Some(ratio(middle)));
    }
}

fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}

/// What was measured.
#[derive(Default)]
struct Measured {
    time: Duration,
    pages: u32,
    used: Option<Used>,
}

/// What a process used.
#[derive(Clone, Copy, Default)]
struct Used {
    cpu: Duration,
    /// MiB.
    peak: u64,
    written: u64,
}

fn row(report: &mut Report, what: &str, customers: u32, measured: &Measured, ratio: Option<f64>) {
    let seconds = measured.time.as_secs_f64();
    let pages = if measured.pages == 0 {
        String::new()
    } else {
        format!("{:.0}", f64::from(measured.pages) / seconds)
    };
    let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.1}"));
    let used = measured.used.map(|used| {
        let cpu = used.cpu.as_secs_f64() * 1000.0 / f64::from(customers);
        let [peak, written] = [used.peak, used.written].map(|mib| mib.to_string());
        [format!("{cpu:.3}"), peak, written]
    });
    let [cpu, peak, written] = used.unwrap_or_default();
    report.row(&[
        what.to_owned(),
        format!("{seconds:.1}"),
        format!("{:.0}", f64::from(customers) / seconds),
        pages,
        cpu,
        peak,
        written,
        ratio,
    ]);
}

/// Does the same on SQLite and, where there is one, on PostgreSQL.
fn each_database(mut measure: impl FnMut(&str, &str)) {
    let folder = TempDir::new().expect("a folder");
    let file = format!("sqlite:{}", folder.path().join("bench.db").display());
    measure("SQLite", &file);
    match postgres::server() {
        Ok(server) => {
            let schema = format!("bench_{}", uuid::Uuid::new_v4().simple());
            psql(server, &format!("CREATE SCHEMA {schema}"));
            let mark = if server.contains('?') { '&' } else { '?' };
            let url = format!("{server}{mark}options=-csearch_path%3D{schema}");
            measure("PostgreSQL", &url);
            psql(server, &format!("DROP SCHEMA {schema} CASCADE"));
        }
        Err(message) => eprintln!("PostgreSQL is left out: {message}"),
    }
}

fn psql(server: &str, sql: &str) {
    let done = Command::new("psql")
        .args(["-q", server, "-c", sql])
        .env("PGOPTIONS", "--client-min-messages=warning")
        .status();
    assert!(done.expect("psql").success(), "{sql}");
}

/// A simulator in a process of its own.
struct Square {
    process: Child,
    url: String,
}

impl Square {
    fn start(customers: u32, latency: Option<&str>) -> Self {
        let mut command = Command::new(BINARY);
        command
            .args(["simulate", "--listen", "127.0.0.1:0", "--seed", "7"])
            .args(["--customers", &customers.to_string()])
            .stdout(Stdio::piped());
        if let Some(latency) = latency {
            command.args(["--latency", latency]);
        }
        let mut process = command.spawn().expect("a simulator");
        let said = process.stdout.take().expect("what it says");
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        let url = lines.find_map(|line| {
            let (_, rest) = line.split_once("SQUARE_API_URL=")?;
            rest.split_whitespace().next().map(str::to_owned)
        });
        Self {
            process,
            url: url.expect("its address"),
        }
    }
}

impl Drop for Square {
    fn drop(&mut self) {
        self.process.kill().expect("to end it");
        self.process.wait().expect("its end");
    }
}

/// Reads all pages one after another, as a plain client would, and does nothing with them.
fn pages(url: &str) -> Measured {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // The second time it is installed already.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client");
    let began = Instant::now();
    let (mut pages, mut cursor) = (0, None::<String>);
    loop {
        let mut body = json!({"limit": 100, "query": {"sort": {"field": "CREATED_AT"}}});
        if let (Some(cursor), Some(body)) = (&cursor, body.as_object_mut()) {
            body.insert("cursor".to_owned(), Value::from(cursor.as_str()));
        }
        let answer = runtime.block_on(async {
            let asked = client
                .post(format!("{url}/v2/customers/search"))
                .bearer_auth(TOKEN)
                .json(&body);
            asked.send().await?.text().await
        });
        pages += 1;
        let answer = answer.expect("a page");
        let found = answer.rsplit_once(r#""cursor":""#);
        let Some((_, rest)) = found else {
            break;
        };
        cursor = rest.split('"').next().map(str::to_owned);
    }
    Measured {
        time: began.elapsed(),
        pages,
        ..Measured::default()
    }
}

/// Lets the real program read everything.
fn backfill(square: &str, database: &str) -> Measured {
    let began = Instant::now();
    let mut process = Command::new(BINARY)
        .arg("backfill")
        .env("SQUARE_API_URL", square)
        .env("SQUARE_ACCESS_TOKEN", TOKEN)
        .env("DATABASE_URL", database)
        .env("SQUARESYNC_LOG", "warn")
        .stdout(Stdio::null())
        .spawn()
        .expect("squaresync");
    let mut used = Used::default();
    let ended = loop {
        if let Some(ended) = process.try_wait().expect("its state") {
            break ended;
        }
        let written = usage::number(process.id(), "io", "write_bytes:") / 1024 / 1024;
        // One that is about to end tells nothing any more.
        used = Used {
            cpu: used.cpu.max(usage::cpu(process.id())),
            peak: used.peak.max(usage::peak(process.id())),
            written: used.written.max(written),
        };
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(ended.success(), "the backfill failed");
    Measured {
        time: began.elapsed(),
        used: Some(used),
        ..Measured::default()
    }
}
