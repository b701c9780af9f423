//! PostgreSQL is asked about all that a batch tells at once: the number of round
//! trips does not grow with the batch.

use bytes::Bytes;
use serde_json::json;
use squaresync::domain::merge::Rule;
use squaresync::flows::receive::Delivery;
use squaresync::square::signature::Verified;

use super::recorder;
use crate::support::{App, Kind, TestDb};

#[tokio::test]
async fn a_large_batch_takes_as_many_statements_as_a_small_one() {
    let [few, many] = [statements(3).await, statements(30).await];

    assert!(0 < few[0] && 0 < few[1], "{few:?}");
    assert_eq!(few, many);
}

#[tokio::test]
async fn events_are_kept_by_the_statement_that_writes_what_they_tell() {
    let db = TestDb::new(Kind::Postgres);
    recorder::watch(&db);
    let mut app = App::ruled(db, Rule::Newest).await;
    for name in ["Ann", "O'Hara"] {
        app.square.create(&json!({"given_name": name}));
    }

    take(&mut app).await;

    let sent = recorder::everything(&app.db);
    let writes: Vec<&String> = sent.keys().filter(|sql| sql.contains("INSERT")).collect();
    assert_eq!(writes.len(), 1, "{writes:?}");
    let tables = ["images", "customers", "changes", "inbox"];
    let into = |table: &&str| writes[0].contains(&format!("INSERT INTO {table} ("));
    assert!(tables.iter().all(into), "{writes:?}");
    assert_eq!(app.other().count("inbox"), 2);
}

/// How many statements it takes to take in so many new customers, and changes of
/// all of them whose rows were edited, too.
async fn statements(customers: usize) -> [usize; 2] {
    let db = TestDb::new(Kind::Postgres);
    recorder::watch(&db);
    let mut app = App::ruled(db, Rule::Newest).await;
    let create = |number| {
        app.square
            .create(&json!({"given_name": format!("Name {number}")}))
    };
    let ids: Vec<String> = (0..customers).map(create).collect();
    let new = batch(&mut app).await;
    app.sql("UPDATE customers SET note = 'here'");
    for id in &ids {
        assert!(app.square.update(id, &json!({"note": "there"})));
    }
    let edited = batch(&mut app).await;
    assert_eq!(
        app.other().count("customers WHERE note IS NOT NULL"),
        customers
    );
    [new, edited]
}

/// Takes all events that were not delivered in one batch, and counts the statements.
async fn batch(app: &mut App) -> usize {
    take(app).await;
    let sent = recorder::taken(&app.db);
    sent.values().map(|(times, _)| times).sum()
}

async fn take(app: &mut App) {
    let deliveries = app.events().into_iter().map(|event| {
        let body = Bytes::copy_from_slice(event.body.as_bytes());
        Delivery::read(&Verified::recorded(body))
    });
    let deliveries = deliveries.collect();
    recorder::watch(&app.db);
    let outcomes = app.receive.take(deliveries, app.now()).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}
