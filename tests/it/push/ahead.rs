//! Rows are planned for while the call before theirs is out.

use squaresync::flows::Step;

use super::bulk::{insert, standing};
use super::{bulk, creates, puts};
use crate::support::{App, TestDb, on_each_database};

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
