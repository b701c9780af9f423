//! Rows are planned for while the call before theirs is out.

use serde_json::json;
use squaresync::flows::Step;

use super::bulk::{insert, standing};
use super::{bulk, creates, puts};
use crate::support::app::options;
use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    the_next_rows_are_planned_while_a_call_is_out,
    what_applications_do_to_rows_that_are_planned_is_seen_before_they_go_out,
}

async fn the_next_rows_are_planned_while_a_call_is_out(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 250);
    let mut steps = Vec::new();
    while app.push_once().await.unwrap() == Step::Worked {
        steps.push((standing(&app, "synced"), app.other().count("outbox")));
    }

    assert_eq!(steps, [(100, 100), (200, 50), (250, 0)]);
    assert_eq!(bulk(&app), [100, 100, 50]);
}

async fn what_applications_do_to_rows_that_are_planned_is_seen_before_they_go_out(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 150);
    app.push_once().await.unwrap();
    let planned = "(SELECT min(customer_id) FROM outbox)";
    app.sql(&format!("DELETE FROM customers WHERE id = {planned}"));
    let planned = "(SELECT max(customer_id) FROM outbox)";
    app.sql(&format!(
        "UPDATE customers SET note = 'new' WHERE id = {planned}"
    ));
    app.push_all().await;

    assert_eq!(bulk(&app), [100, 49]);
    assert_eq!((creates(&app), puts(&app).len()), (149, 1));
    app.settle().await;
    app.assert_equal();
}

/// A hundred edited rows in one call, of which one is deleted as soon as the call is
/// written down, and whose profile may have changed meanwhile.
async fn deleted_while_out(push_deletes: bool, is_stale: bool) -> App {
    let db = TestDb::new(Kind::Sqlite);
    let mut app = App::with(db, options(), push_deletes).await;
    let create = |number| {
        app.square
            .create(&json!({"given_name": format!("Name {number}")}))
    };
    let ids: Vec<String> = (0..100).map(create).collect();
    app.settle().await;
    app.sql("UPDATE customers SET note = 'new'");
    app.sql(&format!(
        "CREATE TRIGGER goes AFTER UPDATE OF attempts ON outbox
         WHEN NEW.square_id = '{}' AND NEW.operation = 'update' BEGIN
            DELETE FROM customers WHERE id = NEW.customer_id;
            INSERT INTO local_edits (merchant_id, customer_id, operation)
               VALUES (NEW.merchant_id, NEW.customer_id, 'delete');
         END",
        ids[0]
    ));
    if is_stale {
        let change = json!({"family_name": "Changed"});
        assert!(app.square.update(&ids[0], &change));
    }
    app.push_once().await.unwrap();
    app.sql("DROP TRIGGER goes");
    assert_eq!(bulk(&app), [100]);
    app.push_all().await;
    app.settle().await;
    let deletions = r#"changes WHERE source = 'application' AND fields LIKE '{"id":%'"#;
    assert_eq!(app.other().count(deletions), 1);
    app.assert_equal();
    app
}

#[tokio::test]
async fn a_row_deleted_while_a_full_call_is_out_is_deleted_at_square() {
    for is_stale in [false, true] {
        let app = deleted_while_out(true, is_stale).await;

        assert_eq!(app.square.len(), 99);
    }
}

#[tokio::test]
async fn a_row_deleted_while_a_full_call_is_out_is_put_back_with_what_it_brought() {
    let app = deleted_while_out(false, false).await;

    assert_eq!(app.square.len(), 100);
    assert_eq!(app.other().count("live_customers WHERE note = 'new'"), 100);
}
