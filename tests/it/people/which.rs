//! Rows of which only a person can say which profile they are.

use serde_json::json;
use squaresync::domain::id::{CustomerId, MerchantId, SquareId};
use squaresync::flows::conflicts as ledger;
use squaresync::flows::resolve::ResolveError;
use squaresync::flows::status::Status;
use squaresync::store::conflicts::{self, Conflict};
use squaresync::store::customers::{self, SyncState};

use super::conflicts::{about, decided, enter, take};
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_row_gets_a_profile_of_its_own_where_a_person_says_so,
    a_row_becomes_the_profile_that_a_person_names,
    of_one_candidate_no_name_is_needed,
    a_profile_that_has_ended_cannot_be_chosen,
    a_question_is_outdated_once_the_row_was_written,
    a_row_that_waited_goes_on_with_the_value_that_it_holds,
}

/// A row that waits for an answer. Gives its id and the number of the question.
async fn waiting(app: &App, candidates: &[&str]) -> (CustomerId, i64) {
    app.sql("INSERT INTO customers (id, given_name) VALUES ('r1', 'Canarybob')");
    let id = CustomerId::new("r1");
    set_conflict(app, &id).await;
    let conflict = Conflict {
        customer_id: id.clone(),
        square_id: None,
        field: None,
        base: None,
        square: None,
        local: None,
        square_at: None,
        local_at: None,
        decided: None,
        candidates: candidates.iter().map(|id| SquareId::new(*id)).collect(),
    };
    let number = enter(app, conflict).await;
    (id, number)
}

/// Lets a row wait for a person, as the pusher does.
async fn set_conflict(app: &App, id: &CustomerId) {
    let (id, merchant) = (id.clone(), MerchantId::new(&app.square.merchant_id));
    let set = move |db: &mut _| {
        let mut rows = customers::lock(db, &[id])?.rows;
        rows[0].sync_state = SyncState::Conflict;
        customers::put(db, &merchant, &rows)
    };
    app.store.write(set).await.unwrap();
}

fn state(app: &App) -> Vec<String> {
    app.rows(&["sync_state"])
}

async fn open(app: &App) -> usize {
    let open = ledger::list(&app.store, false)
        .await
        .unwrap()
        .conflicts
        .len();
    let status = Status::read(&app.store, app.now()).await.unwrap();
    assert_eq!(status.conflicts.open, i64::try_from(open).unwrap());
    let told = status.to_string().contains("squaresync conflicts list");
    assert_eq!(told, open != 0, "{status}");
    open
}

async fn a_row_gets_a_profile_of_its_own_where_a_person_says_so(db: TestDb) {
    let mut app = App::new(db).await;
    let (_, number) = waiting(&app, &["P1", "P2"]).await;
    assert_eq!(
        (open(&app).await, state(&app)),
        (1, vec!["conflict".to_owned()])
    );

    let resolved = take(&app, number, "local").await.unwrap();

    assert_eq!((resolved.taken, resolved.square_id), ("local", None));
    assert_eq!(
        (open(&app).await, state(&app)),
        (0, vec!["pending".to_owned()])
    );
    let again = take(&app, number, "local").await.unwrap_err();
    assert!(matches!(again, ResolveError::Resolved(_)), "{again}");
    app.push_all().await;
    assert_eq!(
        (app.square.len(), state(&app)),
        (1, vec!["synced".to_owned()])
    );
}

