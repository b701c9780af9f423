//! Old events leave the inbox, in small steps, and nothing is lost by it.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use squaresync::flows::Step;
use squaresync::flows::receive::Outcome;
use squaresync::flows::trim::Trim;
use squaresync::store::inbox::State;

use crate::support::{App, TestDb, Watcher, on_each_database};

on_each_database! {
    old_events_go_in_small_steps,
    events_that_a_person_has_to_see_stay,
    an_event_that_comes_again_without_its_old_row_has_no_effect,
    nothing_is_written_where_nothing_is_due,
}

const DAY: Duration = Duration::from_secs(86_400);

fn thirty_days(app: &App) -> Trim {
    Trim::new(app.store.clone(), TimeDelta::days(30))
}

/// Puts so many events of a state into the inbox, received so long ago.
fn put(app: &App, state: State, count: usize, ago: TimeDelta) {
    let (state, received) = (state.as_str(), app.now().naive_utc() - ago);
    app.sql(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO inbox (event_id, body, body_sha256, state, received_at) \
         SELECT 'made-' || i, '{{}}', '{state} {received}', '{state}', '{received}' FROM n"
    ));
}

fn count(app: &App, condition: &str) -> usize {
    app.other().count(&format!("inbox WHERE {condition}"))
}

/// All that is known of customers.
fn known(app: &App) -> Vec<Option<String>> {
    ["customers", "images", "changes", "outbox", "conflicts"]
        .iter()
        .flat_map(|table| {
            let columns = match *table {
                "customers" => "id || sync_state || updated_at || coalesce(deleted_at, created_at)",
                "images" => "square_id || version || profile || observed_at",
                "changes" => "seq || fields",
                "outbox" => "body",
                _ => "state",
            };
            let mut rows = app
                .other()
                .values(&format!("SELECT {columns} AS value FROM {table}"));
            rows.sort();
            rows
        })
        .collect()
}

async fn old_events_go_in_small_steps(db: TestDb) {
    let app = App::new(db).await;
    put(&app, State::Applied, 450, TimeDelta::days(31));
    put(&app, State::Superseded, 20, TimeDelta::days(300));
    put(
        &app,
        State::Ignored,
        20,
        TimeDelta::days(30) + TimeDelta::seconds(1),
    );
    put(
        &app,
        State::Applied,
        7,
        TimeDelta::days(30) - TimeDelta::seconds(1),
    );
    let mut trim = thirty_days(&app);

    let mut left = Vec::new();
    while trim.step(app.now()).await.unwrap() == Step::Worked {
        left.push(count(&app, "state <> 'waiting'"));
    }

    assert_eq!(left, [297, 97, 7]);
    assert_eq!(trim.gone(), 490);
}

async fn events_that_a_person_has_to_see_stay(db: TestDb) {
    let app = App::new(db).await;
    for state in State::ALL {
        put(&app, state, 3, TimeDelta::days(400));
    }
    let mut trim = thirty_days(&app);

    while trim.step(app.now()).await.unwrap() == Step::Worked {}

    assert_eq!(count(&app, "state = 'dead'"), 3);
    assert_eq!(count(&app, "state = 'waiting'"), 3);
    assert_eq!(count(&app, "received_at IS NOT NULL"), 6);
}

async fn an_event_that_comes_again_without_its_old_row_has_no_effect(db: TestDb) {
    let mut app = App::new(db).await;
    let [ann, bob, cid] =
        ["Ann", "Bob", "Cid"].map(|name| app.square.create(&json!({"given_name": name})));
    assert!(app.square.update(&ann, &json!({"note": "first"})));
    assert!(app.square.update(&ann, &json!({"note": "second"})));
    assert!(app.square.delete(&bob));
    let dan = app.square.create(&json!({"given_name": "Dan"}));
    app.square.merge(&[&cid, &dan]).unwrap();
    let events = app.events();
    for event in &events {
        app.deliver(event).await;
    }
    app.settle().await;
    app.advance(31 * DAY).await;
    let mut trim = thirty_days(&app);
    assert_eq!(trim.step(app.now()).await.unwrap(), Step::Worked);
    assert_eq!(count(&app, "received_at IS NOT NULL"), 0);
    let before = known(&app);
    assert!(15 < before.len(), "{before:?}");

    for event in events.iter().rev().chain(&events) {
        let outcome = app.deliver(event).await;
        let nothing_new = [Outcome::Again, Outcome::Kept(State::Superseded)];
        assert!(nothing_new.contains(&outcome), "{outcome:?}");
    }

    assert_eq!(known(&app), before);
    assert_eq!(count(&app, "state = 'superseded'"), events.len());
}

async fn nothing_is_written_where_nothing_is_due(db: TestDb) {
    let app = App::new(db).await;
    put(&app, State::Applied, 5, TimeDelta::days(29));
    put(&app, State::Dead, 5, TimeDelta::days(31));
    let mut watcher = Watcher::new(&app.db);
    let before = watcher.look();
    let mut trim = thirty_days(&app);

    assert_eq!(trim.step(app.now()).await.unwrap(), Step::Idle);
    assert_eq!(watcher.look(), before);

    app.advance(2 * DAY).await;
    assert_eq!(trim.step(app.now()).await.unwrap(), Step::Worked);
    assert_ne!(watcher.look(), before, "a write is seen");
}
