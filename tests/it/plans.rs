//! What runs while serving finds its rows by an index, however many there are.
//!
//! Every flow is driven on a small database and each statement it sends is
//! written down. Then the plan of each is asked for: on SQLite, where plans do
//! not hang on how many rows there are, with the same values bound; on
//! PostgreSQL with the values put in, among a hundred thousand rows of each kind.

mod recorder;
mod sets;
mod value;

use std::time::Duration;

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use serde_json::json;
use squaresync::flows::Step;
use squaresync::flows::receive::Delivery;
use squaresync::flows::status::Status;
use squaresync::flows::trim::Trim;
use squaresync::square::signature::Verified;

use crate::receive::effects::event;
use crate::receive::served::served;
use crate::support::app::options;
use crate::support::{App, OtherProgram, TestDb, on_each_database};
use value::Value;

on_each_database! {
    every_statement_finds_its_rows_by_an_index,
    what_is_known_is_looked_up_once_and_no_row_is_read,
}

/// The tables that have a row or more for each customer.
const LARGE: [&str; 5] = ["customers", "images", "inbox", "changes", "outbox"];
/// Indexes of which all may be read: those of rows that are few, and the one that
/// has calls in the order in which they are tried, where the first is enough.
const FEW: [&str; 2] = ["images_unmerged", "outbox_due"];

async fn every_statement_finds_its_rows_by_an_index(db: TestDb) {
    recorder::watch(&db);
    let app = everything(db).await;
    let sent = recorder::sent(&app.db);
    assert!(50 < sent.len(), "{sent:?}");
    let mut other = app.other();
    fill(&mut other);

    let faults = faults(&mut other, &sent);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let all = ("SELECT id FROM customers ORDER BY id".to_owned(), vec![]);
    let seen = self::faults(&mut other, &[all]);
    assert_eq!(
        seen.len(),
        1,
        "an index that is read from one end to the other is seen"
    );

    other.run("DROP INDEX customers_by_state").unwrap();
    let missed = self::faults(&mut other, &sent);
    assert!(!missed.is_empty(), "a scan is seen");
}

async fn what_is_known_is_looked_up_once_and_no_row_is_read(db: TestDb) {
    recorder::watch(&db);
    let app = served(&db).await;
    app.take(&event("1", "customer.created", "A", 0)).await;
    app.take(&event("2", "customer.created", "B", 0)).await;
    recorder::watch(&db);
    let again = [("3", "A"), ("4", "A"), ("5", "B")].map(|(name, id)| {
        let body = event(name, "customer.updated", id, 0);
        Delivery::read(&Verified::recorded(Bytes::from(body)))
    });

    let outcomes = app.receive.take(again.to_vec(), Utc::now()).await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");

    let sent = recorder::taken(&db);
    let of = |table| recorder::count(&sent, table);
    assert_eq!((of("images"), of("customers")), (1, 0), "{sent:?}");
    let mut other = OtherProgram::new(&db);
    assert_eq!((other.count("inbox"), other.count("changes")), (5, 2));
}

/// All that a service does, at least once.
async fn everything(db: TestDb) -> App {
    let mut app = App::with(db, options(), true).await;
    let ids =
        ["Ann", "Bob", "Cid", "Dan"].map(|name| app.square.create(&json!({"given_name": name})));
    app.settle().await;
    assert!(app.square.update(&ids[0], &json!({"note": "there"})));
    let row = app
        .other()
        .values("SELECT id AS value FROM customers WHERE given_name = 'Ann'");
    let ann = row.into_iter().flatten().next().unwrap();
    app.sql(&format!(
        "UPDATE customers SET note = 'here' WHERE id = '{ann}'"
    ));
    assert!(app.square.delete(&ids[1]));
    app.square.merge(&[&ids[2], &ids[3]]).unwrap();
    app.deliver_all().await;
    app.settle().await;
    for row in 0..40 {
        app.sql(&format!(
            "INSERT INTO customers (id, given_name) VALUES ('c{row}', 'C')"
        ));
    }
    app.settle().await;
    for row in 0..30 {
        app.sql(&format!("DELETE FROM customers WHERE id = 'c{row}'"));
    }
    while app.push_once().await.unwrap() == Step::Worked {}
    // A list that nobody announced, and a start on what is there.
    assert!(app.square.update(&ids[0], &json!({"note": "listed"})));
    app.events();
    app.pass().await;
    app.census_all().await;
    app.ask_for_events().await;
    let mut app = app.crash().await;
    app.receive.take_waiting(app.now()).await.unwrap();
    app.pass().await;
    Status::read(&app.store, app.now()).await.unwrap();
    app.store.probe().await.unwrap();
    app.advance(Duration::from_secs(31 * 86_400)).await;
    let mut trim = Trim::new(app.store.clone(), TimeDelta::days(30));
    while trim.step(app.now()).await.unwrap() == Step::Worked {}
    assert_ne!(trim.gone(), 0);
    app
}

