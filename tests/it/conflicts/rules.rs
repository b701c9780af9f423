//! One field changed on both sides: the rule decides, and the ledger holds both values.

use std::time::Duration;

use serde_json::{Value, json};
use squaresync::domain::merge::Rule;
use squaresync::square::simulator::{Call, Fault};

use super::ledger;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    changes_of_different_fields_both_survive_and_are_no_conflict,
    lines_of_an_address_are_fields_of_their_own,
    a_field_changed_on_both_sides_is_decided_by_the_rule_and_told,
    the_last_change_wins_where_that_is_the_rule,
    clearing_a_field_is_a_change_like_any_other,
    a_conflict_is_told_once_however_often_it_is_seen,
    an_echo_is_no_conflict,
    what_the_seller_sets_two_versions_later_is_no_echo,
    a_create_that_is_asked_again_meets_what_the_seller_changed_since,
    the_ledger_and_the_row_are_written_together,
}

/// One customer on both sides, called Ann and noted as old. Gives Square's id.
async fn ann(app: &mut App) -> String {
    app.sql("INSERT INTO customers (id, given_name, note) VALUES ('a', 'Ann', 'old')");
    app.settle().await;
    app.square.customers()[0]["id"].as_str().unwrap().to_owned()
}

/// Both sides change the note.
fn overlap(app: &App, id: &str, local: &str, square: &Value) {
    app.sql(&format!("UPDATE customers SET note = {local}"));
    app.square.update(id, &json!({"note": square}));
}

async fn changes_of_different_fields_both_survive_and_are_no_conflict(db: TestDb) {
    for told in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let id = ann(&mut app).await;
        app.sql("UPDATE customers SET phone_number = '+12125550100'");
        app.square
            .update(&id, &json!({"email_address": "ann@example.com"}));
        if told {
            app.deliver_all().await;
        }
        app.settle().await;

        let columns = ["phone_number", "email_address", "sync_state"];
        assert_eq!(app.rows(&columns), ["+12125550100 ann@example.com synced"]);
        app.assert_equal();
        assert_eq!(ledger(app.other()), [""; 0]);
    }
}

async fn lines_of_an_address_are_fields_of_their_own(db: TestDb) {
    for told in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.sql(
            "INSERT INTO customers (given_name, address_line_1, locality) \
             VALUES ('Ann', '1 Old Street', 'Old Town')",
        );
        app.settle().await;
        let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
        app.sql("UPDATE customers SET address_line_1 = '2 New Street'");
        let moved = json!({"address_line_1": "1 Old Street", "locality": "New Town"});
        app.square.update(&id, &json!({"address": moved}));
        if told {
            app.deliver_all().await;
        }
        app.settle().await;

        let columns = ["address_line_1", "locality", "sync_state"];
        assert_eq!(app.rows(&columns), ["2 New Street New Town synced"]);
        app.assert_equal();
        assert_eq!(ledger(app.other()), [""; 0]);
    }
}

async fn a_field_changed_on_both_sides_is_decided_by_the_rule_and_told(db: TestDb) {
    for (rule, word, stands) in [
        (Rule::Square, "square", "theirs"),
        (Rule::Local, "local", "mine"),
    ] {
        for told in [false, true] {
            let mut app = App::ruled(TestDb::new(db.kind()), rule).await;
            let id = ann(&mut app).await;
            overlap(&app, &id, "'mine'", &json!("theirs"));
            if told {
                app.deliver_all().await;
            }
            app.settle().await;

            let expected = format!("a {id} note old theirs mine {word} {word} decided");
            assert_eq!(ledger(app.other()), [expected]);
            assert_eq!(
                app.rows(&["note", "sync_state"]),
                [format!("{stands} synced")]
            );
            app.assert_equal();
        }
    }
}

/// Times of an entry that are not those of the two changes.
const WRONG_TIMES: &str = "conflicts WHERE local_at IS NULL OR square_at IS NULL \
     OR local_at NOT IN (SELECT changed_at FROM changes WHERE source = 'application' AND fields LIKE '%\"note\":[\"old\",\"mine\"]%') \
     OR square_at NOT IN (SELECT square_updated_at FROM customers)";

async fn the_last_change_wins_where_that_is_the_rule(db: TestDb) {
    // Applications' edits carry the database's clock, which Square's is held against.
    let centuries = Duration::from_secs(200 * 365 * 24 * 3600);
    for (later, taken, stands) in [
        (Duration::ZERO, "local", "mine"),
        (centuries, "square", "theirs"),
    ] {
        let mut app = App::ruled(TestDb::new(db.kind()), Rule::Newest).await;
        let id = ann(&mut app).await;
        app.sql("UPDATE customers SET note = 'mine'");
        app.square.advance(later);
        app.square.update(&id, &json!({"note": "theirs"}));
        app.deliver_all().await;

        let expected = format!("a {id} note old theirs mine newest {taken} decided");
        assert_eq!(ledger(app.other()), [expected]);
        assert_eq!(app.other().count(WRONG_TIMES), 0);
        app.settle().await;
        assert_eq!(app.rows(&["note"]), [stands]);
        app.assert_equal();
    }
}

