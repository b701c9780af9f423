//! What the database itself can do: the same rows that one event leaves behind,
//! in the same tables with the same indexes, committed one event at a time and in
//! groups, by one connection that does nothing else. No trigger fires, nothing is
//! read and nothing decided.

use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use squaresync::domain::id::{CustomerId, MerchantId, SquareId};

use crate::common::cluster::{Database, Kind};
use crate::common::times::Times;
use crate::events::{Events, SELLER};

diesel::table! {
    inbox (seq) {
        seq -> BigInt, merchant_id -> Text, event_id -> Text, event_type -> Text, body -> Binary, body_sha256 -> Text,
        state -> Text, received_at -> Timestamp,
    }
}
diesel::table! {
    images (merchant_id, square_id) {
        merchant_id -> Text, square_id -> Text, customer_id -> Text, version -> BigInt, profile -> Text, apart -> Text,
        unmerged -> Bool, observed_at -> Timestamp,
    }
}
diesel::table! {
    customers (id) {
        id -> Text, merchant_id -> Text, square_id -> Text, given_name -> Text, family_name -> Text,
        email_address -> Text, phone_number -> Text, birthday -> Text, note -> Text, address_line_1 -> Text,
        address_line_2 -> Text, locality -> Text, administrative_district_level_1 -> Text, postal_code -> Text,
        country -> Text, email_unsubscribed -> Bool, creation_source -> Text, group_ids -> Text,
        square_version -> BigInt, square_created_at -> Timestamp, square_updated_at -> Timestamp, sync_state -> Text,
        created_at -> Timestamp, updated_at -> Timestamp,
    }
}
diesel::table! {
    changes (seq) {
        seq -> BigInt, merchant_id -> Text, customer_id -> Text, square_id -> Text, source -> Text, version -> BigInt,
        fields -> Text, changed_at -> Timestamp,
    }
}

/// A connection to either, with the program's own settings of durability.
enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Commits events for `time`, so many in each commit. Gives events in a second,
/// and how long commits took.
pub(crate) fn commits(kind: Kind, together: usize, time: Duration) -> (f64, Times) {
    let database = Database::new(kind);
    migrate(&database);
    let mut raw = connect(&database);
    let mut events = Events::new();
    let (mut times, mut count) = (Times::default(), 0_usize);
    let began = Instant::now();
    let mut lost = Duration::ZERO;
    while began.elapsed() - lost < time {
        let making = Instant::now();
        let rows: Vec<Rows> = (0..together).map(|_| Rows::of(&events.body())).collect();
        // What makes the rows is not what is measured.
        lost += making.elapsed();
        let begun = Instant::now();
        match &mut raw {
            Raw::Sqlite(connection) => to_file(connection, &rows),
            Raw::Postgres(connection) => to_server(connection, &rows),
        }
        .expect("a commit");
        times.add(begun.elapsed());
        count += together;
    }
    let rate = count as f64 / (began.elapsed() - lost).as_secs_f64();
    (rate, times)
}

/// Makes the tables.
fn migrate(database: &Database) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let store = squaresync::store::Store::open(database.location());
    runtime.block_on(store).expect("a database");
}

fn connect(database: &Database) -> Raw {
    match database {
        Database::Sqlite(folder) => {
            let path = folder.path().join("bench.db");
            let mut connection =
                SqliteConnection::establish(&path.to_string_lossy()).expect("a file");
            let settings = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; \
                            PRAGMA temp_store = MEMORY; \
                            PRAGMA journal_size_limit = 67108864; INSERT INTO own_writes VALUES (1)";
            connection.batch_execute(settings).expect("its settings");
            Raw::Sqlite(connection)
        }
        Database::Postgres(_) => {
            let mut connection = PgConnection::establish(&database.url()).expect("a server");
            let settings =
                "SET synchronous_commit = on; ALTER TABLE customers DISABLE TRIGGER USER";
            connection.batch_execute(settings).expect("its settings");
            Raw::Postgres(connection)
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = inbox)]
struct Event {
    merchant_id: &'static str,
    event_id: String,
    event_type: &'static str,
    body: Vec<u8>,
    body_sha256: String,
    state: &'static str,
    received_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = images)]
struct Image {
    merchant_id: &'static str,
    square_id: String,
    customer_id: String,
    version: i64,
    profile: String,
    apart: &'static str,
    unmerged: bool,
    observed_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = customers)]
