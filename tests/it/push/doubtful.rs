//! A new row that may be several customers at Square: a person says which.

use serde_json::json;
use squaresync::domain::id::SquareId;
use squaresync::domain::lookalike::Matching;
use squaresync::flows::Step;
use squaresync::square::simulator::{Fault, Strikes};
use squaresync::store::conflicts::{self, Entry, Taken};
use squaresync::store::customers::{self, SyncState};

use super::creates;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    two_profiles_with_a_rows_reference_are_a_persons_question,
    a_person_says_which_profile_a_row_is,
    a_person_says_that_a_row_is_none_of_them,
    an_edit_that_ends_the_doubt_ends_the_question,
    the_only_one_that_shows_all_of_the_row_is_meant,
    an_address_and_a_number_of_two_customers_are_a_persons_question,
    many_doubtful_rows_hold_up_nobody,
    a_changed_profile_that_two_rows_may_have_made_is_a_question,
}

/// Two customers with one reference, and a row with the same.
async fn doubtful(db: TestDb) -> App {
    let mut app = App::new(db).await;
    for name in ["Anna", "Anne"] {
        app.square
            .create(&json!({"given_name": name, "reference_id": "CRM-17"}));
    }
    app.settle().await;
    app.sql("INSERT INTO customers (id, given_name, reference_id) VALUES ('a', 'Ann', 'CRM-17')");
    app.push_all().await;
    app
}

async fn open(app: &App) -> Vec<Entry> {
    let open = |db: &mut _| conflicts::list(db, Some(conflicts::State::Open), 0, 100);
    app.store.read(open).await.unwrap()
}

fn state(app: &App) -> Option<String> {
    let query = "SELECT sync_state AS value FROM customers WHERE id = 'a'";
    app.other().values(query).remove(0)
}

/// A person answers, and the row is looked at again.
async fn answer(app: &App, seq: i64, chosen: Option<SquareId>) {
    let now = app.now();
    let answered = move |db: &mut _| {
        match chosen {
            Some(chosen) => conflicts::choose(db, seq, &chosen, now)?,
            None => conflicts::resolve(db, seq, Some(Taken::Local), now)?,
        }
        let entry = conflicts::load(db, seq)?.unwrap();
        let mut rows = customers::lock(db, &[entry.conflict.customer_id])?.rows;
        rows[0].sync_state = SyncState::Pending;
        customers::put(db, &entry.merchant_id, &rows)
    };
    app.store.write(answered).await.unwrap();
}

async fn two_profiles_with_a_rows_reference_are_a_persons_question(db: TestDb) {
    let mut app = doubtful(db).await;

    assert_eq!(state(&app).as_deref(), Some("conflict"));
    let error = "SELECT sync_error AS value FROM customers WHERE id = 'a'";
    let error = app.other().values(error).remove(0).unwrap();
    assert!(error.contains("squaresync conflicts list"), "{error}");
    let asked = open(&app).await;
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].conflict.field, asked[0].conflict.candidates.len()),
        (None, 2)
    );
    assert_eq!(app.push_once().await.unwrap(), Step::Idle);
    app.sql("UPDATE customers SET note = 'x' WHERE id = 'a'");
    app.push_all().await;
    assert_eq!(state(&app).as_deref(), Some("conflict"));
    assert_eq!(open(&app).await, asked);
    assert_eq!(creates(&app), 0);
}

async fn a_person_says_which_profile_a_row_is(db: TestDb) {
    let mut app = doubtful(db).await;
    let asked = open(&app).await;
    let chosen = asked[0].conflict.candidates[1].clone();
    answer(&app, asked[0].seq, Some(chosen.clone())).await;
    app.settle().await;

    let linked =
        format!("customers WHERE id = 'a' AND square_id = '{chosen}' AND sync_state = 'synced'");
    assert_eq!(app.other().count(&linked), 1, "{}", app.dump());
    assert_eq!(creates(&app), 0);
    assert_eq!(open(&app).await, []);
    app.assert_equal();
}

async fn a_person_says_that_a_row_is_none_of_them(db: TestDb) {
    let mut app = doubtful(db).await;
    // A new start, which asks Square before it makes anything.
    app.caught_up.set(None);
    let asked = open(&app).await;
    answer(&app, asked[0].seq, None).await;
    app.settle().await;

    assert_eq!(state(&app).as_deref(), Some("synced"));
    assert_eq!((creates(&app), app.square.len()), (1, 3));
    app.assert_equal();
}

