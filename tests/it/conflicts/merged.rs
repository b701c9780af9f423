//! Merges at Square under edits, calls in flight and rows that give their
//! profile up: Square gets each edit once, and by the id that is alive.

use std::time::Duration;

use serde_json::json;
use squaresync::domain::merge::Rule;
use squaresync::square::simulator::{Call, Fault};

use super::ledger;
use crate::support::app::deliver;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_moved_edit_is_sent_by_the_row_that_stays,
    an_edit_made_after_the_merge_moves_too,
    a_call_about_the_old_row_is_not_made_any_more,
    an_update_of_unknown_outcome_settles_in_the_merge,
    a_call_put_off_while_its_profile_is_merged_is_not_made_again,
    edits_of_a_row_that_gives_its_profile_up_move,
    an_edit_of_a_row_that_gave_its_profile_up_makes_no_second_customer,
}

/// Ann and Bob on both sides, Ann with a nickname. Gives Square's ids.
async fn two(app: &mut App) -> [String; 2] {
    app.sql(
        "INSERT INTO customers (id, given_name, nickname) VALUES ('a', 'Ann', 'old'), ('b', 'Bob', NULL)",
    );
    app.settle().await;
    ["Ann", "Bob"].map(|name| {
        let found = app.square.customers();
        let found = found.iter().find(|customer| customer["given_name"] == name);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    })
}

/// What went out about a profile.
fn writes(app: &App, id: &str) -> usize {
    let calls = app.square.calls();
    let is_about = |call: &Call| call.method == "PUT" && call.path.ends_with(id);
    calls.iter().flat_map(Call::each).filter(is_about).count()
}

/// Fails unless the one customer at Square has this nickname, and both old
/// rows are as Square last showed them.
#[track_caller]
fn assert_moved(app: &App, nickname: &str) {
    app.assert_equal();
    assert_eq!(app.square.len(), 1);
    let held = &app.square.customers()[0]["nickname"];
    assert_eq!(held.as_str().unwrap_or_default(), nickname);
    let old = "customers WHERE id IN ('a', 'b') AND sync_state = 'synced' AND sync_error IS NULL \
         AND merged_into IN (SELECT id FROM live_customers)";
    assert_eq!(app.other().count(old), 2, "{}", app.dump());
    assert_eq!(ledger(app.other()), [""; 0]);
}

async fn a_moved_edit_is_sent_by_the_row_that_stays(db: TestDb) {
    for rule in [Rule::Square, Rule::Local, Rule::Newest] {
        for (value, expected) in [("'mine'", "mine"), ("NULL", "")] {
            let mut app = App::ruled(TestDb::new(db.kind()), rule).await;
            let [ann, bob] = two(&mut app).await;
            app.sql(&format!(
                "UPDATE customers SET nickname = {value} WHERE id = 'a'"
            ));
            let new = app.square.merge(&[&bob, &ann]).unwrap();
            app.settle().await;

            assert_moved(&app, expected);
            assert_eq!((writes(&app, &new), writes(&app, &ann)), (1, 0));
            let effects = app.other().count("changes");
            app.settle().await;
            assert_eq!(app.other().count("changes"), effects);
        }
    }
}

async fn an_edit_made_after_the_merge_moves_too(db: TestDb) {
    for told in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let [ann, bob] = two(&mut app).await;
        let new = app.square.merge(&[&bob, &ann]).unwrap();
        if told {
            app.deliver_all().await;
        }
        app.sql("UPDATE customers SET nickname = 'first' WHERE id = 'a'");
        app.push_all().await;
        app.settle().await;
        assert_moved(&app, "first");
        // The old row is back at what Square last showed: this is another edit of it.
        app.sql("UPDATE customers SET family_name = 'Again' WHERE id = 'b'");
        app.settle().await;

        assert_moved(&app, "first");
        assert_eq!(app.square.customers()[0]["family_name"], "Again");
        assert_eq!(writes(&app, &new), 2);
    }
}

async fn a_call_about_the_old_row_is_not_made_any_more(db: TestDb) {
    let mut app = App::new(db).await;
    let [ann, bob] = two(&mut app).await;
    app.square
        .faults(|faults| faults.next(Fault::InternalError, 1));
    app.sql("UPDATE customers SET nickname = 'mine' WHERE id = 'a'");
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::InternalError), 1);
    app.square.merge(&[&bob, &ann]).unwrap();
    assert_eq!(app.other().count("outbox WHERE customer_id = 'a'"), 1);
    app.deliver_all().await;
    assert_eq!(app.other().count("outbox"), 0);
    app.settle().await;

    assert_moved(&app, "mine");
    assert_eq!(writes(&app, &ann), 1);
}

