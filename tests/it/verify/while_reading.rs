//! What changes while both sides are read is not taken for a difference.

use serde_json::json;
use squaresync::flows::Step;
use squaresync::flows::verify::{Compare, Confirm, Report, Sides, Verdict};

use crate::support::app::LAG;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_webhook_that_comes_in_between_settles_it,
    a_customer_that_moves_at_each_look_is_not_reported_early,
    a_customer_that_goes_in_between_is_on_neither_side,
    an_edit_that_is_sent_in_between_is_not_owed,
    a_difference_that_stays_is_reported,
}

async fn compared(app: &App) -> Confirm {
    let mut compare = Compare::new(Sides {
        store: app.store.clone(),
        square: app.client.clone(),
        merchant: app.reading.merchant.clone(),
    });
    while compare.step().await.unwrap() == Step::Worked {}
    compare.confirm().unwrap()
}

async fn reported(mut confirm: Confirm) -> Report {
    while confirm.step().await.unwrap() == Step::Worked {}
    confirm.report().await.unwrap()
}

async fn a_webhook_that_comes_in_between_settles_it(db: TestDb) {
    let mut app = App::new(db).await;
    let ann = app.square.create(&json!({"given_name": "Ann"}));
    app.deliver_all().await;
    app.square.update(&ann, &json!({"given_name": "Anna"}));
    app.square.create(&json!({"given_name": "Bob"}));
    app.advance(LAG).await;

    let confirm = compared(&app).await;
    app.deliver_all().await;
    let report = reported(confirm).await;

    assert_eq!(report.verdict, Verdict::Equal, "{report}");
}

async fn a_customer_that_moves_at_each_look_is_not_reported_early(db: TestDb) {
    let mut app = App::new(db).await;
    let ann = app.square.create(&json!({"given_name": "Ann"}));
    app.deliver_all().await;
    app.square.update(&ann, &json!({"given_name": "Anna"}));
    app.advance(LAG).await;

    let mut confirm = compared(&app).await;
    app.square.update(&ann, &json!({"given_name": "Anne"}));
    confirm.step().await.unwrap();
    app.deliver_all().await;
    let report = reported(confirm).await;

    assert_eq!(report.verdict, Verdict::Equal, "{report}");
}

async fn a_customer_that_goes_in_between_is_on_neither_side(db: TestDb) {
    let mut app = App::new(db).await;
    let ann = app.square.create(&json!({"given_name": "Ann"}));
    app.square.create(&json!({"given_name": "Bob"}));
    app.advance(LAG).await;

    let confirm = compared(&app).await;
    app.square.delete(&ann);
    app.deliver_all().await;
    let report = reported(confirm).await;

    assert_eq!(report.verdict, Verdict::Equal, "{report}");
}

async fn an_edit_that_is_sent_in_between_is_not_owed(db: TestDb) {
    let mut app = App::new(db).await;
    app.square.create(&json!({"given_name": "Ann"}));
    app.deliver_all().await;
    app.advance(LAG).await;
    app.sql("UPDATE customers SET note = 'x'");

    let confirm = compared(&app).await;
    app.push_all().await;
    let report = reported(confirm).await;

    assert_eq!(report.verdict, Verdict::Equal, "{report}");
}

async fn a_difference_that_stays_is_reported(db: TestDb) {
    let mut app = App::new(db).await;
    let ann = app.square.create(&json!({"given_name": "Ann"}));
    app.deliver_all().await;
    app.square.update(&ann, &json!({"given_name": "Anna"}));
    assert_ne!(app.events().len(), 0);
    app.advance(LAG).await;

    let mut confirm = compared(&app).await;
    // It moves at every look, and is reported in the end.
    for name in ["A", "B", "C", "D", "E"] {
        app.square.update(&ann, &json!({"given_name": name}));
        confirm.step().await.unwrap();
    }
    let report = reported(confirm).await;

    assert_eq!(report.verdict, Verdict::Differs, "{report}");
    assert_eq!(report.unequal.len(), 1);
}