async fn clearing_a_field_is_a_change_like_any_other(db: TestDb) {
    let both =
        |local: &'static str, square: Value, expected: &'static str| (local, square, expected);
    for (local, square, expected) in [
        both("NULL", Value::Null, ""),
        both("''", Value::Null, ""),
        both("NULL", json!("theirs"), "note old theirs -"),
        both("'mine'", Value::Null, "note old - mine"),
    ] {
        for (rule, word) in [(Rule::Square, "square"), (Rule::Local, "local")] {
            let mut app = App::ruled(TestDb::new(db.kind()), rule).await;
            let id = ann(&mut app).await;
            overlap(&app, &id, local, &square);
            app.settle().await;

            let mut lines = vec![format!("a {id} {expected} {word} {word} decided")];
            lines.retain(|_| !expected.is_empty());
            assert_eq!(ledger(app.other()), lines, "{local} {square}");
            app.assert_equal();
        }
    }
}

async fn a_conflict_is_told_once_however_often_it_is_seen(db: TestDb) {
    for rule in [Rule::Square, Rule::Local] {
        let mut app = App::ruled(TestDb::new(db.kind()), rule).await;
        let id = ann(&mut app).await;
        overlap(&app, &id, "'mine'", &json!("theirs"));
        let events = app.events();
        for _ in 0..2 {
            for event in &events {
                app.deliver(event).await;
            }
            app.pass().await;
            app.read_all().await;
        }
        assert_eq!(app.other().count("conflicts WHERE local_at IS NOT NULL"), 1);
        let mut app = app.crash().await;
        app.settle().await;
        for event in &events {
            app.deliver(event).await;
        }
        app.settle().await;

        assert_eq!(ledger(app.other()).len(), 1);
        app.assert_equal();
    }
}

async fn an_echo_is_no_conflict(db: TestDb) {
    for rule in [Rule::Square, Rule::Local, Rule::Newest] {
        for is_lost in [false, true] {
            let mut app = App::ruled(TestDb::new(db.kind()), rule).await;
            ann(&mut app).await;
            if is_lost {
                app.square
                    .faults(|faults| faults.next(Fault::LostAnswer, 1));
            }
            app.sql("UPDATE customers SET note = 'mine', birthday = '03-04'");
            app.push_once().await.unwrap();
            assert_eq!(app.square.fired(Fault::LostAnswer), u64::from(is_lost));
            app.deliver_all().await;
            app.settle().await;

            let updates = app.square.calls();
            let updates = updates
                .iter()
                .flat_map(Call::each)
                .filter(|call| call.method == "PUT" && call.applied);
            assert_eq!(updates.count(), 1);
            assert_eq!(ledger(app.other()), [""; 0]);
            let columns = ["note", "birthday", "sync_state"];
            assert_eq!(app.rows(&columns), ["mine 0000-03-04 synced"]);
            app.assert_equal();
        }
    }
}

async fn what_the_seller_sets_two_versions_later_is_no_echo(db: TestDb) {
    let mut app = App::new(db).await;
    let id = ann(&mut app).await;
    app.sql("UPDATE customers SET note = 'mine', nickname = 'A'");
    app.square
        .faults(|faults| faults.next(Fault::RateLimited, 1));
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::RateLimited), 1);
    // The seller's word wins here, and the row still has a nickname to send.
    for note in ["theirs", "mine"] {
        app.square.update(&id, &json!({ "note": note }));
        app.deliver_all().await;
        assert_eq!(app.rows(&["note"]), [note]);
    }
    app.settle().await;

    assert_eq!(
        app.rows(&["note", "nickname", "sync_state"]),
        ["mine A synced"]
    );
    app.assert_equal();
}

async fn a_create_that_is_asked_again_meets_what_the_seller_changed_since(db: TestDb) {
    for told in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.sql("INSERT INTO customers (id, given_name, note) VALUES ('a', 'Ann', 'old')");
        app.square
            .faults(|faults| faults.next(Fault::LostAnswer, 1));
        app.push_once().await.ok();
        assert_eq!(app.square.fired(Fault::LostAnswer), 1);
        let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
        overlap(&app, &id, "'mine'", &json!("theirs"));
        if told {
            app.deliver_all().await;
        }
        app.settle().await;

        let expected = format!("a {id} note old theirs mine square square decided");
        assert_eq!(ledger(app.other()), [expected], "{told}");
        assert_eq!(app.square.len(), 1);
        app.assert_equal();
    }
}

async fn the_ledger_and_the_row_are_written_together(db: TestDb) {
    let mut app = App::new(db).await;
    let id = ann(&mut app).await;
    overlap(&app, &id, "'mine'", &json!("theirs"));
    app.advance(crate::support::app::LAG).await;
    app.sql("ALTER TABLE conflicts RENAME TO away");
    app.reconcile.step(app.now()).await.unwrap_err();
    assert_eq!(app.rows(&["note", "sync_state"]), ["mine pending"]);
    app.sql("ALTER TABLE away RENAME TO conflicts");
    app.settle().await;

    assert_eq!(app.rows(&["note", "sync_state"]), ["theirs synced"]);
    assert_eq!(ledger(app.other()).len(), 1);
}