async fn an_update_of_unknown_outcome_settles_in_the_merge(db: TestDb) {
    for told in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let [ann, bob] = two(&mut app).await;
        app.square
            .faults(|faults| faults.next(Fault::LostAnswer, 1));
        app.sql("UPDATE customers SET nickname = 'mine' WHERE id = 'a'");
        app.push_once().await.unwrap();
        assert_eq!(app.square.fired(Fault::LostAnswer), 1);
        let new = app.square.merge(&[&bob, &ann]).unwrap();
        if told {
            app.deliver_all().await;
        }
        app.push_all().await;
        app.settle().await;

        assert_moved(&app, "mine");
        assert_eq!(writes(&app, &new), 0, "{told}");
    }
}

async fn a_call_put_off_while_its_profile_is_merged_is_not_made_again(db: TestDb) {
    let mut app = App::new(db).await;
    let [ann, bob] = two(&mut app).await;
    app.sql("UPDATE customers SET nickname = 'mine' WHERE id = 'a'");
    app.square.merge(&[&bob, &ann]).unwrap();
    app.square.faults(|faults| {
        faults.latency = Duration::from_millis(300);
        faults.retry_after = Some(Duration::from_secs(30));
        faults.next(Fault::RateLimited, 1);
    });
    let events = app.events();
    let mut other = app.other();
    let now = app.now();
    let (push, receive) = (&mut app.push, &app.receive);
    let events_come = async {
        while other.count("outbox WHERE attempts = 1") == 0 {
            tokio::task::yield_now().await;
        }
        for event in &events {
            deliver(receive, event, now).await;
        }
        assert_eq!(other.count("outbox"), 0);
    };
    let (stepped, ()) = tokio::join!(push.step(now, 0.0), events_come);
    stepped.unwrap();
    assert_eq!(app.square.fired(Fault::RateLimited), 1);
    app.square.faults(|faults| faults.latency = Duration::ZERO);
    app.advance(Duration::from_secs(60)).await;
    app.settle().await;

    assert_moved(&app, "mine");
    assert_eq!(writes(&app, &ann), 1);
}

/// A row is made for a profile that turns out to be what the create of another
/// row, with a lower id, made. Gives Square's id.
pub(super) async fn two_rows_for_one(app: &mut App) -> String {
    app.square
        .faults(|faults| faults.next(Fault::LostAnswer, 1));
    app.sql("INSERT INTO customers (id, given_name, reference_id) VALUES ('0', 'Ann', 'CRM-17')");
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::LostAnswer), 1);
    let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    app.square.update(&id, &json!({"given_name": "Anna"}));
    let events = app.events();
    app.deliver(events.last().unwrap()).await;
    assert_eq!(app.other().count("customers"), 2);
    id
}

async fn edits_of_a_row_that_gives_its_profile_up_move(db: TestDb) {
    for is_tried in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let id = two_rows_for_one(&mut app).await;
        let edit = "UPDATE customers SET nickname = 'mine' WHERE id <> '0'";
        if is_tried {
            app.square
                .faults(|faults| faults.next(Fault::InternalError, 1));
            app.sql(edit);
            app.push_once().await.unwrap();
            assert_eq!(app.square.fired(Fault::InternalError), 1);
        }
        app.advance(Duration::from_secs(60)).await;
        app.sql(edit);
        // The create is due first; its answer says whose the profile is.
        app.push_once().await.unwrap();
        assert_eq!(app.other().count("outbox"), 0);
        assert_eq!(writes(&app, &id), usize::from(is_tried));
        app.push_all().await;
        app.settle().await;

        app.assert_equal();
        assert_eq!(app.square.len(), 1);
        assert_eq!(app.square.customers()[0]["nickname"], "mine");
        let old = "customers WHERE id <> '0' AND merged_into = '0' AND sync_state = 'synced' AND nickname IS NULL";
        assert_eq!(app.other().count(old), 1, "{}", app.dump());
        assert_eq!(ledger(app.other()), [""; 0]);
    }
}

async fn an_edit_of_a_row_that_gave_its_profile_up_makes_no_second_customer(db: TestDb) {
    let mut app = App::new(db).await;
    two_rows_for_one(&mut app).await;
    app.push_all().await;
    app.settle().await;
    let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    app.square.update(&id, &json!({"note": "theirs"}));
    app.settle().await;
    app.sql("UPDATE customers SET nickname = 'mine' WHERE id <> '0'");
    app.settle().await;
    assert_eq!(app.square.customers()[0]["nickname"], "mine");
    assert_eq!(app.square.customers()[0]["note"], "theirs");
    assert_eq!(ledger(app.other()), [""; 0]);
    app.sql("UPDATE customers SET note = 'mine' WHERE id <> '0'");
    app.settle().await;

    app.assert_equal();
    assert_eq!(app.square.len(), 1);
    let expected = format!("0 {id} note - theirs mine square square decided");
    assert_eq!(ledger(app.other()), [expected]);
    app.square.delete(&id);
    app.settle().await;
    app.sql("UPDATE customers SET locality = 'Here' WHERE id <> '0'");
    app.settle().await;
    assert_eq!(app.square.len(), 0);
    let told = "conflicts WHERE customer_id <> '0' AND field = 'locality' AND local_value = 'Here' AND rule = 'deleted'";
    assert_eq!(app.other().count(told), 1);
}