/// Makes the tables as large as PostgreSQL's plans need.
fn fill(other: &mut OtherProgram) {
    if matches!(other, OtherProgram::Sqlite(_)) {
        return;
    }
    other
        .run(
            "BEGIN; SET LOCAL squaresync.own_write = 'on';
             INSERT INTO customers (id, merchant_id, square_id, given_name, sync_state)
                SELECT 'fill' || i, merchant_id, 'FILL' || i, 'Name ' || i, 'synced' FROM sellers, generate_series(1, 100000) AS i;
             INSERT INTO images (merchant_id, square_id, customer_id, version, profile, apart, observed_at)
                SELECT merchant_id, square_id, id, 1, repeat('{} ', 100), '{}', now() FROM customers WHERE id LIKE 'fill%';
             INSERT INTO inbox (merchant_id, event_id, body, body_sha256, state, received_at)
                SELECT merchant_id, id, decode(repeat('00', 400), 'hex'), id, 'applied', now() - random() * interval '31 days' FROM customers;
             INSERT INTO changes (merchant_id, customer_id, source, fields, changed_at)
                SELECT merchant_id, id, 'event', repeat('{} ', 100), now() FROM customers;
             INSERT INTO outbox (customer_id, merchant_id, operation, square_id, body, sent_fields, next_attempt_at, created_at)
                SELECT id, merchant_id, 'update', square_id, repeat('{} ', 100), '{}', '2999-01-01', now() FROM customers WHERE id LIKE 'fill1%';
             COMMIT",
        )
        .unwrap();
    // What a transaction elsewhere on the server still sees, VACUUM leaves for the next time.
    for table in LARGE {
        let unseen =
            format!("pg_class WHERE oid = '{table}'::regclass AND relallvisible < relpages * 0.9");
        let is_seen = (0..1000).any(|_| {
            other.run(&format!("VACUUM ANALYZE {table}")).unwrap();
            other.count(&unseen) == 0
        });
        assert!(is_seen, "VACUUM gets no further with {table}");
    }
}

fn faults(other: &mut OtherProgram, sent: &[(String, Vec<Value>)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (sql, values) in sent {
        let plan = match other {
            OtherProgram::Sqlite(_) => on_sqlite(other, sql, values),
            OtherProgram::Postgres(_) => on_postgres(other, sql, values),
        };
        let next = plan.iter().skip(1).map(String::as_str).chain([""]);
        let mut lines = plan.iter().zip(next);
        let reads_all =
            |(line, next): &(&String, &str)| is_scan(line, sql) || is_unbounded(line, next, sql);
        if let Some((line, _)) = lines.find(reads_all) {
            faults.push(format!(
                "{line}: {sql} {values:?}\n    {}",
                plan.join("\n    ")
            ));
        }
    }
    faults
}

/// Whether a line of a plan reads a large table from one end to the other.
fn is_scan(line: &str, sql: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_large = words.iter().any(|word| LARGE.contains(word));
    let is_few = words.iter().any(|word| FEW.contains(word));
    // Counting is reading all, but of a small index alone.
    let is_counted = sql.to_uppercase().contains("COUNT(")
        && (line.contains("COVERING INDEX") || line.contains("Index Only Scan"));
    // The first ones in the order of the key.
    let is_first = sql.contains("LIMIT") && !sql.contains("WHERE");
    let reads_all = line.contains("Seq Scan on")
        || line.starts_with("SCAN ")
        || (line.starts_with("SEARCH ") && line.ends_with("(merchant_id=?)"));
    // Of no ids at all, which reads nothing.
    let is_empty = sql.contains("(1=0)");
    is_large && reads_all && !is_few && !is_counted && !is_first && !is_empty
}

/// Whether a line of a plan of PostgreSQL reads all of an index of a large table.
fn is_unbounded(line: &str, next: &str, sql: &str) -> bool {
    let is_large = LARGE.iter().any(|table| line.contains(table));
    let is_few = FEW.iter().any(|index| line.contains(index));
    let is_index = line.contains("Index Scan") || line.contains("Index Only Scan");
    let is_counted = sql.to_uppercase().contains("COUNT(");
    let is_first = sql.contains("LIMIT") && !sql.contains("WHERE");
    is_large && is_index && !is_few && !is_counted && !is_first && !next.contains("Index Cond")
}

#[derive(QueryableByName)]
struct Searched {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The plan with these values bound, as it is while serving: a text that holds
/// them could use a partial index that the true one cannot.
fn on_sqlite(other: &mut OtherProgram, sql: &str, values: &[Value]) -> Vec<String> {
    let OtherProgram::Sqlite(connection) = other else {
        return Vec::new();
    };
    let mut query = sql_query(format!("EXPLAIN QUERY PLAN {sql}")).into_boxed();
    for value in values {
        query = match value {
            Value::Number(number) => query.bind::<BigInt, _>(*number),
            Value::Text(text) => query.bind::<Text, _>(text.clone()),
            _ => query.bind::<Nullable<Text>, _>(None::<String>),
        };
    }
    let plan: Vec<Searched> = query
        .load(connection)
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    plan.into_iter().map(|step| step.detail).collect()
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}

/// The plan for these values: PostgreSQL keeps to it, since one for all values would cost more.
fn on_postgres(other: &mut OtherProgram, sql: &str, values: &[Value]) -> Vec<String> {
    let OtherProgram::Postgres(connection) = other else {
        return Vec::new();
    };
    let mut sql = sql.to_owned();
    for (number, value) in values.iter().enumerate().rev() {
        sql = sql.replace(&format!("${}", number + 1), &value.literal());
    }
    let plan: Vec<Line> = sql_query(format!("EXPLAIN {sql}"))
        .load(connection)
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    plan.into_iter().map(|line| line.plan).collect()
}
