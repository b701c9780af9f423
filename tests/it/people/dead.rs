//! Dead events: looked at, tried again, dropped.

use serde_json::{Value, json};
use squaresync::flows::dead::{self, DeadError, Tried, Which};
use squaresync::flows::receive::Outcome;
use squaresync::square::simulator::Event;
use squaresync::store::inbox::State;

use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    what_an_older_program_could_not_read_takes_effect_once,
    a_poisoned_event_delays_none_of_those_behind_it,
    an_event_that_the_database_refuses_is_dead_until_it_takes_it,
    a_dropped_event_is_told_of_no_more_and_its_bytes_stay,
    only_show_gives_what_an_event_carries,
    a_retry_before_the_seller_is_known_waits_for_it,
    two_people_at_once_let_it_take_effect_once,
    refused_rows_are_told_of_elsewhere,
}

/// No part of a list may name anybody.
const CANARY: &str = "Canarybob";

/// Puts a body into the inbox as a program did that could not read it.
pub(crate) fn bury(app: &App, event_id: &str, body: &[u8]) -> i64 {
    let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = match app.db.kind() {
        Kind::Sqlite => format!("X'{hex}'"),
        Kind::Postgres => format!("decode('{hex}', 'hex')"),
    };
    app.sql(&format!(
        "INSERT INTO inbox (event_id, body, body_sha256, state, reason, received_at) \
         VALUES ('{event_id}', {bytes}, '{event_id}', 'dead', 'too new for this program', '2026-01-02 03:04:05')"
    ));
    number(app, event_id)
}

fn number(app: &App, event_id: &str) -> i64 {
    let query = format!("SELECT seq AS value FROM inbox WHERE event_id = '{event_id}'");
    let numbers = app.other().values(&query);
    numbers[0].as_deref().unwrap().parse().unwrap()
}

/// A customer at Square, and the event that tells of it.
fn told(app: &mut App, name: &str) -> Event {
    app.square
        .create(&json!({"given_name": name, "note": CANARY}));
    app.events().pop().unwrap()
}

async fn retry(app: &App, which: Which) -> Result<Tried, DeadError> {
    dead::retry(&app.store, &app.receive, which, app.now()).await
}

fn states(tried: &Tried) -> Vec<(i64, &'static str)> {
    let state = |event: &dead::Event| (event.number, event.state);
    tried.events.iter().map(state).collect()
}

async fn what_an_older_program_could_not_read_takes_effect_once(db: TestDb) {
    let mut app = App::new(db).await;
    let event = told(&mut app, "Ann");
    let number = bury(&app, "e1", event.body.as_bytes());

    let tried = retry(&app, Which::One(number)).await.unwrap();

    assert_eq!(states(&tried), [(number, "applied")]);
    assert_eq!(tried.events[0].kind.as_deref(), Some("customer.created"));
    assert_eq!(
        (tried.still_dead, tried.events[0].reason.clone()),
        (0, None)
    );
    assert_eq!(app.rows(&["given_name", "sync_state"]), ["Ann synced"]);
    let changes = app.other().count("changes");
    let again = retry(&app, Which::One(number)).await.unwrap_err();
    assert!(
        matches!(again, DeadError::NotDead(_, State::Applied)),
        "{again}"
    );
    assert!(retry(&app, Which::All).await.unwrap().events.is_empty());
    // Square sends it again, under its true name.
    assert_eq!(app.deliver(&event).await, Outcome::Kept(State::Superseded));
    assert_eq!(app.other().count("changes"), changes);
    app.assert_equal();
}

async fn a_poisoned_event_delays_none_of_those_behind_it(db: TestDb) {
    let mut app = App::new(db).await;
    let poison = format!(
        r#"{{"event_id":"p","merchant_id":"M","type":"customer.created","data":"{CANARY}"}}"#
    );
    let first = bury(&app, "e0", poison.as_bytes());
    let mut expected = vec![(first, "dead")];
    for name in ["Ann", "Bob"] {
        let event = told(&mut app, name);
        expected.push((bury(&app, name, event.body.as_bytes()), "applied"));
    }

    let tried = retry(&app, Which::All).await.unwrap();

    assert_eq!(states(&tried), expected);
    assert_eq!(tried.still_dead, 1);
    let reason = tried.events[0].reason.clone().unwrap();
    assert_eq!(reason, "data is not an object");
    app.assert_equal();
    // What is as dead as before is not written again.
    app.sql(match app.db.kind() {
        Kind::Sqlite => {
            "CREATE TRIGGER still BEFORE UPDATE ON inbox BEGIN SELECT RAISE(ABORT, 'written'); END"
        }
        Kind::Postgres => {
            "CREATE FUNCTION still() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'written'; END $$; \
             CREATE TRIGGER still BEFORE UPDATE ON inbox FOR EACH ROW EXECUTE FUNCTION still()"
        }
    });
    let tried = retry(&app, Which::All).await.unwrap();
    assert_eq!(states(&tried), [(first, "dead")]);
    assert_eq!(tried.events[0].reason, Some(reason));
}

