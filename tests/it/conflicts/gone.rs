//! Edits of customers that were deleted at Square: the row keeps them, and the
//! ledger tells of each once.

use serde_json::json;
use squaresync::domain::id::{CustomerId, MerchantId, SquareId};
use squaresync::domain::merge::Rule;
use squaresync::flows::Step;
use squaresync::square::simulator::{Fault, Strikes};

use super::ledger;
use crate::support::app::LAG;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    what_was_not_sent_before_the_end_is_told_field_by_field,
    an_edit_made_after_the_end_is_told_too,
    an_edit_that_no_call_is_known_to_have_carried_is_told_too,
    a_customer_that_lives_again_takes_what_was_told,
    what_the_seller_changed_since_meets_what_stayed_in_the_row,
    a_row_that_was_made_anew_keeps_its_own_profile,
    a_row_under_the_id_that_a_profile_would_get_keeps_its_own,
    a_row_under_the_id_that_a_profile_would_get_gets_it,
    a_deleted_row_that_was_made_anew_is_not_taken_by_its_old_profile,
    a_row_that_was_made_anew_tells_what_it_loses_to_the_old_profile,
}

/// One customer on both sides. Gives Square's id.
async fn ann(app: &mut App) -> String {
    app.sql("INSERT INTO customers (id, given_name, note) VALUES ('a', 'Ann', 'old')");
    app.settle().await;
    app.square.customers()[0]["id"].as_str().unwrap().to_owned()
}

/// What the row says of itself.
fn row(app: &App) -> Vec<String> {
    let gone = "CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'gone' END";
    app.rows(&["note", "nickname", "sync_state", gone])
}

async fn what_was_not_sent_before_the_end_is_told_field_by_field(db: TestDb) {
    for rule in [Rule::Square, Rule::Local] {
        for told in [false, true] {
            let mut app = App::ruled(TestDb::new(db.kind()), rule).await;
            let id = ann(&mut app).await;
            app.sql("UPDATE customers SET note = NULL, nickname = 'A'");
            app.square.delete(&id);
            let events = app.events();
            if told {
                for event in events.iter().chain(&events) {
                    app.deliver(event).await;
                }
            }
            app.settle().await;

            let mut entries = ledger(app.other());
            entries.sort();
            let expected = [
                format!("a {id} nickname - - A deleted square decided"),
                format!("a {id} note old - - deleted square decided"),
            ];
            assert_eq!(entries, expected, "{told}");
            let timed = "conflicts WHERE local_at IN (SELECT changed_at FROM changes) AND square_at IS NOT NULL";
            assert_eq!(app.other().count(timed), 2);
            assert_eq!(row(&app), ["- A failed gone"]);
            let sent = app.square.calls();
            let sent = sent
                .iter()
                .filter(|call| call.method == "POST" && call.applied);
            assert_eq!(sent.filter(|call| call.path == "/v2/customers").count(), 1);
        }
    }
}

async fn an_edit_made_after_the_end_is_told_too(db: TestDb) {
    let mut app = App::new(db).await;
    let id = ann(&mut app).await;
    app.square.delete(&id);
    app.settle().await;
    assert_eq!(row(&app), ["old - synced gone"]);
    app.sql("UPDATE customers SET note = 'mine'");
    app.settle().await;
    app.sql("UPDATE customers SET nickname = 'A'");
    app.settle().await;
    app.sql("UPDATE customers SET nickname = 'A'");
    app.settle().await;

    let expected = [
        format!("a {id} note old - mine deleted square decided"),
        format!("a {id} nickname - - A deleted square decided"),
    ];
    assert_eq!(ledger(app.other()), expected);
    assert_eq!(row(&app), ["mine A failed gone"]);
    assert_eq!(app.square.len(), 0);
}

async fn a_customer_that_lives_again_takes_what_was_told(db: TestDb) {
    let mut app = App::new(db).await;
    let id = ann(&mut app).await;
    app.sql("UPDATE customers SET note = 'mine'");
    let data = json!({
        "type": "customer", "id": id, "deleted": true, "object": {"customer": {"id": id, "version": 0}},
    });
    app.square.emit("customer.deleted", &data);
    app.deliver_all().await;
    assert_eq!(row(&app), ["mine - failed gone"]);
    app.square.update(&id, &json!({"family_name": "Again"}));
    app.settle().await;

    assert_eq!(row(&app), ["mine - synced live"]);
    assert_eq!(ledger(app.other()).len(), 1);
    app.assert_equal();
}

async fn what_the_seller_changed_since_meets_what_stayed_in_the_row(db: TestDb) {
    for (rule, stands) in [(Rule::Square, "theirs"), (Rule::Local, "mine")] {
        let mut app = App::ruled(TestDb::new(db.kind()), rule).await;
        let id = ann(&mut app).await;
        app.sql("UPDATE customers SET note = 'mine'");
        app.square.delete(&id);
        app.push_all().await;
        assert_eq!(row(&app), ["mine - failed gone"]);
        app.square.restore(&id, false);
        app.square.update(&id, &json!({"note": "theirs"}));
        app.deliver_all().await;
        app.census_all().await;
        app.settle().await;

        assert_eq!(row(&app), [format!("{stands} - synced live")]);
        let taken = if rule == Rule::Square {
            "square"
        } else {
            "local"
        };
        let expected = [
            format!("a {id} note old - mine deleted square decided"),
            format!("a {id} note old theirs mine {taken} {taken} decided"),
        ];
        assert_eq!(ledger(app.other()), expected);
        app.assert_equal();
    }
}

