//! How fast webhooks become durable: the real program on both databases, under a
//! sender on 1 to 256 kept connections, beside what the machine can do at most,
//! measured in the same run: its commits of the same rows, and the same server
//! storing nothing. `cargo bench --bench ingest` prints tables and writes them
//! into `benches/RESULTS.md`.
//!
//! Parts can be named (`-- sqlite`, `-- postgresql`, `-- slow`, `-- large`): then no
//! others run, and the file stays as it is.
//!
//! `SQUARESYNC_BENCH_EVENTS` (30000) events are sent where there are many
//! connections; `SQUARESYNC_BENCH_FLUSH_US` (5000) is how much longer the slow disk
//! takes to flush; `SQUARESYNC_BENCH_ROWS` (1000000) is the large table, 0 leaves it
//! out. PostgreSQL is the server of `TEST_DATABASE_URL`, or a private one.

#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::as_conversions,
    reason = "a bench that cannot go on should say where, and its numbers are small"
)]

#[path = "../common/shared.rs"]
mod common;
mod events;
mod large;
mod load;
mod raw;
mod slow;
mod unstored;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use common::cluster::{Database, Kind};
use common::process::{PROGRAM, Process};
use common::report::Report;
use events::{Events, KEY, URL};
use mimalloc::MiMalloc;
use squaresync::square::simulator::{Options, Simulator};

/// The program's own: the server that stores nothing runs in this one.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How many connections send, and their share of the events in percent.
const CONNECTIONS: [(usize, usize); 4] = [(1, 5), (16, 50), (64, 100), (256, 200)];
/// How long raw commits are measured.
const RAW: Duration = Duration::from_secs(3);

fn main() {
    if std::env::args().any(|argument| argument == unstored::ROLE) {
        return unstored::serve();
    }
    let square = Simulator::start(Options::default()).expect("a simulator");
    if std::env::args().any(|argument| argument == slow::ROLE) {
        return slow::measure(&square);
    }
    let mut report = Report::new("ingest", "webhooks, each on disk before its answer");
    let ceiling = ceiling(&mut report);
    for kind in Kind::ALL.into_iter().filter(|kind| is_wanted(kind.name())) {
        database(&mut report, kind, &square, &ceiling);
    }
    if is_wanted("slow") {
        slow::compare(&mut report);
    }
    let rows = number("SQUARESYNC_BENCH_ROWS", 1_000_000);
    if 0 < rows && is_wanted("large") {
        large::compare(&mut report, &square, rows as u64);
    }
    if wanted().next().is_none() {
        report.write().expect("benches/RESULTS.md");
    }
}

/// The parts that are named, if not all are wanted.
fn wanted() -> impl Iterator<Item = String> {
    let named = std::env::args().skip(1);
    named.filter(|argument| !argument.starts_with("--"))
}

fn is_wanted(part: &str) -> bool {
    wanted().next().is_none() || wanted().any(|named| named.eq_ignore_ascii_case(part))
}

fn number(name: &str, usual: usize) -> usize {
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    given.unwrap_or(usual)
}

/// How many events are sent on many connections.
fn many() -> usize {
    number("SQUARESYNC_BENCH_EVENTS", 30_000)
}

/// The service on this database.
fn serve(database: &Database, square: &Simulator) -> (Process, SocketAddr) {
    Process::listening(
        Command::new(PROGRAM)
            .arg("serve")
            .env("DATABASE_URL", database.url())
            .env("SQUARE_API_URL", square.url())
            .env("SQUARE_ACCESS_TOKEN", &square.token)
            .env("SQUARE_WEBHOOK_SIGNATURE_KEY", KEY)
            .env("SQUARE_WEBHOOK_URL", URL)
            .env("SQUARESYNC_LISTEN", "127.0.0.1:0")
            .env("SQUARESYNC_RECONCILE_EVERY", "1h")
            .env("SQUARESYNC_LOG", "info")
            .env("SQUARESYNC_LOG_FORMAT", "json"),
    )
}

/// Sends to one process on more and more connections, and writes a row for each.
/// Gives the rates.
fn rates(
    report: &mut Report,
    what: &str,
    process: &Process,
    address: SocketAddr,
    against: impl Fn(usize, f64) -> [String; 2],
) -> Vec<f64> {
    let mut events = Events::new();
    // The first ones make connections, caches and prepared statements.
    load::drive(address, 16, events.requests(500));
    let mut rates = Vec::new();
    for (position, (connections, share)) in CONNECTIONS.into_iter().enumerate() {
        let requests = events.requests(many() * share / 100);
        let before = process.cpu();
        let mut load = load::drive(address, connections, requests);
        let cpu = (process.cpu() - before).as_secs_f64() / load.events as f64 * 1000.0;
        let [ratio, share] = against(position, load.rate());
        let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
        report.row(&[
            what.to_owned(),
            connections.to_string(),
            format!("{:.0}", load.rate()),
            ratio,
            share,
            ms(load.times.percentile(50)),
            ms(load.times.percentile(99)),
            format!("{cpu:.3}"),
            process.peak().to_string(),
        ]);
        rates.push(load.rate());
    }
    rates
}

const COLUMNS: [&str; 9] = [
    "what",
    "connections",
    "events/s",
    "x one by one",
    "% of ceiling",
    "p50 ms",
    "p99 ms",
    "CPU s per 1,000",
    "peak MiB",
];

/// The same server storing nothing.
fn ceiling(report: &mut Report) -> Vec<f64> {
    report.table(&COLUMNS);
    let this = std::env::current_exe().expect("this program");
    let (process, address) = Process::listening(Command::new(this).arg(unstored::ROLE));
    let nothing = |_, _| [String::new(), String::new()];
    rates(
        report,
        "verified and parsed only",
        &process,
        address,
        nothing,
    )
}

/// The service on one kind of database, beside that database alone.
fn database(report: &mut Report, kind: Kind, square: &Simulator, ceiling: &[f64]) {
    let name = kind.name();
    let one = raw_row(report, name, kind, 1);
    let database = Database::new(kind);
    let (process, address) = serve(&database, square);
    let against = |position: usize, rate: f64| {
        let share = ceiling
            .get(position)
            .map(|most| format!("{:.0}", 100.0 * rate / most));
        [format!("{:.1}", rate / one), share.unwrap_or_default()]
    };
    rates(report, name, &process, address, against);
    drop(process);
    for together in [64, 256] {
        raw_row(report, name, kind, together);
    }
    // Disks are not always as fast: the same again shows how far the ratios can be trusted.
    raw_row(report, name, kind, 1);
}

fn raw_row(report: &mut Report, name: &str, kind: Kind, together: usize) -> f64 {
    let (rate, mut times) = raw::commits(kind, together, RAW);
    let ms = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1000.0);
    report.row(&[
        format!("{name} alone, {together} in a commit"),
        String::new(),
        format!("{rate:.0}"),
        String::new(),
        String::new(),
        ms(times.percentile(50)),
        ms(times.percentile(99)),
        String::new(),
        String::new(),
    ]);
    rate
}