async fn an_event_that_the_database_refuses_is_dead_until_it_takes_it(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("CREATE UNIQUE INDEX one_name ON customers (given_name)");
    for _ in 0..2 {
        told(&mut app, CANARY);
    }
    let events = app.square.events();
    assert_eq!(app.deliver(&events[0]).await, Outcome::Kept(State::Applied));
    assert_eq!(app.deliver(&events[1]).await, Outcome::Kept(State::Dead));
    let list = dead::list(&app.store).await.unwrap();
    let number = list.events[0].number;

    let tried = retry(&app, Which::All).await.unwrap();

    assert_eq!(
        (states(&tried), tried.still_dead),
        (vec![(number, "dead")], 1)
    );
    let reason = tried.events[0].reason.as_deref().unwrap();
    assert!(!reason.contains(CANARY), "{reason}");
    assert!(reason.to_lowercase().contains("unique"), "{reason}");
    assert_eq!(app.other().count("customers"), 1);
    app.sql("DROP INDEX one_name");
    let tried = retry(&app, Which::One(number)).await.unwrap();
    assert_eq!(states(&tried), [(number, "applied")]);
    app.assert_equal();
}

async fn a_dropped_event_is_told_of_no_more_and_its_bytes_stay(db: TestDb) {
    let mut app = App::new(db).await;
    let event = told(&mut app, "Ann");
    let numbers = ["e1", "e2", "e3"].map(|id| bury(&app, id, event.body.as_bytes()));

    let dropped = dead::drop_dead(&app.store, Which::One(numbers[0])).await;

    assert_eq!(dropped.unwrap().dropped, [numbers[0]]);
    assert_eq!(dead::list(&app.store).await.unwrap().events.len(), 2);
    let again = dead::drop_dead(&app.store, Which::One(numbers[0])).await;
    let again = again.unwrap_err();
    assert!(
        matches!(again, DeadError::NotDead(_, State::Ignored)),
        "{again}"
    );
    let unknown = dead::drop_dead(&app.store, Which::One(999)).await;
    assert!(matches!(unknown, Err(DeadError::Unknown(999))));
    let all = dead::drop_dead(&app.store, Which::All).await.unwrap();
    assert_eq!(all.dropped, numbers[1..]);
    let kept =
        "inbox WHERE state = 'ignored' AND reason = 'dropped by a person' AND length(body) > 9";
    assert_eq!(app.other().count(kept), 3);
    assert_eq!(app.other().count("customers"), 0);
    let none = dead::drop_dead(&app.store, Which::All).await.unwrap();
    assert!(none.dropped.is_empty());
}

async fn only_show_gives_what_an_event_carries(db: TestDb) {
    let app = App::new(db).await;
    let body = [CANARY.as_bytes(), b"\x1b[2J\xff\n\xe2\x80\xae"].concat();
    let number = bury(&app, "e\u{1b}1", &body);

    let list = dead::list(&app.store).await.unwrap();
    let shown = dead::show(&app.store, number).await.unwrap();

    let json = serde_json::to_value(&list).unwrap();
    let (event, words) = (&json["events"][0], list.to_string());
    assert_eq!(event["number"], number);
    assert_eq!(event["received"], "2026-01-02T03:04:05Z");
    assert_eq!(
        (&event["type"], &event["merchant_id"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(event["reason"], "too new for this program");
    assert!(words.contains("too new for this program"), "{words}");
    assert!(
        words.contains("2026-01-02 03:04:05 UTC  unknown  e\\u{1b}1"),
        "{words}"
    );
    assert!(!format!("{words}{json}").contains(CANARY), "{words}");
    let expected = format!("{CANARY}\\u{{1b}}[2J\\xff\\u{{a}}\\u{{202e}}");
    assert_eq!(shown.body, expected);
    let words = shown.to_string();
    assert!(words.ends_with(&expected), "{words}");
    assert!(!words.contains('\u{1b}'));
    let unknown = dead::show(&app.store, 999).await.unwrap_err();
    assert!(unknown.to_string().contains("999"), "{unknown}");
}

async fn a_retry_before_the_seller_is_known_waits_for_it(db: TestDb) {
    let mut app = App::new(db).await;
    let event = told(&mut app, "Ann");
    let number = bury(&app, "e1", event.body.as_bytes());
    app.sql("DELETE FROM sellers");

    let tried = retry(&app, Which::All).await.unwrap();

    assert_eq!(
        (states(&tried), tried.still_dead),
        (vec![(number, "waiting")], 0)
    );
    assert_eq!(app.other().count("customers"), 0);
    let mut app = app.crash().await;
    assert_eq!(app.receive.take_waiting(app.now()).await.unwrap(), 1);
    assert_eq!(app.rows(&["given_name"]), ["Ann"]);
    app.settle().await;
}

async fn two_people_at_once_let_it_take_effect_once(db: TestDb) {
    let mut app = App::new(db).await;
    let event = told(&mut app, "Ann");
    let number = bury(&app, "e1", event.body.as_bytes());

    let (one, other) = tokio::join!(
        retry(&app, Which::One(number)),
        retry(&app, Which::One(number))
    );

    let (won, lost) = match (one, other) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("{both:?}"),
    };
    assert_eq!(states(&won), [(number, "applied")]);
    assert!(matches!(lost, DeadError::NotDead(..)), "{lost}");
    assert_eq!(app.other().count("changes"), 1);
    app.assert_equal();
}

async fn refused_rows_are_told_of_elsewhere(db: TestDb) {
    let mut app = App::new(db).await;
    let pointer = "`squaresync status` says how to list them";
    let list = dead::list(&app.store).await.unwrap();
    assert_eq!(list.to_string(), "No event is dead.");
    app.sql("INSERT INTO customers (note) VALUES ('of nobody')");

    app.push_all().await;

    let list = dead::list(&app.store).await.unwrap();
    assert_eq!((list.failed_rows, list.events.len()), (1, 0));
    assert!(list.to_string().contains(pointer), "{list}");
}
