//! How fast a directory is read: the real binary against the real simulator,
//! each a process of its own, beside a plain client that reads the same pages one
//! after another in the same run. `cargo bench --bench backfill`; it prints tables.
//!
//! `SQUARESYNC_BENCH_CUSTOMERS` (100000) is the size of the directory;
//! `SQUARESYNC_BENCH_MANY` (none) that of one more, read for its memory alone;
//! `TEST_DATABASE_URL`, where it is set, adds PostgreSQL.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints, and one that cannot go on should say where"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};
use squaresync::square::simulator::{Clock, Options, Simulator};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_squaresync");
const TOKEN: &str = "sandbox-token";
/// How late the simulator answers where lateness is measured.
const LATE: &str = "50ms";
/// How many customers each of the spreads has.
const SPREAD: u32 = 20_000;

fn main() {
    let customers = number("SQUARESYNC_BENCH_CUSTOMERS").unwrap_or(100_000);
    println!("Backfill of {customers} customers\n");
    println!("| what | s | customers/s | pages/s | peak MiB | MiB written | ratio |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let at_once = Square::start(customers, None);
    let ceiling = pages(&at_once.url);
    row("simulator alone, 0 ms", customers, &ceiling, None);
    each_database(|name, url| {
        let first = backfill(&at_once.url, url);
        row(&format!("{name}, 0 ms"), customers, &first, None);
        let second = backfill(&at_once.url, url);
        row(&format!("{name}, 0 ms, again"), customers, &second, None);
    });
    drop(at_once);
    let late = Square::start(customers, Some(LATE));
    let plain = pages(&late.url);
    let label = format!("pages one after another, {LATE}");
    row(&label, customers, &plain, Some(1.0));
    each_database(|name, url| {
        let read = backfill(&late.url, url);
        let ratio = plain.time.as_secs_f64() / read.time.as_secs_f64();
        row(&format!("{name}, {LATE}"), customers, &read, Some(ratio));
    });
    drop(late);
    if let Some(many) = number("SQUARESYNC_BENCH_MANY") {
        let square = Square::start(many, None);
        each_database(|name, url| {
            let read = backfill(&square.url, url);
            row(&format!("{name}, {many} customers"), many, &read, None);
        });
    }
    spreads();
}

fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}

/// What was measured.
#[derive(Default)]
struct Measured {
    time: Duration,
    pages: u32,
    /// MiB, of a process.
    peak: u64,
    written: u64,
}

fn row(what: &str, customers: u32, measured: &Measured, ratio: Option<f64>) {
    let seconds = measured.time.as_secs_f64();
    let pages = if measured.pages == 0 {
        String::new()
    } else {
        format!("{:.0}", f64::from(measured.pages) / seconds)
    };
    let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.1}"));
    println!(
        "| {what} | {seconds:.1} | {:.0} | {pages} | {} | {} | {ratio} |",
        f64::from(customers) / seconds,
        measured.peak,
        measured.written
    );
}

/// Does the same on SQLite and, where there is one, on PostgreSQL.
fn each_database(mut measure: impl FnMut(&str, &str)) {
    let folder = TempDir::new().expect("a folder");
    let file = format!("sqlite:{}", folder.path().join("bench.db").display());
    measure("SQLite", &file);
    if let Ok(server) = std::env::var("TEST_DATABASE_URL") {
        let schema = format!("bench_{}", uuid::Uuid::new_v4().simple());
        psql(&server, &format!("CREATE SCHEMA {schema}"));
        let mark = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{mark}options=-csearch_path%3D{schema}");
        measure("PostgreSQL", &url);
        psql(&server, &format!("DROP SCHEMA {schema} CASCADE"));
    }
}

fn psql(server: &str, sql: &str) {
    let done = Command::new("psql")
        .args(["-q", server, "-c", sql])
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
    let mut measured = Measured::default();
    let ended = loop {
        if let Some(ended) = process.try_wait().expect("its state") {
            break ended;
        }
        let of_kernel = |file: &str, key: &str| {
            let text = std::fs::read_to_string(format!("/proc/{}/{file}", process.id())).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let peak = of_kernel("status", "VmHWM:").unwrap_or_default() / 1024;
        let written = of_kernel("io", "write_bytes:").unwrap_or_default() / 1024 / 1024;
        measured.peak = measured.peak.max(peak);
        measured.written = measured.written.max(written);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(ended.success(), "the backfill failed");
    measured.time = began.elapsed();
    measured
}

/// Counts requests for directories whose customers came in other ways.
fn spreads() {
    println!("\n| {SPREAD} customers who came | requests | at most |");
    println!("| --- | --- | --- |");
    let wave = |number: u32| match number % 4000 {
        0 => TimeDelta::days(40),
        _ => TimeDelta::milliseconds(20),
    };
    spread("evenly in five years", |_| TimeDelta::minutes(131));
    spread("on one day", |_| TimeDelta::milliseconds(4300));
    spread("in one second", |number| {
        TimeDelta::milliseconds(i64::from(number % 20 == 0))
    });
    spread("at once", |_| TimeDelta::zero());
    spread("in waves", wave);
}

fn spread(how: &str, gap: impl Fn(u32) -> TimeDelta) {
    let start = chrono::DateTime::UNIX_EPOCH + TimeDelta::days(19_000);
    let options = Options {
        clock: Clock::manual(start),
        webhook: None,
        ..Options::default()
    };
    let square = Simulator::start(options).expect("a simulator");
    for number in 0..SPREAD {
        square.advance(gap(number).to_std().expect("a time"));
        square.create(&json!({"given_name": format!("C{number}")}));
    }
    square.advance(Duration::from_secs(86_400));
    let folder = TempDir::new().expect("a folder");
    let file = format!("sqlite:{}", folder.path().join("bench.db").display());
    backfill(&square.url(), &file);
    let calls = square.calls();
    let asked = calls.iter().filter(|call| call.path.ends_with("/search"));
    let most = SPREAD.div_ceil(100) * 115 / 100 + 20;
    println!("| {how} | {} | {most} |", asked.count());
}
