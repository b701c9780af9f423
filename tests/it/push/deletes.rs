//! Many rows deleted at once: nothing is deleted at Square before somebody looked.

use squaresync::flows::Step;
use squaresync::square::simulator::Options;
use squaresync::store::alarms;

use super::creates;
use crate::support::app::options;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    many_deletes_wait_for_a_person_and_hold_up_nobody,
    approved_deletes_are_sent,
    rows_whose_deletes_are_not_wanted_any_more_come_back,
    a_few_deletes_are_sent_at_once,
    two_in_a_hundred_may_end_at_once,
}

/// A directory in which an application has deleted some rows.
async fn deleted(db: TestDb, rows: usize, gone: usize) -> App {
    let mut app = App::with(db, options(), true).await;
    let values: Vec<String> = (0..rows)
        .map(|n| format!("('c{n}', 'C{n}', {n})"))
        .collect();
    app.sql(&format!(
        "INSERT INTO customers (id, given_name, note) VALUES {}",
        values.join(", ")
    ));
    app.settle().await;
    assert_eq!(app.square.len(), rows);
    app.sql(&format!(
        "DELETE FROM customers WHERE CAST(note AS INTEGER) < {gone}"
    ));
    app
}

async fn work(app: &mut App) {
    while app.push_once().await.unwrap() == Step::Worked {}
}

async fn alarm(app: &App) -> Option<String> {
    let all = app.store.read(alarms::all).await.unwrap();
    all.into_iter().next().map(|alarm| alarm.detail)
}

async fn many_deletes_wait_for_a_person_and_hold_up_nobody(db: TestDb) {
    let mut app = deleted(db, 40, 26).await;
    work(&mut app).await;

    assert_eq!(app.square.len(), 40);
    let words = alarm(&app).await.unwrap();
    assert!(
        words.starts_with("26 rows") && words.contains("--approve"),
        "{words}"
    );
    app.sql("INSERT INTO customers (given_name) VALUES ('New')");
    app.sql("UPDATE customers SET nickname = 'edited' WHERE id = 'c39'");
    app.sql("DELETE FROM customers WHERE id = 'c38'");
    work(&mut app).await;
    assert_eq!((creates(&app), app.square.len()), (41, 41));
    assert_eq!(
        app.other()
            .count("customers WHERE id = 'c39' AND sync_state = 'synced'"),
        1
    );
    assert!(alarm(&app).await.unwrap().starts_with("27 rows"));
    assert_eq!(app.push.held().await.unwrap(), 27);
    // While it stands, nothing is written.
    let changes = "SELECT token || ' ' || expires_at AS value FROM leases ORDER BY name";
    let before = app.other().values(changes);
    assert_eq!(app.push_once().await.unwrap(), Step::Idle);
    assert_eq!(app.other().values(changes), before);
    let mut app = app.crash().await;
    assert_eq!(app.push_once().await.unwrap(), Step::Idle);
    assert_eq!(app.square.len(), 41);
}

async fn approved_deletes_are_sent(db: TestDb) {
    let mut app = deleted(db, 40, 30).await;
    work(&mut app).await;
    app.pushing(|pushing| pushing.approved = true);
    work(&mut app).await;

    assert_eq!(app.square.len(), 10);
    assert_eq!(alarm(&app).await, None);
    let deletes = app
        .square
        .calls()
        .into_iter()
        .filter(|call| call.method == "DELETE");
    assert!(
        deletes
            .clone()
            .all(|call| call.path.ends_with("?version=0"))
    );
    assert_eq!(deletes.count(), 30);
    app.settle().await;
    app.assert_equal();
}

async fn rows_whose_deletes_are_not_wanted_any_more_come_back(db: TestDb) {
    let mut app = deleted(db, 40, 30).await;
    work(&mut app).await;
    app.pushing(|pushing| pushing.push_deletes = false);
    app.settle().await;

    assert_eq!(
        (app.square.len(), app.other().count("live_customers")),
        (40, 40)
    );
    assert_eq!(app.counters.restored.get(), 30);
    assert_eq!(alarm(&app).await, None);
    assert_eq!(app.other().count("outbox"), 0);
    app.assert_equal();
}

async fn a_few_deletes_are_sent_at_once(db: TestDb) {
    let mut app = deleted(db, 40, 25).await;
    work(&mut app).await;

    assert_eq!(app.square.len(), 15);
    assert_eq!(alarm(&app).await, None);
}

async fn two_in_a_hundred_may_end_at_once(db: TestDb) {
    let many = Options {
        customers: 1400,
        ..options()
    };
    let mut app = App::with(db, many, true).await;
    let some = "id IN (SELECT id FROM customers ORDER BY id LIMIT";
    app.sql(&format!("DELETE FROM customers WHERE {some} 27)"));
    work(&mut app).await;
    assert_eq!((app.square.len(), alarm(&app).await), (1373, None));

    app.sql(&format!("DELETE FROM customers WHERE {some} 28)"));
    work(&mut app).await;
    assert_eq!(app.square.len(), 1373);
    assert!(alarm(&app).await.unwrap().starts_with("28 rows"));
}
