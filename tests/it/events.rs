//! What webhooks missed and no search shows comes from Square's list of events.

mod absent;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use squaresync::domain::Timestamp;
use squaresync::flows::receive::Outcome;
use squaresync::square::event::Event;
use squaresync::square::simulator::Options;

use crate::support::app::options;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    the_reconciler_alone_finds_creates_and_updates,
    the_events_tell_deletes_and_merges_too,
    an_event_is_taken_once_whoever_brings_it,
    times_without_a_zone_are_utc,
    a_quiet_pass_writes_nothing_but_a_mark_an_hour,
    what_is_older_than_square_keeps_is_not_asked_for,
}

/// More than any test takes.
const MOMENT: TimeDelta = TimeDelta::minutes(2);
const HOUR: Duration = Duration::from_secs(3600);

/// With the Events API on, and the mark set.
async fn app(db: TestDb) -> App {
    let options = Options {
        events_enabled: true,
        ..options()
    };
    let mut app = App::with(db, options, false).await;
    app.ask_for_events().await;
    assert_eq!(searches(&app).len(), 0, "the first pass asks for nothing");
    assert_read_up_to_now(&app);
    app
}

/// The bodies of the calls that asked for events.
fn searches(app: &App) -> Vec<Value> {
    let calls = app.square.calls();
    let asked = calls.iter().filter(|call| call.path == "/v2/events");
    asked
        .map(|call| serde_json::from_str(&call.body).unwrap())
        .collect()
}

fn mark(app: &App) -> Option<Timestamp> {
    let query = "SELECT CAST(reached_at AS TEXT) AS value FROM marks WHERE name = 'events'";
    let text = app.other().values(query).into_iter().flatten().next()?;
    let moment = chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f");
    Some(moment.unwrap().and_utc())
}

/// The client's clock runs on from the last answer, so some true time may be in the mark.
#[track_caller]
fn assert_read_up_to_now(app: &App) {
    let behind = app.now() - mark(app).unwrap();
    assert!(behind.abs() < MOMENT, "{behind} behind");
}

/// What a seller did in three days.
#[derive(Default)]
struct Done {
    deleted: Vec<String>,
    merged: Vec<String>,
}

/// Three days at Square in which no webhook arrives; the reconciler goes on.
async fn three_days(app: &mut App) -> Done {
    let mut done = Done::default();
    for hour in 0..72 {
        let new: Vec<String> = (0..5)
            .map(|number| {
                app.square
                    .create(&json!({"given_name": format!("C{hour}-{number}")}))
            })
            .collect();
        if hour % 6 == 0 {
            app.pass().await;
        }
        app.square.update(&new[0], &json!({"note": "later"}));
        app.square.delete(&new[1]);
        done.deleted.push(new[1].clone());
        app.square.merge(&[&new[2], &new[3]]).unwrap();
        done.merged.extend([new[2].clone(), new[3].clone()]);
        app.advance(HOUR).await;
    }
    app.pass().await;
    done
}

async fn the_reconciler_alone_finds_creates_and_updates(db: TestDb) {
    let mut app = App::new(db).await;
    three_days(&mut app).await;

    let rows = app.rows(&[
        "square_id",
        "square_version",
        "given_name",
        "note",
        "sync_state",
    ]);
    for customer in app.square.customers() {
        let text = |key| customer.get(key).and_then(Value::as_str).unwrap_or("-");
        let (id, name, note) = (text("id"), text("given_name"), text("note"));
        let row = format!("{id} {} {name} {note} synced", customer["version"]);
        assert!(rows.contains(&row), "{row}\n{}", app.dump());
    }
    assert_eq!(app.other().count("inbox"), 0);
    assert_eq!(
        app.other()
            .count("images WHERE tombstone_cause IS NOT NULL"),
        0
    );
}

async fn the_events_tell_deletes_and_merges_too(db: TestDb) {
    let mut app = app(db).await;
    let done = three_days(&mut app).await;

    app.ask_for_events().await;

    app.assert_equal();
    let query = "SELECT square_id || ' ' || tombstone_cause AS value FROM images WHERE tombstone_cause IS NOT NULL";
    let mut causes: Vec<String> = app.other().values(query).into_iter().flatten().collect();
    causes.sort();
    let deleted = done.deleted.iter().map(|id| format!("{id} event"));
    let merged = done.merged.iter().map(|id| format!("{id} merge"));
    let mut expected: Vec<String> = deleted.chain(merged).collect();
    expected.sort();
    assert_eq!(causes, expected);
    let merged = "customers WHERE merged_into IS NOT NULL";
    assert!(0 < app.other().count(merged));
    let events = app.square.events().len();
    assert_eq!(app.other().count("inbox"), events);
    assert_eq!(searches(&app).len(), events.div_ceil(100));
    assert_read_up_to_now(&app);
}