async fn a_row_becomes_the_profile_that_a_person_names(db: TestDb) {
    let app = App::new(db).await;
    let (id, number) = waiting(&app, &["P1", "P2"]).await;
    for vague in ["square", "P3", "", "value:"] {
        let refused = take(&app, number, vague).await.unwrap_err();
        assert!(refused.to_string().contains("one of P1, P2"), "{refused}");
    }
    assert_eq!(
        (open(&app).await, state(&app)),
        (1, vec!["conflict".to_owned()])
    );

    let resolved = take(&app, number, "P2").await.unwrap();

    assert_eq!(resolved.square_id.as_deref(), Some("P2"));
    assert_eq!(state(&app), ["pending"]);
    let answered = app
        .store
        .read(move |db| conflicts::answered_of(db, &[id]))
        .await;
    let answered = &answered.unwrap()[0];
    assert_eq!(answered.conflict.square_id, Some(SquareId::new("P2")));
    assert_eq!(answered.taken, Some(conflicts::Taken::Square));
    // It was no application's edit.
    assert_eq!(
        app.other().count("local_edits WHERE operation = 'update'"),
        0
    );
}

async fn of_one_candidate_no_name_is_needed(db: TestDb) {
    let app = App::new(db).await;
    let (_, number) = waiting(&app, &["P1"]).await;

    let resolved = take(&app, number, "square").await.unwrap();

    assert_eq!(resolved.square_id.as_deref(), Some("P1"));
    assert_eq!(state(&app), ["pending"]);
}

async fn a_profile_that_has_ended_cannot_be_chosen(db: TestDb) {
    let mut app = App::new(db).await;
    let ended = app
        .square
        .create(&json!({"given_name": "Ended", "note": "n"}));
    let lives = app.square.create(&json!({"given_name": "Lives"}));
    app.deliver_all().await;
    app.square.delete(&ended);
    app.deliver_all().await;
    let (_, number) = waiting(&app, &[&ended, &lives, "P3"]).await;

    let refused = take(&app, number, &ended).await.unwrap_err();

    assert!(matches!(refused, ResolveError::ProfileGone(_)), "{refused}");
    assert_eq!(open(&app).await, 1);
    let shown = ledger::show(&app.store, number).await.unwrap().unwrap();
    let words = shown.to_string();
    for part in [
        format!("it may be     {ended}, gone at Square, "),
        "given_name 'Ended'".to_owned(),
        format!("it may be     {lives}, changed "),
        "given_name 'Lives'".to_owned(),
        "it may be     P3: holds nothing of this".to_owned(),
        "r1 (conflict) given_name 'Canarybob'".to_owned(),
        "which profile".to_owned(),
    ] {
        assert!(words.contains(&part), "{part} is not in\n{words}");
    }
    assert!(!words.contains("note"), "{words}");
}

async fn a_question_is_outdated_once_the_row_was_written(db: TestDb) {
    let app = App::new(db).await;
    let (id, number) = waiting(&app, &["P1"]).await;

    app.sql("UPDATE customers SET given_name = 'Canarycarl'");

    assert_eq!(
        (open(&app).await, state(&app)),
        (0, vec!["pending".to_owned()])
    );
    let all = ledger::list(&app.store, true).await.unwrap();
    assert_eq!(all.conflicts[0].state, "outdated");
    assert!(!all.to_string().contains("Canary"), "{all}");
    let refused = take(&app, number, "local").await.unwrap_err();
    assert!(matches!(refused, ResolveError::Outdated(_)), "{refused}");
    assert_eq!(app.other().count("conflicts WHERE state = 'open'"), 1);
    // The pusher finds the same again: the question stands as before.
    set_conflict(&app, &id).await;
    assert_eq!(open(&app).await, 1);
}

async fn a_row_that_waited_goes_on_with_the_value_that_it_holds(db: TestDb) {
    let mut app = App::new(db).await;
    let (_, id, _) = decided(&mut app).await;
    let waits = Conflict {
        decided: None,
        ..about(&id, "P1")
    };
    set_conflict(&app, &id).await;
    let number = enter(&app, waits).await;
    assert_eq!(open(&app).await, 1);

    let resolved = take(&app, number, "square").await.unwrap();

    assert!(!resolved.written);
    assert_eq!(
        (open(&app).await, state(&app)),
        (0, vec!["pending".to_owned()])
    );
    app.settle().await;
    app.assert_equal();
}
