//! Fields that both sides changed, decided by a person.

use serde_json::json;
use squaresync::domain::field::Field;
use squaresync::domain::id::{CustomerId, MerchantId, SquareId};
use squaresync::flows::conflicts as ledger;
use squaresync::flows::resolve::{ResolveError, Resolved, Take, resolve};
use squaresync::store::conflicts::{self, Conflict, Decider, Taken};

use crate::support::{App, Kind, TestDb, on_each_database};

on_each_database! {
    each_side_and_any_value_can_stand,
    a_value_that_is_there_already_is_not_written_again,
    a_value_that_nobody_can_keep_is_refused,
    a_value_that_square_refuses_is_told_of_in_the_row,
    what_is_decided_about_a_merged_row_is_written_into_the_one_that_stays,
    a_row_that_is_gone_cannot_be_written,
    a_row_that_an_application_holds_is_left_alone,
    values_are_shown_only_where_one_entry_is,
}

/// What Square's side held, and the application's.
const SQUARES: &str = "Canary of Square";
const LOCAL: &str = "Canary of the shop";

/// A customer on both sides, whose nickname the rule decided for Square. Gives
/// Square's id, ours, and the number of the entry.
pub(crate) async fn decided(app: &mut App) -> (String, CustomerId, i64) {
    let square_id = app
        .square
        .create(&json!({"given_name": "Ann", "nickname": SQUARES}));
    app.deliver_all().await;
    let query = format!("SELECT id AS value FROM customers WHERE square_id = '{square_id}'");
    let id = CustomerId::new(app.other().values(&query)[0].clone().unwrap());
    let number = enter(app, about(&id, &square_id)).await;
    (square_id, id, number)
}

pub(crate) fn about(id: &CustomerId, square_id: &str) -> Conflict {
    Conflict {
        customer_id: id.clone(),
        square_id: Some(SquareId::new(square_id)),
        field: Some(Field::Nickname),
        base: Some("Canary of both".to_owned()),
        square: Some(SQUARES.to_owned()),
        local: Some(LOCAL.to_owned()),
        square_at: None,
        local_at: None,
        decided: Some((Decider::Square, Taken::Square)),
        candidates: Vec::new(),
    }
}

/// Puts an entry into the ledger. Gives its number.
pub(crate) async fn enter(app: &App, conflict: Conflict) -> i64 {
    let (merchant, now) = (MerchantId::new(&app.square.merchant_id), app.now());
    let add = move |db: &mut _| {
        conflicts::add(db, &merchant, &[conflict], now)?;
        conflicts::list(db, None, 0, 1000)
    };
    app.store.write(add).await.unwrap().last().unwrap().seq
}

pub(crate) async fn take(app: &App, number: i64, take: &str) -> Result<Resolved, ResolveError> {
    resolve(&app.store, number, Take::parse(take), app.now()).await
}

fn nickname(app: &App, square_id: &str) -> Option<String> {
    let customer = app.square.customer(square_id).unwrap();
    Some(customer.get("nickname")?.as_str().unwrap().to_owned())
}

async fn each_side_and_any_value_can_stand(db: TestDb) {
    let mut app = App::new(db).await;
    let hard = "Zoë O'Hara 👩‍🍳 \"; DROP TABLE customers; -- \\ $1 %s";
    for (word, taken, expected) in [
        ("local", "local", Some(LOCAL)),
        ("square", "square", Some(SQUARES)),
        (hard, "value", Some(hard)),
        ("value:square", "value", Some("square")),
        ("value:value:x", "value", Some("value:x")),
        ("--json", "value", Some("--json")),
        ("", "value", None),
    ] {
        let (square_id, id, number) = decided(&mut app).await;

        let resolved = take(&app, number, word).await.unwrap();

        assert_eq!((resolved.taken, resolved.field), (taken, Some("nickname")));
        assert_eq!(resolved.customer_id, id.as_str());
        assert_eq!(resolved.written, word != "square", "{word}");
        app.push_all().await;
        assert_eq!(nickname(&app, &square_id).as_deref(), expected, "{word}");
        let again = take(&app, number, "local").await.unwrap_err();
        assert!(matches!(again, ResolveError::Resolved(_)), "{again}");
        app.push_all().await;
        assert_eq!(nickname(&app, &square_id).as_deref(), expected, "{word}");
    }
    app.settle().await;
    app.assert_equal();
    let words = ledger::list(&app.store, true).await.unwrap().to_string();
    assert_eq!(words.matches("a person decided").count(), 7, "{words}");
    assert_eq!(app.other().count("changes WHERE source = 'application'"), 6);
}

async fn a_value_that_is_there_already_is_not_written_again(db: TestDb) {
    let mut app = App::new(db).await;
    let (_, _, number) = decided(&mut app).await;
    let before = app.rows(&["updated_at", "sync_state", "nickname"]);

    let resolved = take(&app, number, SQUARES).await.unwrap();

    assert!(!resolved.written);
    assert_eq!(app.rows(&["updated_at", "sync_state", "nickname"]), before);
    assert_eq!(app.other().count("local_edits"), 0);
    let entry =
        "conflicts WHERE state = 'resolved' AND taken = 'value' AND resolved_at IS NOT NULL";
    assert_eq!(app.other().count(entry), 1);
}

