//! The ground under the other tests holds: databases are empty, apart, and
//! gone afterwards, and a test that hangs does end.

use std::panic::catch_unwind;
use std::sync::mpsc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};

use crate::support::each::within;
use crate::support::postgres::{Server, server};
use crate::support::{Kind, TestDb, on_each_database};

on_each_database! { tests_do_not_see_each_others_tables, what_one_connection_writes_another_reads }

async fn tests_do_not_see_each_others_tables(db: TestDb) {
    let other = TestDb::new(db.kind());

    run(&db, "CREATE TABLE customers (id TEXT)").unwrap();

    run(&other, "CREATE TABLE customers (id TEXT)").unwrap();
    run(&db, "CREATE TABLE customers (id TEXT)").unwrap_err();
}

async fn what_one_connection_writes_another_reads(db: TestDb) {
    run(&db, "CREATE TABLE customers (id TEXT PRIMARY KEY)").unwrap();

    run(&db, "INSERT INTO customers VALUES ('A')").unwrap();

    run(&db, "INSERT INTO customers VALUES ('A')").unwrap_err();
}

#[test]
fn a_database_is_gone_with_its_value() {
    let sqlite = TestDb::new(Kind::Sqlite);
    run(&sqlite, "CREATE TABLE customers (id TEXT)").unwrap();
    let url = sqlite.url();
    let postgres = TestDb::new(Kind::Postgres);
    let name = postgres.url().split_once("%3D").unwrap().1.to_owned();
    assert_eq!(schemas(&name), 1);

    drop((sqlite, postgres));

    SqliteConnection::establish(url.trim_start_matches("sqlite:"))
        .err()
        .unwrap();
    assert_eq!(schemas(&name), 0);
}

#[test]
fn a_private_server_ends_with_its_owner() {
    let server = Server::start().unwrap();
    let url = server.url.clone();
    PgConnection::establish(&url).unwrap();

    drop(server);

    PgConnection::establish(&url).err().unwrap();
}

#[test]
fn work_that_blocks_is_given_up() {
    let (_open, never) = mpsc::channel::<()>();

    let panic = catch_unwind(|| within(Duration::from_millis(1), move || never.recv().unwrap()));

    let message = panic.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("the test hangs"), "{message}");
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn schemas(name: &str) -> i64 {
    let mut connection = PgConnection::establish(server().unwrap()).unwrap();
    sql_query(format!(
        "SELECT count(*) AS count FROM pg_namespace WHERE nspname = '{name}'"
    ))
    .get_result::<Count>(&mut connection)
    .unwrap()
    .count
}

fn run(db: &TestDb, sql: &str) -> diesel::QueryResult<()> {
    let url = db.url();
    match db.kind() {
        Kind::Sqlite => {
            let path = url.trim_start_matches("sqlite:");
            SqliteConnection::establish(path)
                .unwrap()
                .batch_execute(sql)
        }
        Kind::Postgres => PgConnection::establish(&url).unwrap().batch_execute(sql),
    }
}
