//! Rows that wait together go out together; a row that waits alone goes at once.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use squaresync::flows::Step;
use squaresync::square::simulator::{Fault, Strikes};

use super::{asked, bulk, calls, creates, looks, puts};
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    one_row_goes_alone,
    many_rows_go_a_hundred_at_a_time,
    one_step_sends_a_hundred_rows,
    new_rows_and_edits_go_in_calls_of_their_own,
    a_row_that_square_refuses_holds_up_none_of_its_neighbours,
    what_square_refuses_as_a_whole_goes_in_parts,
    a_call_that_does_not_get_through_is_followed_by_one_half_its_size,
    a_wait_that_square_asks_for_holds_for_all,
    rows_that_have_to_be_looked_for_go_alone,
    customers_that_changed_meanwhile_are_asked_for_together,
    a_create_that_went_alone_goes_alone_again,
    a_create_that_went_with_others_never_goes_by_itself,
}

/// Adds rows `r0`, `r1` and so on, all at once.
pub(super) fn insert(app: &App, number: usize) {
    let row = |at: usize| format!("('r{at}', 'Row {at}')");
    let rows: Vec<String> = (0..number).map(row).collect();
    app.sql(&format!(
        "INSERT INTO customers (id, given_name) VALUES {}",
        rows.join(", ")
    ));
}

/// How many rows stand in each state.
pub(super) fn standing(app: &App, state: &str) -> usize {
    app.other()
        .count(&format!("customers WHERE sync_state = '{state}'"))
}

/// Customers at Square, with their rows.
async fn with_customers(db: TestDb, number: usize) -> (App, Vec<String>) {
    let mut app = App::new(db).await;
    let customer = |at: usize| json!({"given_name": format!("Customer {at}")});
    let ids = (0..number).map(|at| app.square.create(&customer(at)));
    let ids = ids.collect();
    app.settle().await;
    (app, ids)
}

async fn one_row_goes_alone(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 1);
    app.push_all().await;
    app.sql("UPDATE customers SET note = 'new'");
    app.push_all().await;

    assert_eq!(bulk(&app), [0; 0]);
    assert_eq!((creates(&app), puts(&app).len()), (1, 1));
    app.settle().await;
    app.assert_equal();
}

async fn many_rows_go_a_hundred_at_a_time(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 250);
    app.push_all().await;
    assert_eq!(bulk(&app), [100, 100, 50]);
    assert_eq!(standing(&app, "synced"), 250);
    app.sql("UPDATE customers SET note = 'new'");
    app.push_all().await;

    assert_eq!(bulk(&app), [100, 100, 50, 100, 100, 50]);
    assert_eq!(
        (creates(&app), puts(&app).len(), looks(&app)),
        (250, 250, 0)
    );
    assert_eq!(puts(&app)[0], r#"{"note":"new","version":0}"#);
    assert_eq!(app.push.pushed().taken, 500);
    app.settle().await;
    app.assert_equal();
}

async fn one_step_sends_a_hundred_rows(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 100);

    assert_eq!(app.push_once().await.unwrap(), Step::Worked);

    assert_eq!(standing(&app, "synced"), 100);
    assert_eq!(app.other().count("outbox"), 0);
    assert_eq!(app.push_once().await.unwrap(), Step::Idle);
}

async fn new_rows_and_edits_go_in_calls_of_their_own(db: TestDb) {
    let (mut app, _) = with_customers(db, 5).await;
    app.sql("UPDATE customers SET note = 'new'");
    insert(&app, 6);
    app.push_all().await;

    let mut sizes = bulk(&app);
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 6]);
    app.settle().await;
    app.assert_equal();
}

async fn a_row_that_square_refuses_holds_up_none_of_its_neighbours(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 100);
    app.sql("UPDATE customers SET email_address = 'no address' WHERE id = 'r37'");
    app.push_once().await.unwrap();

    assert_eq!(bulk(&app), [100]);
    assert_eq!((standing(&app, "synced"), creates(&app)), (99, 99));
    let sentence = "Square refuses the e-mail address; correct email_address";
    let said = format!("customers WHERE id = 'r37' AND sync_error = '{sentence}'");
    assert_eq!(app.other().count(&said), 1);
    assert_eq!(
        app.other()
            .count("refused_creates WHERE customer_id = 'r37' AND times = 1"),
        1
    );
    let pushed = app.push.pushed();
    assert_eq!((pushed.taken, pushed.refused), (99, 1));
    assert_eq!(app.push_once().await.unwrap(), Step::Idle);

    app.sql("UPDATE customers SET email_address = 'a@example.com' WHERE id = 'r37'");
    app.settle().await;
    let keys: BTreeSet<_> = asked(&app).into_iter().map(|(key, _)| key).collect();
    assert_eq!((keys.len(), creates(&app)), (101, 100));
    app.assert_equal();
}

