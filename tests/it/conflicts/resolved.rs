//! `resolved_customers`: every id that a customer ever had leads to the row that stands for it.

use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use serde_json::json;
use squaresync::domain::merge::Rule;

use super::merged::two_rows_for_one;
use super::world::{World, gone, profile, row_of, went};
use crate::support::{App, OtherProgram, TestDb, on_each_database};

on_each_database! {
    every_id_leads_to_the_row_that_stands_for_it,
    a_row_that_went_twice_leads_to_the_last,
    a_merged_row_that_was_deleted_since_leads_on,
    an_applications_table_joins_by_any_id,
    a_look_by_one_id_reads_no_table_whole,
}

/// A and B went into C, with P, which never had a row; D is gone; Q went where
/// nobody was shown yet; L is not at Square.
async fn world(db: &TestDb) -> World {
    let world = World::new(db.kind(), Rule::Square).await;
    let shown = ["A", "B", "D", "Q"].map(|id| profile(id, 0, &json!({})));
    world.told_all(shown).await;
    world
        .told_all([
            went("A", "B"),
            went("B", "C"),
            went("P", "A"),
            profile("C", 0, &json!({})),
            gone("D"),
            went("Q", "nobody"),
        ])
        .await;
    world.sql("INSERT INTO customers (id, given_name) VALUES ('L', 'Lea')");
    world
}

async fn every_id_leads_to_the_row_that_stands_for_it(db: TestDb) {
    let world = world(&db).await;
    let query = "SELECT merchant_id || ' ' || known_as || ' ' || customer_id || ' ' || coalesce(square_id, '-') || \
         CASE WHEN deleted_at IS NULL THEN ' live' ELSE ' gone' END AS value FROM resolved_customers";
    let mut found: Vec<String> = world.other().values(query).into_iter().flatten().collect();
    found.sort();

    let mut expected = vec!["M L L - live".to_owned()];
    for (ids, stands, state) in [
        (vec!["A", "B", "C", "P"], "C", "live"),
        (vec!["D"], "D", "gone"),
        (vec!["Q"], "Q", "gone"),
    ] {
        for id in ids {
            let to = format!("{} {stands} {state}", row_of(stands));
            expected.push(format!("M {id} {to}"));
            if id != "P" {
                expected.push(format!("M {} {to}", row_of(id)));
            }
        }
    }
    expected.sort();
    assert_eq!(found, expected);
}

async fn a_row_that_went_twice_leads_to_the_last(db: TestDb) {
    let mut app = App::new(db).await;
    let id = two_rows_for_one(&mut app).await;
    app.push_all().await;
    app.settle().await;
    let bob = app.square.create(&json!({"given_name": "Bob"}));
    app.settle().await;
    let new = app.square.merge(&[&id, &bob]).unwrap();
    app.settle().await;

    // Four rows, and three profiles.
    let all = format!("resolved_customers WHERE square_id = '{new}' AND deleted_at IS NULL");
    assert_eq!(app.other().count(&all), 7, "{}", app.dump());
    assert_eq!(app.other().count("resolved_customers"), 7);
    assert_eq!(app.other().count("customers"), 4);
}

async fn a_merged_row_that_was_deleted_since_leads_on(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = ["Ann", "Anna", "Bob"].map(|name| app.square.create(&json!({"given_name": name})));
    app.settle().await;
    let rows = "SELECT id AS value FROM customers";
    let old: Vec<String> = app.other().values(rows).into_iter().flatten().collect();
    let first = app.square.merge(&[&ids[0], &ids[1]]).unwrap();
    app.settle().await;
    let last = app.square.merge(&[&first, &ids[2]]).unwrap();
    app.settle().await;
    let dead = app.other().count("customers WHERE merged_into IS NOT NULL");
    assert_eq!(dead, 4, "three, and the one that was for a while");

    app.sql("DELETE FROM customers WHERE merged_into IS NOT NULL");
    app.settle().await;

    assert_eq!(app.other().count("customers"), 1);
    for known in old.iter().chain(&ids).chain([&first]) {
        let look =
            format!("SELECT square_id AS value FROM resolved_customers WHERE known_as = '{known}'");
        assert_eq!(app.other().values(&look), [Some(last.clone())], "{known}");
    }
}

async fn an_applications_table_joins_by_any_id(db: TestDb) {
    let world = world(&db).await;
    world.sql(&format!(
        "CREATE TABLE orders (number INTEGER, customer_id TEXT); \
         INSERT INTO orders VALUES (1, 'A'), (2, 'P'), (3, '{}'), (4, 'C'), (5, 'D'), (6, 'L'), (7, 'stranger')",
        row_of("B")
    ));
    let of = |square_id: &str| {
        let query = format!(
            "SELECT number AS value FROM orders JOIN resolved_customers ON known_as = orders.customer_id \
             WHERE square_id = '{square_id}' ORDER BY number"
        );
        let found = world.other().values(&query).into_iter().flatten();
        found.collect::<Vec<String>>().join(" ")
    };

    assert_eq!([of("C"), of("D"), of("A")], ["1 2 3 4", "5", ""]);
}

#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// How the database would read the view for one id, a line for each step.
fn plan(other: OtherProgram) -> Vec<String> {
    let look = "SELECT * FROM resolved_customers WHERE known_as = 'A'";
    match other {
        OtherProgram::Sqlite(mut connection) => {
            let steps: Vec<Detail> = sql_query(format!("EXPLAIN QUERY PLAN {look}"))
                .load(&mut connection)
                .unwrap();
            steps.into_iter().map(|step| step.detail).collect()
        }
        OtherProgram::Postgres(mut connection) => {
            // It would read tables as small as these whole.
            sql_query("SET enable_seqscan = off")
                .execute(&mut connection)
                .unwrap();
            let lines: Vec<Line> = sql_query(format!("EXPLAIN {look}"))
                .load(&mut connection)
                .unwrap();
            lines.into_iter().map(|line| line.line).collect()
        }
    }
}

async fn a_look_by_one_id_reads_no_table_whole(db: TestDb) {
    let world = world(&db).await;
    let plan = plan(world.other());

    let whole = ["customers", "images", "old", "stands", "next"];
    for step in &plan {
        let step = step.trim_start_matches([' ', '-', '>']);
        let reads_whole = whole.iter().any(|table| {
            step.starts_with(&format!("SCAN {table}"))
                || step.starts_with(&format!("Seq Scan on {table}"))
        });
        assert!(!reads_whole, "{step}\n{}", plan.join("\n"));
    }
    // Both ways in go by their whole keys.
    let by_key = |keys: [&str; 2]| {
        plan.iter()
            .any(|step| keys.iter().any(|key| step.contains(key)))
    };
    assert!(
        by_key([
            "images USING INDEX sqlite_autoindex_images_1 (merchant_id=? AND square_id=?)",
            "(square_id = 'A'::text)"
        ]),
        "{plan:#?}"
    );
    assert!(
        by_key([
            "customers USING INDEX sqlite_autoindex_customers_1 (id=?)",
            "Index Cond: (id = 'A'::text)"
        ]),
        "{plan:#?}"
    );
}