async fn an_event_is_taken_once_whoever_brings_it(db: TestDb) {
    let mut app = app(db).await;
    let ann = app.square.create(&json!({"given_name": "Ann"}));
    app.square.update(&ann, &json!({"note": "x"}));
    app.deliver_all().await;
    app.square.update(&ann, &json!({"note": "y"}));
    app.square.delete(&ann);
    app.advance(HOUR).await;

    app.ask_for_events().await;
    assert_eq!(
        (app.events.progress().read, app.events.progress().news),
        (4, 2)
    );
    let listed = "inbox WHERE listed = TRUE AND state = 'applied'";
    assert_eq!(
        (app.other().count("inbox"), app.other().count(listed)),
        (4, 2)
    );
    let changes = app.other().count("changes");

    // Square delivers late what was taken from its list.
    for event in app.events() {
        assert_eq!(app.deliver(&event).await, Outcome::Again);
    }
    app.ask_for_events().await;

    assert_eq!(app.other().count("inbox"), 4);
    assert_eq!(app.other().count("changes"), changes);
    assert_eq!(app.counters.event_id_collisions.get(), 0);
    app.assert_equal();
}

async fn times_without_a_zone_are_utc(db: TestDb) {
    let mut app = app(db).await;
    for name in ["Ann", "Bob", "Cleo", "Dora"] {
        app.square.create(&json!({"given_name": name}));
        app.advance(HOUR).await;
    }

    app.ask_for_events().await;

    app.assert_equal();
    let sent = app.square.events();
    let times = |body: &[u8]| {
        let event = Event::parse(body).unwrap();
        (event.event_id, event.created_at.unwrap())
    };
    let sent: BTreeMap<_, _> = sent.iter().map(|it| times(it.body.as_bytes())).collect();
    let hex = match app.db.kind() {
        crate::support::Kind::Sqlite => "hex(body)",
        crate::support::Kind::Postgres => "encode(body, 'hex')",
    };
    let bodies = app
        .other()
        .values(&format!("SELECT {hex} AS value FROM inbox"));
    let bodies: Vec<Vec<u8>> = bodies
        .into_iter()
        .flatten()
        .map(|hex| unhex(&hex))
        .collect();
    let kept: BTreeMap<_, _> = bodies.iter().map(|body| times(body)).collect();
    assert_eq!(kept, sent);
    let is_bare = |body: &&Vec<u8>| String::from_utf8_lossy(body).contains(".000000\"");
    assert_eq!(bodies.iter().filter(is_bare).count(), 2);
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(pair).collect()
}

async fn a_quiet_pass_writes_nothing_but_a_mark_an_hour(db: TestDb) {
    let mut app = app(db).await;
    app.square.create(&json!({"given_name": "Ann"}));
    app.deliver_all().await;
    let look = |app: &App| {
        app.other().values(
            "SELECT name || holder || token || expires_at AS value FROM leases \
             UNION ALL SELECT name || reached_at FROM marks UNION ALL SELECT event_id || state FROM inbox \
             UNION ALL SELECT square_id || version FROM images",
        )
    };
    app.advance(HOUR / 2).await;
    let before = look(&app);

    app.ask_for_events().await;
    app.advance(HOUR / 2).await;
    app.ask_for_events().await;
    assert_eq!(look(&app), before);
    assert_eq!(app.events.progress().read, 1, "it was looked at");

    let behind = mark(&app).unwrap();
    app.advance(HOUR).await;
    app.ask_for_events().await;
    assert_ne!(look(&app), before);
    assert!(behind + TimeDelta::minutes(110) < mark(&app).unwrap());
    assert_read_up_to_now(&app);
    assert_eq!(searches(&app).len(), 3);
}

async fn what_is_older_than_square_keeps_is_not_asked_for(db: TestDb) {
    let mut app = app(db).await;
    let ann = app.square.create(&json!({"given_name": "Ann"}));
    app.pass().await;
    app.square.delete(&ann);
    let bob = app.square.create(&json!({"given_name": "Bob"}));
    app.pass().await;
    app.advance(30 * 24 * HOUR).await;
    app.square.delete(&bob);
    app.advance(Duration::from_secs(1)).await;

    app.ask_for_events().await;

    let asked = searches(&app);
    let start = asked[0]["query"]["filter"]["created_at"]["start_at"]
        .as_str()
        .unwrap();
    let start = DateTime::parse_from_rfc3339(start).unwrap();
    let reach = app.now() - start.to_utc();
    assert!((reach - TimeDelta::days(28)).abs() < MOMENT, "{reach}");
    assert_eq!(app.other().count("live_customers"), 1, "Ann is the census'");
    assert_read_up_to_now(&app);
}