async fn a_value_that_nobody_can_keep_is_refused(db: TestDb) {
    let mut app = App::new(db).await;
    let (_, _, number) = decided(&mut app).await;

    let refused = take(&app, number, "a\0b").await.unwrap_err();

    assert!(refused.to_string().contains("NUL"), "{refused}");
    assert_eq!(app.rows(&["nickname"]), [SQUARES]);
    assert_eq!(app.other().count("conflicts WHERE state = 'decided'"), 1);
    let unknown = take(&app, number + 7, "local").await.unwrap_err();
    assert!(matches!(unknown, ResolveError::Unknown(_)), "{unknown}");
}

async fn a_value_that_square_refuses_is_told_of_in_the_row(db: TestDb) {
    let mut app = App::new(db).await;
    let (square_id, _, number) = decided(&mut app).await;
    let long = "x".repeat(101);

    assert!(take(&app, number, &long).await.unwrap().written);
    app.push_all().await;

    assert_eq!(
        app.other()
            .count("customers WHERE sync_state = 'failed' AND sync_error <> ''"),
        1
    );
    assert_eq!(nickname(&app, &square_id).as_deref(), Some(SQUARES));
}

async fn what_is_decided_about_a_merged_row_is_written_into_the_one_that_stays(db: TestDb) {
    let mut app = App::new(db).await;
    let (first, id, number) = decided(&mut app).await;
    let other = app.square.create(&json!({"given_name": "Ann"}));
    app.deliver_all().await;
    let stays = app.square.merge(&[&first, &other]).unwrap();
    app.deliver_all().await;
    let merged = format!("customers WHERE id = '{id}' AND merged_into IS NOT NULL");
    assert_eq!(app.other().count(&merged), 1, "{}", app.dump());

    let resolved = take(&app, number, "local").await.unwrap();

    assert_ne!(resolved.customer_id, id.as_str());
    app.push_all().await;
    assert_eq!(nickname(&app, &stays).as_deref(), Some(LOCAL));
    assert_eq!(app.other().count(&merged), 1);
}

async fn a_row_that_is_gone_cannot_be_written(db: TestDb) {
    let mut app = App::new(db).await;
    let (ended, _, first) = decided(&mut app).await;
    let (_, id, second) = decided(&mut app).await;
    app.square.delete(&ended);
    app.deliver_all().await;
    app.sql(&format!("DELETE FROM customers WHERE id = '{id}'"));

    for number in [first, second] {
        let refused = take(&app, number, "local").await.unwrap_err();
        assert!(matches!(refused, ResolveError::Gone(_)), "{refused}");
    }

    assert_eq!(app.other().count("conflicts WHERE state = 'decided'"), 2);
    let shown = ledger::show(&app.store, second).await.unwrap().unwrap();
    assert!(
        shown.to_string().contains("not in the table any more"),
        "{shown}"
    );
    app.push_all().await;
}

async fn a_row_that_an_application_holds_is_left_alone(db: TestDb) {
    if db.kind() == Kind::Sqlite {
        // There whoever writes has the whole file.
        return;
    }
    let mut app = App::new(db).await;
    let (_, _, number) = decided(&mut app).await;
    let mut other = app.other();
    other
        .run("BEGIN; UPDATE customers SET note = 'held'")
        .unwrap();

    let refused = take(&app, number, "local").await.unwrap_err();

    assert!(matches!(refused, ResolveError::Locked(_)), "{refused}");
    other.run("COMMIT").unwrap();
    assert!(take(&app, number, "local").await.unwrap().written);
    app.settle().await;
    app.assert_equal();
}

async fn values_are_shown_only_where_one_entry_is(db: TestDb) {
    let mut app = App::new(db).await;
    let (square_id, id, number) = decided(&mut app).await;

    let open = ledger::list(&app.store, false).await.unwrap();
    let list = ledger::list(&app.store, true).await.unwrap();
    let shown = ledger::show(&app.store, number).await.unwrap().unwrap();

    assert_eq!(open.to_string(), "No conflict waits for a person.");
    let (words, json) = (list.to_string(), serde_json::to_value(&list).unwrap());
    assert!(
        !format!("{words}{json}").contains("Canary"),
        "{words}\n{json}"
    );
    let line = format!("{number}       {id}  nickname  Square's stands: rule square  2026-");
    assert!(words.contains(&line), "{words}");
    assert_eq!(json["conflicts"][0]["rule"], "square");
    let (words, json) = (shown.to_string(), serde_json::to_value(&shown).unwrap());
    for value in ["Canary of both", SQUARES, LOCAL] {
        assert!(words.contains(value), "{words}");
    }
    assert_eq!(
        (&json["square"], &json["local"]),
        (&json!(SQUARES), &json!(LOCAL))
    );
    assert_eq!(json["row"]["fields"], json!({"nickname": SQUARES}));
    assert_eq!(json["square_id"], square_id);
    assert!(ledger::show(&app.store, 999).await.unwrap().is_none());
}