struct Customer {
    id: String,
    merchant_id: &'static str,
    square_id: String,
    given_name: &'static str,
    family_name: &'static str,
    email_address: &'static str,
    phone_number: &'static str,
    birthday: &'static str,
    note: &'static str,
    address_line_1: &'static str,
    address_line_2: &'static str,
    locality: &'static str,
    administrative_district_level_1: &'static str,
    postal_code: &'static str,
    country: &'static str,
    email_unsubscribed: bool,
    creation_source: &'static str,
    group_ids: &'static str,
    square_version: i64,
    square_created_at: NaiveDateTime,
    square_updated_at: NaiveDateTime,
    sync_state: &'static str,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = changes)]
struct Change {
    merchant_id: &'static str,
    customer_id: String,
    square_id: String,
    source: &'static str,
    version: i64,
    fields: String,
    changed_at: NaiveDateTime,
}

/// What one event leaves behind.
struct Rows {
    event: Event,
    image: Image,
    customer: Customer,
    change: Change,
}

impl Rows {
    fn of(body: &str) -> Self {
        let now = chrono::Utc::now().naive_utc();
        let part = |from: &str, to: &str| {
            let rest = body.split_once(from).map_or("", |(_, rest)| rest);
            rest.split_once(to).map_or("", |(part, _)| part).to_owned()
        };
        let square_id = part(r#""data":{"type":"customer","id":""#, "\"");
        let profile = part(r#""customer":"#, "}}}");
        let made = part(r#""birthday":"1990-04-17","created_at":""#, "\"").parse();
        let names = (MerchantId::new(SELLER), SquareId::new(&square_id));
        let customer_id = CustomerId::of_profile(&names.0, &names.1, made.ok()).to_string();
        let fields = format!("{profile}{}", r#","x":[null,null]"#.repeat(20)); // as long as the program's
        Self {
            event: Event {
                merchant_id: SELLER,
                event_id: part(r#""event_id":""#, "\""),
                event_type: "customer.created",
                body: body.as_bytes().to_vec(),
                body_sha256: "0".repeat(64),
                state: "applied",
                received_at: now,
            },
            image: Image {
                merchant_id: SELLER,
                square_id: square_id.clone(),
                customer_id: customer_id.clone(),
                version: 1,
                profile,
                apart: "{}",
                unmerged: false,
                observed_at: now,
            },
            customer: customer(&square_id, &customer_id, now),
            change: Change {
                merchant_id: SELLER,
                customer_id,
                square_id,
                source: "event",
                version: 1,
                fields,
                changed_at: now,
            },
        }
    }
}

fn customer(square_id: &str, id: &str, now: NaiveDateTime) -> Customer {
    Customer {
        id: id.to_owned(),
        merchant_id: SELLER,
        square_id: square_id.to_owned(),
        given_name: "Ann",
        family_name: "Number 123456",
        email_address: "ann.123456@example.com",
        phone_number: "+1 212 555 4240",
        birthday: "1990-04-17",
        note: "comes on Tuesdays",
        address_line_1: "123456 High Street",
        address_line_2: "Flat 7",
        locality: "Oakland",
        administrative_district_level_1: "CA",
        postal_code: "94608",
        country: "US",
        email_unsubscribed: false,
        creation_source: "DIRECTORY",
        group_ids: r#"["J1N2VWDHFT4W2.REACHABLE","gv2:VWG4XZXQCX7WH5QZ3VFJ4HHK58"]"#,
        square_version: 1,
        square_created_at: now,
        square_updated_at: now,
        sync_state: "synced",
        created_at: now,
        updated_at: now,
    }
}

/// Row by row, as prepared statements.
fn to_file(connection: &mut SqliteConnection, rows: &[Rows]) -> QueryResult<()> {
    connection.immediate_transaction(|connection| {
        for row in rows {
            diesel::insert_into(inbox::table)
                .values(&row.event)
                .execute(connection)?;
            diesel::insert_into(images::table)
                .values(&row.image)
                .execute(connection)?;
            diesel::insert_into(customers::table)
                .values(&row.customer)
                .execute(connection)?;
            diesel::insert_into(changes::table)
                .values(&row.change)
                .execute(connection)?;
        }
        Ok(())
    })
}

/// One statement a table, however many rows there are.
fn to_server(connection: &mut PgConnection, rows: &[Rows]) -> QueryResult<()> {
    connection.transaction(|connection| {
        let events: Vec<_> = rows.iter().map(|row| &row.event).collect();
        diesel::insert_into(inbox::table)
            .values(events)
            .execute(connection)?;
        let images: Vec<_> = rows.iter().map(|row| &row.image).collect();
        diesel::insert_into(images::table)
            .values(images)
            .execute(connection)?;
        let customers: Vec<_> = rows.iter().map(|row| &row.customer).collect();
        diesel::insert_into(customers::table)
            .values(customers)
            .execute(connection)?;
        let changes: Vec<_> = rows.iter().map(|row| &row.change).collect();
        diesel::insert_into(changes::table)
            .values(changes)
            .execute(connection)?;
        Ok(())
    })
}
