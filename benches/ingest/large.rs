//! Whether the size of the tables matters: the same load on a small table and on
//! a large one, three of four events about customers who are there already.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use squaresync::square::simulator::Simulator;

use crate::common::cluster::{Database, Kind};
use crate::common::process::Process;
use crate::common::report::Report;
use crate::events::{Events, SELLER};
use crate::load;
use crate::{many, serve};

/// The small table.
const FEW: u64 = 10_000;
/// How many connections send.
const CONNECTIONS: usize = 64;
/// How often each side is measured; the one in the middle counts.
const ROUNDS: usize = 5;
/// What groups their profiles show.
const GROUPS: &str = r#"["J1N2VWDHFT4W2.REACHABLE","gv2:VWG4XZXQCX7WH5QZ3VFJ4HHK58"]"#;

/// Writes a row for each size of each database.
pub(crate) fn compare(report: &mut Report, square: &Simulator, rows: u64) {
    report.table(&[
        "what",
        "rows",
        "events/s",
        "% of the small table",
        "p99 ms",
        "ms from its start to its first answer",
    ]);
    for kind in Kind::ALL {
        // In turns: how fast the machine is changes from one minute to the next.
        let mut sides = [FEW, rows].map(|rows| Side::start(kind, square, rows));
        for _ in 0..ROUNDS {
            sides.iter_mut().for_each(Side::load);
        }
        let [small, large] = &mut sides;
        let usual = small.row(report, kind, None);
        large.row(report, kind, Some(usual));
    }
}

/// A service with its table.
struct Side {
    rows: u64,
    events: Events,
    address: SocketAddr,
    _process: Process,
    _database: Database,
    first: Duration,
    /// How fast each round was, and its 99th percentile.
    rounds: Vec<(f64, Duration)>,
}

impl Side {
    fn start(kind: Kind, square: &Simulator, rows: u64) -> Self {
        let database = Database::new(kind);
        drop(serve(&database, square));
        fill(&database, rows);
        let mut events = Events::about(rows);
        let one = events.requests(1);
        let began = Instant::now();
        let (process, address) = serve(&database, square);
        load::drive(address, 1, one);
        let first = began.elapsed();
        load::drive(address, 16, events.requests(2_000));
        Self {
            rows,
            events,
            address,
            _process: process,
            _database: database,
            first,
            rounds: Vec::new(),
        }
    }

    fn load(&mut self) {
        let requests = self.events.requests(many() / ROUNDS);
        let mut load = load::drive(self.address, CONNECTIONS, requests);
        self.rounds.push((load.rate(), load.times.percentile(99)));
    }

    /// Gives the rate.
    fn row(&mut self, report: &mut Report, kind: Kind, small: Option<f64>) -> f64 {
        self.rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (rate, p99) = self.rounds.get(ROUNDS / 2).copied().expect("a round");
        report.row(&[
            kind.name().to_owned(),
            self.rows.to_string(),
            format!("{rate:.0}"),
            small.map_or_else(String::new, |small| format!("{:.0}", 100.0 * rate / small)),
            format!("{:.1}", p99.as_secs_f64() * 1000.0),
            format!("{:.0}", self.first.as_secs_f64() * 1000.0),
        ]);
        rate
    }
}

/// Makes customers who are there already, as the program would have.
fn fill(database: &Database, rows: u64) {
    match database {
        Database::Sqlite(folder) => {
            let path = folder.path().join("bench.db");
            let mut connection =
                SqliteConnection::establish(&path.to_string_lossy()).expect("a file");
            let numbers = format!(
                "(WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < {rows}) SELECT n FROM n)"
            );
            let id = "printf('SQ%012d', n * 2654435761 % 4294967296)";
            let own = own(
                "printf('%012x', (1500000000 + n * 100) * 1000)",
                "printf('%012x', n)",
            );
            let sql = format!(
                "PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; BEGIN; INSERT INTO own_writes VALUES (1); {} \
                 DELETE FROM own_writes; COMMIT; PRAGMA wal_checkpoint(TRUNCATE); ANALYZE;",
                inserts(&numbers, id, &own)
            );
            connection.batch_execute(&sql).expect("customers");
        }
        Database::Postgres(_) => {
            let mut connection = PgConnection::establish(&database.url()).expect("a server");
            let numbers = format!("generate_series(0, {rows}::bigint - 1) AS n (n)");
            let id = "'SQ' || lpad((n * 2654435761 % 4294967296)::text, 12, '0')";
            let own = own(
                "lpad(to_hex((1500000000 + n * 100) * 1000), 12, '0')",
                "lpad(to_hex(n), 12, '0')",
            );
            let sql = format!(
                "SET synchronous_commit = off; SET squaresync.own_write = 'on'; {} ANALYZE; CHECKPOINT;",
                inserts(&numbers, id, &own)
            );
            connection.batch_execute(&sql).expect("customers");
        }
    }
}

/// The id of a row, which begins with the time of its profile.
fn own(time: &str, number: &str) -> String {
    format!("substr({time}, 1, 8) || '-' || substr({time}, 9, 4) || '-7000-8000-' || {number}")
}

/// They show as much of each as the events do: a row that grew fivefold with the first
/// event about it would move others from their pages.
fn inserts(numbers: &str, id: &str, own: &str) -> String {
    let columns = [
        ("given_name", "Ann"),
        ("family_name", "Number"),
        ("email_address", "ann.000000@example.com"),
        ("phone_number", "+1 212 555 4240"),
        ("birthday", "1990-04-17"),
        ("note", "comes on Tuesdays"),
        ("address_line_1", "100000 High Street"),
        ("address_line_2", "Flat 7"),
        ("locality", "Oakland"),
        ("administrative_district_level_1", "CA"),
        ("postal_code", "94608"),
        ("country", "US"),
        ("creation_source", "DIRECTORY"),
        ("group_ids", GROUPS),
        ("square_created_at", "2026-03-02 10:15:30.4"),
        ("square_updated_at", "2026-03-02 10:15:31"),
    ];
    let names = columns.map(|(name, _)| name).join(", ");
    let values = columns.map(|(_, value)| format!("'{value}'")).join(", ");
    let profile = format!(
        r#"'{{"address":{{"address_line_1":"100000 High Street","address_line_2":"Flat 7","administrative_district_level_1":"CA","country":"US","locality":"Oakland","postal_code":"94608"}},"birthday":"1990-04-17","created_at":"2026-03-02T10:15:30.4Z","creation_source":"DIRECTORY","email_address":"ann.000000@example.com","family_name":"Number","given_name":"Ann","group_ids":{GROUPS},"id":"' || {id} || '","note":"comes on Tuesdays","phone_number":"+1 212 555 4240","preferences":{{"email_unsubscribed":false}},"updated_at":"2026-03-02T10:15:31Z","version":0}}'"#
    );
    format!(
        "INSERT INTO sellers (merchant_id, environment, created_at) VALUES ('{SELLER}', 'sandbox', '2026-03-02 10:15:31') \
         ON CONFLICT DO NOTHING; \
         INSERT INTO customers (id, merchant_id, square_id, {names}, email_unsubscribed, square_version, sync_state) \
         SELECT {own}, '{SELLER}', {id}, {values}, false, 0, 'synced' FROM {numbers}; \
         INSERT INTO images (merchant_id, square_id, customer_id, version, profile, apart, unmerged, observed_at) \
         SELECT '{SELLER}', {id}, {own}, 0, {profile}, '{{}}', false, '2026-03-02 10:15:31' FROM {numbers};"
    )
}
