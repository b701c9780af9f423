//! The tables come up, go down and come up again, on both databases the same,
//! and a database that is not ours or not of our time is left as it is.

mod files;
mod refusals;

use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use squaresync::store::Store;

use crate::support::{Kind, OtherProgram, TestDb, on_each_database};

on_each_database! {
    steps_go_up_down_and_up_again,
    a_second_start_does_nothing,
    many_starts_at_once_all_succeed,
    a_step_that_is_cut_off_leaves_nothing,
    a_history_without_steps_is_an_empty_database,
}

async fn steps_go_up_down_and_up_again(db: TestDb) {
    let location = crate::store::location(&db);
    let (store, up) = Store::open_and_migrate(location.clone()).await.unwrap();
    assert!(!up.steps.is_empty());
    drop(store);
    let mut other = OtherProgram::new(&db);
    let tables = other.catalogue();
    assert!(tables.len() > 100, "{tables:?}");

    revert(&mut other);

    assert_eq!(other.catalogue(), [""; 0]);
    assert_eq!(other.count(functions(db.kind())), 0);
    let (_store, again) = Store::open_and_migrate(location).await.unwrap();
    assert_eq!(again, up);
    assert_eq!(other.catalogue(), tables);
}

async fn a_second_start_does_nothing(db: TestDb) {
    let location = crate::store::location(&db);
    let (first, _) = Store::open_and_migrate(location.clone()).await.unwrap();
    let tables = OtherProgram::new(&db).catalogue();

    let (_second, migrated) = Store::open_and_migrate(location).await.unwrap();

    assert_eq!(migrated.steps, [""; 0]);
    assert_eq!(OtherProgram::new(&db).catalogue(), tables);
    drop(first);
}

async fn many_starts_at_once_all_succeed(db: TestDb) {
    let starts: Vec<_> = (0..8)
        .map(|_| tokio::spawn(Store::open_and_migrate(crate::store::location(&db))))
        .collect();

    let mut took_steps = 0;
    for start in starts {
        let (store, migrated) = start.await.unwrap().unwrap();
        store.probe().await.unwrap();
        took_steps += usize::from(!migrated.steps.is_empty());
    }

    assert_eq!(took_steps, 1);
}

async fn a_step_that_is_cut_off_leaves_nothing(db: TestDb) {
    let up = match db.kind() {
        Kind::Sqlite => include_str!("../../migrations/sqlite/2026-11-25-000000_customers/up.sql"),
        Kind::Postgres => {
            include_str!("../../migrations/postgres/2026-11-25-000000_customers/up.sql")
        }
    };
    let mut other = OtherProgram::new(&db);

    other.run(&format!("BEGIN; {up}")).unwrap();
    assert!(other.catalogue().len() > 100);
    other.run("ROLLBACK").unwrap();

    assert_eq!(other.catalogue(), [""; 0]);
    assert_eq!(other.count(functions(db.kind())), 0);
    let (_store, migrated) = Store::open_and_migrate(crate::store::location(&db))
        .await
        .unwrap();
    assert!(!migrated.steps.is_empty());
}

async fn a_history_without_steps_is_an_empty_database(db: TestDb) {
    let mut other = OtherProgram::new(&db);
    other
        .run("CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)")
        .unwrap();

    let opened = Store::open_and_migrate(crate::store::location(&db)).await;

    assert!(!opened.unwrap().1.steps.is_empty());
}

#[tokio::test]
async fn both_databases_have_the_same_tables_as_the_program() {
    let sqlite = tables(Kind::Sqlite).await;
    let postgres = tables(Kind::Postgres).await;

    assert_eq!(sqlite, postgres);
    let is_view = |line: &str| {
        ["live_customers", "resolved_customers"]
            .iter()
            .any(|view| line.starts_with(view))
    };
    let is_column = |line: &&String| line.contains('.') && !is_view(line);
    let held = sqlite.iter().filter(is_column).cloned().collect();
    assert_eq!(by_table(held), by_table(program_tables()));
}

#[tokio::test]
async fn the_view_has_the_columns_of_the_table() {
    let lines = tables(Kind::Sqlite).await;
    let columns = |table: &str| -> Vec<String> {
        let prefix = format!("{table}.");
        let names = lines.iter().filter_map(|line| line.strip_prefix(&prefix));
        names
            .map(|rest| rest.trim_end_matches(" not null").to_owned())
            .collect()
    };

    assert_eq!(columns("live_customers"), columns("customers"));
    assert_eq!(columns("customers").len(), 38);
}

async fn tables(kind: Kind) -> Vec<String> {
    let db = TestDb::new(kind);
    Store::open(crate::store::location(&db)).await.unwrap();
    OtherProgram::new(&db).catalogue()
}

/// The order of tables is the file's own affair, that of columns is not.
fn by_table(mut columns: Vec<String>) -> Vec<String> {
    columns.sort_by(|one, other| one.split('.').next().cmp(&other.split('.').next()));
    columns
}

/// The tables of `schema.rs` in the words of the catalogue.
fn program_tables() -> Vec<String> {
    let mut table = "";
    let mut lines = Vec::new();
    for line in include_str!("../../src/store/schema.rs").lines() {
        let line = line.trim();
        if let Some((name, _)) = line.split_once(" (")
            && line.ends_with('{')
        {
            table = name;
        } else if let Some((column, kind)) = line.trim_end_matches(',').split_once(" -> ") {
            let (kind, null) = match kind.strip_prefix("Nullable<") {
                Some(inner) => (inner.trim_end_matches('>'), ""),
                None => (kind, " not null"),
            };
            let kind = match kind {
                "Bool" => "boolean".to_owned(),
                "Binary" => "blob".to_owned(),
                other => other.to_lowercase(),
            };
            lines.push(format!("{table}.{column} {kind}{null}"));
        }
    }
    lines
}

fn revert(other: &mut OtherProgram) {
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let steps = |kind| FileBasedMigrations::from_path(format!("{top}/{kind}")).unwrap();
    match other {
        OtherProgram::Sqlite(connection) => {
            connection.revert_all_migrations(steps("sqlite")).unwrap();
        }
        OtherProgram::Postgres(connection) => {
            connection.revert_all_migrations(steps("postgres")).unwrap();
        }
    }
}

/// Where a database keeps what is neither table nor index.
fn functions(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "sqlite_master WHERE type = 'trigger'",
        Kind::Postgres => "pg_proc WHERE pronamespace = current_schema()::regnamespace",
    }
}
