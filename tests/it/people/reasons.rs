//! Reasons that are kept, listed and logged: whatever the database says, they name no customer.

use serde_json::json;
use squaresync::flows::dead;
use squaresync::flows::receive::Outcome;
use squaresync::store::inbox::State;

use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    a_trigger_that_quotes_the_row_is_not_repeated,
    a_stored_image_that_cannot_be_read_is_not_quoted,
}

const CANARY: &str = "Canarybob";

/// What is said of the only dead event.
async fn reason(app: &App) -> String {
    let list = dead::list(&app.store).await.unwrap();
    assert_eq!(list.events.len(), 1);
    list.events[0].reason.clone().unwrap()
}

async fn a_trigger_that_quotes_the_row_is_not_repeated(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql(match app.db.kind() {
        Kind::Sqlite => {
            "CREATE TRIGGER strict BEFORE INSERT ON customers \
             BEGIN SELECT RAISE(ABORT, 'no ' || NEW.given_name || ' here'); END"
        }
        Kind::Postgres => {
            "CREATE FUNCTION strict() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'no % here', NEW.given_name; END $$; \
             CREATE TRIGGER strict BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION strict()"
        }
    });
    app.square.create(&json!({"given_name": CANARY}));
    let event = app.events().pop().unwrap();

    assert_eq!(app.deliver(&event).await, Outcome::Kept(State::Dead));

    let reason = reason(&app).await;
    assert!(!reason.contains(CANARY), "{reason}");
    assert!(reason.contains("may quote a row"), "{reason}");
}

async fn a_stored_image_that_cannot_be_read_is_not_quoted(db: TestDb) {
    let mut app = App::new(db).await;
    let id = app.square.create(&json!({"given_name": "Ann"}));
    app.deliver_all().await;
    app.sql(&format!("UPDATE images SET profile = '\"{CANARY}\"'"));
    app.square.update(&id, &json!({"given_name": "Anne"}));
    let event = app.events().pop().unwrap();

    assert_eq!(app.deliver(&event).await, Outcome::Kept(State::Dead));

    let reason = reason(&app).await;
    assert!(!reason.contains(CANARY), "{reason}");
    assert!(reason.contains("JSON"), "{reason}");
}