async fn an_edit_that_ends_the_doubt_ends_the_question(db: TestDb) {
    let mut app = doubtful(db).await;
    app.sql("UPDATE customers SET reference_id = 'CRM-18' WHERE id = 'a'");
    app.settle().await;

    assert_eq!(open(&app).await, []);
    assert_eq!(creates(&app), 1);
    app.assert_equal();
}

async fn the_only_one_that_shows_all_of_the_row_is_meant(db: TestDb) {
    let mut app = App::new(db).await;
    for name in ["Ann", "Bob"] {
        app.square
            .create(&json!({"given_name": name, "reference_id": "CRM-17"}));
    }
    app.settle().await;
    app.sql("INSERT INTO customers (id, given_name, reference_id) VALUES ('a', 'Ann', 'CRM-17')");
    app.settle().await;

    assert_eq!(state(&app).as_deref(), Some("synced"));
    assert_eq!(creates(&app), 0);
    app.assert_equal();
}

async fn an_address_and_a_number_of_two_customers_are_a_persons_question(db: TestDb) {
    let mut app = App::new(db).await;
    app.pushing(|pushing| pushing.matching = Matching::Both);
    app.square
        .create(&json!({"given_name": "Ann", "email_address": "ann@example.com"}));
    app.square
        .create(&json!({"given_name": "Bob", "phone_number": "+12125554240"}));
    app.settle().await;
    app.sql(
        "INSERT INTO customers (id, given_name, email_address, phone_number) \
         VALUES ('a', 'Ann', 'ann@example.com', '+12125554240')",
    );
    app.push_all().await;

    assert_eq!(state(&app).as_deref(), Some("conflict"));
    let asked = open(&app).await;
    assert_eq!(asked[0].conflict.candidates.len(), 2);
    answer(&app, asked[0].seq, None).await;
    app.settle().await;
    assert_eq!((creates(&app), app.square.len()), (1, 3));
    app.assert_equal();
}

async fn many_doubtful_rows_hold_up_nobody(db: TestDb) {
    let mut app = App::new(db).await;
    for name in ["Anna", "Anne"] {
        app.square
            .create(&json!({"given_name": name, "reference_id": "CRM-17"}));
    }
    app.settle().await;
    let rows: Vec<String> = (0..150)
        .map(|n| format!("('a{n}', 'Ann {n}', 'CRM-17')"))
        .collect();
    app.sql(&format!(
        "INSERT INTO customers (id, given_name, reference_id) VALUES {}, ('z', 'Zoe', NULL)",
        rows.join(", ")
    ));
    app.push_all().await;
    app.push_all().await;

    assert_eq!(
        app.other().count("customers WHERE sync_state = 'conflict'"),
        150
    );
    assert_eq!(
        app.other()
            .count("customers WHERE id = 'z' AND sync_state = 'synced'"),
        1
    );
    assert_eq!(app.push_once().await.unwrap(), Step::Idle);
}

async fn a_changed_profile_that_two_rows_may_have_made_is_a_question(db: TestDb) {
    let mut app = App::new(db).await;
    for (id, name, fault) in [("a", "Ann", Fault::LostAnswer), ("b", "Bob", Fault::Reset)] {
        app.square.faults(|faults| {
            faults.strikes(fault, Strikes::Writes);
            faults.next(fault, 1);
        });
        app.sql(&format!(
            "INSERT INTO customers (id, given_name, email_address, reference_id) \
             VALUES ('{id}', '{name}', 'both@example.com', 'CRM-17')"
        ));
        app.push_once().await.unwrap();
        assert_eq!(app.square.fired(fault), 1);
    }
    let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    let changed = json!({"given_name": "Anna", "email_address": "anna@example.com"});
    app.square.update(&id, &changed);
    app.advance(std::time::Duration::from_secs(48 * 3600)).await;
    app.square.forget_keys();
    app.push_all().await;
    app.settle().await;

    assert_eq!((creates(&app), app.square.len()), (1, 1));
    let asked = app.other().count("customers WHERE sync_state = 'conflict'");
    assert_eq!((asked, open(&app).await.len()), (2, 2));
}
