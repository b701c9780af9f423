//! The true binary as a process: settings by its environment, Square as the
//! simulator over real HTTP, other programs by plain SQL. What it promises to
//! those who start, stop and kill it.

mod backfill;
mod bar;
mod census;
mod commands;
mod disk;
mod events;
mod failing;
mod full;
mod inserter;
mod killed;
mod large;
mod leases;
mod moved;
mod people;
mod power;
mod quiet;
mod recorded;
mod sender;
mod serve;
mod strace;
mod tls;
mod trim;
mod trouble;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use squaresync::square::simulator::{Options, Simulator, Webhook};

use crate::receive::wire::{Answer, ask, request};
use crate::support::process::{KEY, LONG, TOKEN, URL, until};
use crate::support::{OtherProgram, TestDb};

/// A Square by the true clock, that posts its events to where it is told.
fn options() -> Options {
    Options {
        token: TOKEN.to_owned(),
        index_lag: Duration::from_millis(200),
        webhook: Some(Webhook {
            notification_url: URL.to_owned(),
            post_to: None,
            keys: vec![KEY.to_owned()],
        }),
        deliver: true,
        ..Options::default()
    }
}

fn square() -> Simulator {
    Simulator::start(options()).unwrap()
}

/// The same with so many customers in it.
fn with_customers(customers: usize) -> Simulator {
    let options = Options {
        customers,
        ..options()
    };
    Simulator::start(options).unwrap()
}

fn webhooks(address: SocketAddr) -> String {
    format!("http://{address}/webhooks/square")
}

/// What readiness says, in detail.
async fn ready(address: SocketAddr) -> (u16, Value) {
    let Answer { status, body, .. } = ask(address, &request("GET /health/ready", &[], b"")).await;
    (status, serde_json::from_str(&body).unwrap())
}

/// Waits until a query has as many rows.
async fn rows(db: &TestDb, table_and_condition: &str, count: usize) {
    let mut other = OtherProgram::new(db);
    let told = || format!("{count} of {table_and_condition}");
    until(LONG, told, || {
        (other.count(table_and_condition) == count).then_some(())
    })
    .await;
}

/// The live rows, or the customers that Square shows, as lines that are to be equal.
fn ours(db: &TestDb) -> Vec<String> {
    let mut other = OtherProgram::new(db);
    let mut lines: Vec<String> = other
        .values(
            "SELECT coalesce(square_id, '-') || ' ' || coalesce(square_version, -1) || ' ' || \
             coalesce(given_name, '-') || ' ' || sync_state AS value FROM live_customers",
        )
        .into_iter()
        .flatten()
        .collect();
    lines.sort();
    lines
}

fn theirs(square: &Simulator) -> Vec<String> {
    let mut lines: Vec<String> = square
        .customers()
        .iter()
        .map(|customer| {
            let text = |key: &str| customer.get(key).and_then(Value::as_str).unwrap_or("-");
            let (id, name) = (text("id"), text("given_name"));
            format!("{id} {} {name} synced", customer["version"])
        })
        .collect();
    lines.sort();
    lines
}

/// Waits until both sides hold the same.
async fn settled(db: &TestDb, square: &Simulator) {
    settled_within(LONG, db, square).await;
}

/// Waits until both sides hold the same, where there may be much to do first.
async fn settled_within(limit: Duration, db: &TestDb, square: &Simulator) {
    let told = || {
        let (ours, theirs) = (ours(db), theirs(square));
        let only = |these: &[String], those: &[String]| {
            let alone = these.iter().filter(|line| !those.contains(line));
            alone.take(5).cloned().collect::<Vec<_>>()
        };
        format!(
            "ours alone {:?}, theirs alone {:?}",
            only(&ours, &theirs),
            only(&theirs, &ours)
        )
    };
    until(limit, told, || (ours(db) == theirs(square)).then_some(())).await;
}
