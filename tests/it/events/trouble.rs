//! What goes wrong while events are asked for, and what does not stop them.

use std::time::Duration;

use serde_json::json;
use squaresync::domain::id::MerchantId;
use squaresync::flows::Step;
use squaresync::square::simulator::Fault;
use squaresync::store::lease::{Holder, Lease};

use super::{HOUR, app, assert_read_up_to_now, mark, searches};
use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    a_crash_between_two_pages_loses_and_doubles_nothing,
    trouble_on_a_page_is_tried_again,
    a_cursor_that_ends_early_begins_the_window_again,
    a_cursor_that_always_ends_does_not_last,
    a_cursor_that_never_ends_does_not_last,
    a_poison_event_is_dead_and_holds_up_nobody,
    one_process_at_a_time_asks,
}

async fn many(app: &App, customers: usize) {
    for number in 0..customers {
        app.square
            .create(&json!({"given_name": format!("C{number}")}));
    }
    app.advance(HOUR).await;
}

/// Every event is in the inbox once.
#[track_caller]
fn assert_all(app: &App) {
    app.assert_equal();
    let count = |what| app.other().count(what);
    let events = app.square.events().len();
    assert_eq!(count("inbox WHERE state = 'applied'"), events);
    assert_eq!(count("inbox"), events);
    assert_read_up_to_now(app);
}

async fn a_crash_between_two_pages_loses_and_doubles_nothing(db: TestDb) {
    let mut app = app(db).await;
    let before = mark(&app);
    many(&app, 250).await;
    assert_eq!(app.events.step(app.now()).await.unwrap(), Step::Worked);
    assert_eq!(app.other().count("inbox"), 100);

    let mut app = app.crash().await;
    assert_eq!(mark(&app), before, "the window was not read to its end");
    app.ask_for_events().await;

    assert_eq!(
        (app.events.progress().read, app.events.progress().news),
        (250, 150)
    );
    assert_all(&app);
}

async fn trouble_on_a_page_is_tried_again(db: TestDb) {
    let mut app = app(db).await;
    many(&app, 250).await;
    assert_eq!(app.events.step(app.now()).await.unwrap(), Step::Worked);

    for fault in [Fault::RateLimited, Fault::InternalError, Fault::Reset] {
        app.square.faults(|faults| faults.next(fault, 1));
        let error = app.events.step(app.now()).await.unwrap_err();
        assert!(!error.is_refusal(), "{error}");
        assert_eq!(app.square.fired(fault), 1);
    }
    app.ask_for_events().await;

    assert_all(&app);
    let from_start = searches(&app)
        .iter()
        .filter(|it| it.get("cursor").is_none())
        .count();
    assert_eq!(from_start, 1, "no page is asked for twice");
}

async fn a_cursor_that_ends_early_begins_the_window_again(db: TestDb) {
    let mut app = app(db).await;
    many(&app, 250).await;
    app.square
        .faults(|faults| faults.after(Fault::ExpiredCursor, 1, 2));

    app.ask_for_events().await;

    assert_eq!(app.square.fired(Fault::ExpiredCursor), 2);
    assert_all(&app);
}

async fn a_cursor_that_always_ends_does_not_last(db: TestDb) {
    let mut app = app(db).await;
    let before = mark(&app);
    many(&app, 250).await;
    app.square
        .faults(|faults| faults.chance(Fault::ExpiredCursor, 1.0));
    let mut steps = 0;
    while app.events.step(app.now()).await.is_ok() {
        steps += 1;
        assert!(steps < 50, "it begins again for ever");
    }
    assert!(5 < app.square.fired(Fault::ExpiredCursor));
    assert_eq!(mark(&app), before);

    app.square.faults(|faults| faults.clear());
    app.ask_for_events().await;

    assert_all(&app);
}

async fn a_cursor_that_never_ends_does_not_last(db: TestDb) {
    let mut app = app(db).await;
    let before = mark(&app);
    many(&app, 3).await;
    app.square
        .faults(|faults| faults.chance(Fault::EmptyPage, 1.0));
    let mut steps = 0;
    while app.events.step(app.now()).await.is_ok() {
        steps += 1;
        assert!(steps < 1000, "it goes on for ever");
    }
    assert!(100 < app.square.fired(Fault::EmptyPage));
    assert_eq!(mark(&app), before);

    app.square.faults(|faults| faults.clear());
    app.ask_for_events().await;

    assert_all(&app);
}

async fn a_poison_event_is_dead_and_holds_up_nobody(db: TestDb) {
    let mut app = app(db).await;
    let refuse = match app.db.kind() {
        Kind::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON customers WHEN NEW.given_name = 'Poison' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        }
        Kind::Postgres => "ALTER TABLE customers ADD CHECK (given_name <> 'Poison')",
    };
    app.sql(refuse);
    app.square.create(&json!({"given_name": "Ann"}));
    let unreadable = json!({"type": "customer", "id": "X", "object": {"customer": {"id": "X"}}});
    let unreadable = app.square.emit("customer.updated", &unreadable);
    let poison = app.square.create(&json!({"given_name": "Poison"}));
    let bob = app.square.create(&json!({"given_name": "Bob"}));
    app.square.delete(&bob);
    app.advance(HOUR).await;

    app.ask_for_events().await;

    let states = app
        .other()
        .values("SELECT state AS value FROM inbox ORDER BY seq");
    let states: Vec<String> = states.into_iter().flatten().collect();
    assert_eq!(states, ["applied", "dead", "dead", "applied", "applied"]);
    let dead =
        format!("inbox WHERE state = 'dead' AND event_id = '{unreadable}' AND listed = TRUE");
    assert_eq!(app.other().count(&dead), 1);
    assert_read_up_to_now(&app);
    assert_eq!(app.rows(&["given_name", "deleted_at IS NULL"]).len(), 2);

    // Known as dead, it is not tried again.
    app.square.delete(&poison);
    app.advance(Duration::from_secs(60)).await;
    app.ask_for_events().await;
    assert_eq!(app.other().count("inbox"), 6);
    app.assert_equal();
}

async fn one_process_at_a_time_asks(db: TestDb) {
    let mut app = app(db).await;
    many(&app, 3).await;
    let merchant = MerchantId::new(app.square.merchant_id.clone());
    let lease = Lease::new(&merchant, "events", &Holder::named("other"));
    let held = app.store.write(move |db| lease.hold(db)).await.unwrap();

    let error = app.events.step(app.now()).await.unwrap_err();
    assert!(error.is_held(), "{error}");
    assert_eq!(searches(&app).len(), 0);
    // Nobody else waits for it.
    app.pass().await;

    app.store.write(move |db| held.release(db)).await.unwrap();
    app.ask_for_events().await;
    assert_eq!(app.other().count("inbox"), 3);
    app.assert_equal();
}