async fn a_row_that_was_made_anew_keeps_its_own_profile(db: TestDb) {
    for goes in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let old = ann(&mut app).await;
        app.square.delete(&old);
        app.settle().await;
        app.sql("DELETE FROM customers");
        app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Bea')");
        app.settle().await;
        app.pushing(|pushing| pushing.push_deletes = false);
        if goes {
            app.sql("DELETE FROM customers");
        }
        app.square.restore(&old, true);
        app.settle().await;

        let mut rows = app.rows(&["given_name", "sync_state"]);
        rows.sort();
        assert_eq!(rows, ["Ann synced", "Bea synced"]);
        app.assert_equal();
        let bea = app
            .other()
            .values("SELECT given_name AS value FROM customers WHERE id = 'a'");
        assert_eq!(bea, [Some("Bea".to_owned())]);
    }
}

async fn a_deleted_row_that_was_made_anew_is_not_taken_by_its_old_profile(db: TestDb) {
    for push_deletes in [false, true] {
        let options = crate::support::app::options();
        let mut app = App::with(TestDb::new(db.kind()), options, push_deletes).await;
        let ann = app.square.create(&json!({"given_name": "Ann"}));
        app.settle().await;
        let row = app.rows(&["id"]).remove(0);
        app.square.delete(&ann);
        app.settle().await;
        app.sql("DELETE FROM customers");
        app.sql(&format!(
            "INSERT INTO customers (id, given_name) VALUES ('{row}', 'Bea')"
        ));
        app.settle().await;
        app.sql("DELETE FROM customers");
        app.square.restore(&ann, true);
        app.deliver_all().await;
        app.settle().await;

        let mut rows = app.rows(&["given_name", "sync_state"]);
        rows.sort();
        match push_deletes {
            true => assert_eq!(rows, ["Ann synced"]),
            false => assert_eq!(rows, ["Ann synced", "Bea synced"]),
        }
        assert_eq!(app.square.len(), rows.len());
        app.assert_equal();
    }
}

/// A row of this name under the id that a profile's row would get, which an older
/// copy of the database does not know.
fn under_her_id(app: &App, name: &str) {
    let ann = app.square.create(&json!({"given_name": "Ann"}));
    let merchant = MerchantId::new(&app.square.merchant_id);
    let made = app.square.customer(&ann).unwrap()["created_at"].to_string();
    let made = made.trim_matches('"').parse().unwrap();
    let id = CustomerId::of_profile(&merchant, &SquareId::new(&ann), Some(made));
    app.sql(&format!(
        "INSERT INTO customers (id, given_name) VALUES ('{id}', '{name}')"
    ));
}

async fn a_row_under_the_id_that_a_profile_would_get_gets_it(db: TestDb) {
    let mut app = App::new(db).await;
    under_her_id(&app, "Ann");
    app.deliver_all().await;
    app.settle().await;

    assert_eq!(app.rows(&["given_name", "sync_state"]), ["Ann synced"]);
    assert_eq!(app.square.len(), 1);
    app.assert_equal();
}

async fn a_row_under_the_id_that_a_profile_would_get_keeps_its_own(db: TestDb) {
    let mut app = App::new(db).await;
    under_her_id(&app, "Bea");
    let events = app.events();
    app.push_all().await;
    for event in events {
        app.deliver(&event).await;
    }
    app.settle().await;

    let mut rows = app.rows(&["given_name", "sync_state"]);
    rows.sort();
    assert_eq!(rows, ["Ann synced", "Bea synced"]);
    assert_eq!(app.square.len(), 2);
    app.assert_equal();
}

async fn a_row_that_was_made_anew_tells_what_it_loses_to_the_old_profile(db: TestDb) {
    let mut app = App::new(db).await;
    let old = ann(&mut app).await;
    app.square.update(&old, &json!({"note": "new"}));
    app.square.delete(&old);
    app.settle().await;
    app.sql("DELETE FROM customers");
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Bea')");
    app.square
        .faults(|faults| faults.next(Fault::RateLimited, 1));
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::RateLimited), 1);
    app.square.restore(&old, true);
    app.deliver_all().await;
    app.settle().await;

    let lost = format!("a {old} given_name - Ann Bea square square decided");
    assert!(ledger(app.other()).contains(&lost), "{}", app.dump());
    app.assert_equal();
}

async fn an_edit_that_no_call_is_known_to_have_carried_is_told_too(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann')");
    let backup = app.backup();
    app.push_all().await;
    let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    app.square.update(&id, &json!({"nickname": "A"}));
    app.square.delete(&id);
    let events = app.events();
    let mut app = app.restored(&backup).await;
    app.advance(LAG).await;
    app.sql("UPDATE customers SET note = 'mine'");
    app.square.faults(|faults| {
        faults.strikes(Fault::InternalError, Strikes::Writes);
        faults.next(Fault::InternalError, 1);
    });
    while app.push_once().await.unwrap() == Step::Worked {}
    assert_eq!(app.square.fired(Fault::InternalError), 1);
    // The end first, and then what it was the end of.
    for event in events.iter().rev() {
        app.deliver(event).await;
    }
    app.settle().await;

    let told = format!("a {id} note mine - mine square square decided");
    assert_eq!(ledger(app.other()), [told], "{}", app.dump());
}