async fn what_square_refuses_as_a_whole_goes_in_parts(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 100);
    app.square
        .faults(|faults| faults.poison = Some("Row 37\"".to_owned()));
    app.push_all().await;

    assert_eq!(standing(&app, "synced"), 100);
    assert!(2 < app.square.fired(Fault::BulkRefused));
    assert!(bulk(&app).len() < 16, "{:?}", bulk(&app));
    // The one that is refused in company is taken alone.
    let alone = app.square.calls().into_iter();
    let alone = alone.filter(|call| call.path == "/v2/customers");
    assert!(alone.clone().any(|call| call.body.contains("Row 37\"")));
    assert_eq!(creates(&app), 100);
    app.settle().await;
    app.assert_equal();
}

async fn a_call_that_does_not_get_through_is_followed_by_one_half_its_size(db: TestDb) {
    for (fault, sizes) in [
        (Fault::InternalError, vec![40, 20, 20]),
        (Fault::LostAnswer, vec![40, 20, 20]),
        // This says nothing of the call's size.
        (Fault::RateLimited, vec![40, 40]),
    ] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        insert(&app, 40);
        app.square.faults(|faults| {
            faults.strikes(fault, Strikes::Writes);
            faults.next(fault, 1);
        });
        app.push_all().await;

        assert_eq!(app.square.fired(fault), 1);
        assert_eq!(bulk(&app), sizes, "{fault}");
        app.settle().await;
        app.assert_equal();
    }
}

async fn a_wait_that_square_asks_for_holds_for_all(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 10);
    app.square.faults(|faults| {
        faults.strikes(Fault::RateLimited, Strikes::Writes);
        faults.next(Fault::RateLimited, 1);
        faults.retry_after = Some(Duration::from_secs(40));
    });
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::RateLimited), 1);
    let mut app = app.crash().await;
    app.advance(Duration::from_secs(39)).await;
    assert_eq!(app.push_once().await.unwrap(), Step::Idle);
    assert_eq!(bulk(&app), [10]);
    app.advance(Duration::from_secs(1)).await;
    app.push_once().await.unwrap();

    assert_eq!(bulk(&app), [10, 10]);
    assert_eq!((standing(&app, "synced"), creates(&app)), (10, 10));
    app.settle().await;
    app.assert_equal();
}

async fn rows_that_have_to_be_looked_for_go_alone(db: TestDb) {
    // A process that has read no directory yet asks before it makes anything.
    let app = App::new(db).await;
    let mut app = app.crash().await;
    insert(&app, 3);
    app.push_all().await;

    assert_eq!(bulk(&app), [0; 0]);
    assert_eq!((looks(&app), creates(&app)), (3, 3));
    app.settle().await;
    app.assert_equal();
}

async fn customers_that_changed_meanwhile_are_asked_for_together(db: TestDb) {
    let (mut app, ids) = with_customers(db, 30).await;
    app.sql("UPDATE customers SET note = 'mine'");
    app.square.update(&ids[3], &json!({"nickname": "theirs"}));
    app.square.update(&ids[4], &json!({"note": "theirs"}));
    app.square.delete(&ids[5]);
    app.square.merge(&[&ids[6], &ids[7]]);
    let before = app.square.calls().len();
    app.push_once().await.unwrap();

    let paths: Vec<String> = app.square.calls()[before..]
        .iter()
        .map(|call| call.path.clone())
        .collect();
    assert_eq!(
        paths,
        ["/v2/customers/bulk-update", "/v2/customers/bulk-retrieve"]
    );
    assert_eq!(bulk(&app), [30]);
    assert_eq!(app.push.pushed().taken, 25);
    app.settle().await;
    let both = "live_customers WHERE nickname = 'theirs' AND note = 'mine'";
    assert_eq!(app.other().count(both), 1);
    assert_eq!(app.other().count("live_customers WHERE note = 'theirs'"), 1);
    assert_eq!(app.other().count("live_customers"), 28);
    app.assert_equal();
}

async fn a_create_that_went_alone_goes_alone_again(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 1);
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 1));
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::LostAnswer), 1);
    app.sql("INSERT INTO customers (id, given_name) VALUES ('s', 'Sam'), ('t', 'Tom')");
    app.advance(Duration::from_secs(60)).await;
    app.push_all().await;

    assert_eq!(bulk(&app), [2]);
    let asked = asked(&app);
    let first = asked.iter().filter(|(key, _)| *key == asked[0].0);
    assert_eq!(first.collect::<BTreeSet<_>>().len(), 1);
    assert_eq!((asked.len(), creates(&app)), (4, 3));
    app.settle().await;
    app.assert_equal();
}

async fn a_create_that_went_with_others_never_goes_by_itself(db: TestDb) {
    let mut app = App::new(db).await;
    insert(&app, 2);
    app.square.faults(|faults| {
        faults.strikes(Fault::MissingBulkKey, Strikes::Writes);
        faults.next(Fault::MissingBulkKey, 1);
    });
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::MissingBulkKey), 1);
    let mut app = app.crash().await;
    app.push_all().await;

    // As a bulk call of one, since its key was given there.
    assert_eq!(bulk(&app), [2, 1]);
    assert_eq!(
        (calls(&app).len() - looks(&app), creates(&app)),
        (calls(&app).len(), 2)
    );
    let alone = app.square.calls();
    assert!(alone.iter().all(|call| call.path != "/v2/customers"));
    app.settle().await;
    app.assert_equal();
}
