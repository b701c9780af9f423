//! How fast rows get to Square: the real binary and the real simulator, each a
//! process of its own, beside a plain client that makes the same customers one by
//! one in the same run. `cargo bench --bench push` prints tables and writes them
//! into `benches/RESULTS.md`.
//!
//! `SQUARESYNC_BENCH_ROWS` (10000) rows are inserted by one statement. PostgreSQL
//! is the server of `TEST_DATABASE_URL`, or a private one.

#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a bench that cannot go on should say where"
)]

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::json;
use tempfile::TempDir;

mod parts;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
#[path = "../common/report.rs"]
mod report;
#[path = "../common/usage.rs"]
mod usage;

use report::Report;

use parts::{LATE, Other, Process, Web};

/// How many customers are made one by one.
const ALONE: u32 = 200;
/// How many single rows are timed.
const SINGLE: usize = 20;

fn main() {
    let rows = std::env::var("SQUARESYNC_BENCH_ROWS").ok();
    let rows = rows.and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let title = format!("{rows} rows, {LATE} a request");
    let mut report = Report::new("push", &title);
    report.table(&[
        "what",
        "rows",
        "s",
        "rows/s",
        "calls",
        "CPU s per 1,000",
        "peak MiB",
        "ratio",
    ]);
    let alone = one_by_one();
    let one_by_one = Measured {
        rows: ALONE,
        time: alone,
        calls: u64::from(ALONE),
        used: None,
    };
    row(
        &mut report,
        "one by one, a plain client",
        &one_by_one,
        alone,
    );
    let mut latencies = Vec::new();
    let file = TempDir::new().expect("a folder");
    let sqlite = format!("sqlite:{}", file.path().join("bench.db").display());
    let singles = database(&mut report, "SQLite", &sqlite, rows, alone);
    latencies.push(("SQLite", singles));
    match postgres::server() {
        Ok(server) => {
            let url = schema(server);
            let singles = database(&mut report, "PostgreSQL", &url, rows, alone);
            latencies.push(("PostgreSQL", singles));
        }
        Err(message) => eprintln!("PostgreSQL is left out: {message}"),
    }
    report.table(&[
        "one row, from its commit until Square has it",
        "p50 ms",
        "most ms",
    ]);
    for (name, mut times) in latencies {
        times.sort_unstable();
        let at = |place: usize| times.get(place).map_or(0, Duration::as_millis);
        let (half, most) = (at(SINGLE / 2), at(SINGLE - 1));
        report.row(&[name.to_owned(), half.to_string(), most.to_string()]);
    }
    report.write().expect("benches/RESULTS.md");
}

/// What was measured.
struct Measured {
    rows: u32,
    time: Duration,
    calls: u64,
    /// What squaresync computed, and the most memory it had, in MiB.
    used: Option<(Duration, u64)>,
}

fn row(report: &mut Report, what: &str, measured: &Measured, alone: Duration) {
    let seconds = measured.time.as_secs_f64();
    let rows = f64::from(measured.rows);
    let one = alone.as_secs_f64() / f64::from(ALONE);
    let (cpu, peak) = measured.used.map_or_else(Default::default, |(cpu, peak)| {
        let cpu = cpu.as_secs_f64() * 1000.0 / rows;
        (format!("{cpu:.3}"), peak.to_string())
    });
    report.row(&[
        what.to_owned(),
        rows.to_string(),
        format!("{seconds:.2}"),
        format!("{:.0}", rows / seconds),
        measured.calls.to_string(),
        cpu,
        peak,
        format!("{:.0}", one * rows / seconds),
    ]);
}

/// Makes customers with one call after another, and does nothing with the answers.
fn one_by_one() -> Duration {
    let square = Process::square();
    let web = Web::new();
    let began = Instant::now();
    for number in 0..ALONE {
        let body = json!({
            "idempotency_key": format!("bench-{number}"),
            "given_name": "Ann",
            "family_name": format!("Number {number}"),
            "reference_id": format!("{number}"),
        });
        web.post(&format!("{}/v2/customers", square.address), &body);
    }
    began.elapsed()
}

/// Measures on one database, from the commit of the statement that writes the
/// rows until all are settled. Gives how long single rows took.
fn database(
    report: &mut Report,
    name: &str,
    url: &str,
    rows: u32,
    alone: Duration,
) -> Vec<Duration> {
    let square = Process::square();
    let web = Web::new();
    let service = Process::serve(&square.address, url);
    let mut other = Other::connect(url);
    let singles = (0..SINGLE).map(|_| single(&web, &square.address, &mut other));
    let singles: Vec<Duration> = singles.collect();
    other.settled();
    let numbers = other.numbers(rows);
    let mut measure = |what: &str, sql: &str| {
        let before = web.state(&square.address, "writes");
        other.run(sql);
        let (began, computed) = (Instant::now(), usage::cpu(service.id()));
        other.settled();
        let measured = Measured {
            rows,
            time: began.elapsed(),
            calls: web.state(&square.address, "writes") - before,
            used: Some((
                usage::cpu(service.id()) - computed,
                usage::peak(service.id()),
            )),
        };
        row(report, &format!("{name}, {what}"), &measured, alone);
    };
    measure(
        "new rows",
        &format!(
            "INSERT INTO customers (given_name, family_name) SELECT 'Ann', 'Number ' || n FROM {numbers}"
        ),
    );
    measure(
        "edited rows",
        "UPDATE customers SET note = 'new' WHERE family_name LIKE 'Number %'",
    );
    let customers = web.state(&square.address, "customers");
    assert_eq!(
        customers,
        u64::from(rows) + u64::try_from(SINGLE).expect("a number")
    );
    drop(service);
    singles
}

/// Times one row from its commit until Square has it.
fn single(web: &Web, square: &str, other: &mut Other) -> Duration {
    let before = web.state(square, "customers");
    other.run("INSERT INTO customers (given_name) VALUES ('Single')");
    let began = Instant::now();
    while web.state(square, "customers") == before {
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = began.elapsed();
    // The next one comes when nobody waits for it.
    std::thread::sleep(Duration::from_millis(137));
    took
}

/// A new schema on this server.
fn schema(server: &str) -> String {
    let schema = format!("bench_{}", uuid::Uuid::new_v4().simple());
    let mut connection = PgConnection::establish(server).expect("PostgreSQL");
    let made = connection.batch_execute(&format!("CREATE SCHEMA {schema}"));
    made.expect("a schema");
    let mark = if server.contains('?') { '&' } else { '?' };
    format!("{server}{mark}options=-csearch_path%3D{schema}")
}
