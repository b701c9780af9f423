//! Where Square does not offer the Events API nothing else is different.

use serde_json::json;
use squaresync::flows::Step;
use squaresync::square::simulator::{Access, Fault};

use super::{HOUR, app, searches};
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    where_it_is_not_enabled_it_is_left_alone_for_a_day,
    an_oauth_token_does_without,
    a_token_that_is_refused_everywhere_is_not_taken_for_that,
}

/// With the mark set and the API off.
async fn without(db: TestDb) -> App {
    let app = app(db).await;
    app.square.enable_events(false);
    app.square.create(&json!({"given_name": "Ann"}));
    app
}

async fn where_it_is_not_enabled_it_is_left_alone_for_a_day(db: TestDb) {
    let mut app = without(db).await;

    for _ in 0..24 {
        assert_eq!(app.events.step(app.now()).await.unwrap(), Step::Idle);
        assert_eq!(app.client.refusal(), None);
        app.pass().await;
        app.assert_equal();
        app.advance(HOUR - crate::support::app::LAG).await;
        assert_eq!(searches(&app).len(), 1);
    }

    app.square.enable_events(true);
    let ann = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    app.square.delete(&ann);
    app.advance(HOUR).await;
    app.ask_for_events().await;
    assert_eq!(searches(&app).len(), 2);
    app.assert_equal();
}

async fn an_oauth_token_does_without(db: TestDb) {
    let mut app = without(db).await;
    app.square.enable_events(true);
    app.square.faults(|faults| faults.access = Access::OAuth);

    for _ in 0..3 {
        app.ask_for_events().await;
        app.pass().await;
    }

    assert_eq!(app.square.fired(Fault::AccessRefused), 1);
    assert_eq!(app.client.refusal(), None);
    app.assert_equal();
}

async fn a_token_that_is_refused_everywhere_is_not_taken_for_that(db: TestDb) {
    let mut app = without(db).await;
    app.square.enable_events(true);
    app.square.faults(|faults| faults.access = Access::Revoked);

    let error = app.events.step(app.now()).await.unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert!(app.client.refusal().is_some(), "the gate is closed");
    let calls = app.square.calls().len();
    assert!(app.events.step(app.now()).await.unwrap_err().is_refusal());
    assert_eq!(app.square.calls().len(), calls);

    app.square.faults(|faults| faults.access = Access::Granted);
    let ann = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    app.pass().await;
    app.square.delete(&ann);
    app.advance(HOUR).await;
    app.ask_for_events().await;
    app.assert_equal();
    assert_eq!(app.client.refusal(), None);
}
