//! Profiles that end at Square, by deletion or by merge, and live again.

use serde_json::{Value, json};
use squaresync::square::simulator::Fault;

use super::creates;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    an_edit_of_a_customer_deleted_at_square_is_kept_and_told,
    a_deleted_customer_that_lives_again_takes_its_pending_edit,
    a_dead_row_that_was_tidied_away_comes_back_with_its_customer,
    a_merged_customers_pending_edit_is_kept_and_told,
    a_merge_of_two_rows_points_both_to_one_that_lives,
    a_chain_of_merges_ends_in_one_row_in_any_order,
    a_merge_before_the_creates_answer_makes_no_second_customer,
    a_survivor_with_the_reference_of_a_row_is_a_row_of_its_own,
    a_hidden_customer_stays,
}

fn only_id(app: &App) -> String {
    app.square.customers()[0]["id"].as_str().unwrap().to_owned()
}

/// An event that says that the profile ended at this version.
fn emit_deleted(app: &App, id: &str, version: i64) {
    let data = json!({
        "type": "customer", "id": id, "deleted": true,
        "object": {"customer": {"id": id, "version": version}},
    });
    app.square.emit("customer.deleted", &data);
}

async fn an_edit_of_a_customer_deleted_at_square_is_kept_and_told(db: TestDb) {
    for told in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
        app.settle().await;
        app.sql("UPDATE customers SET note = 'mine'");
        app.square.delete(&only_id(&app));
        if told {
            app.deliver_all().await;
        }
        app.settle().await;

        assert_eq!(
            app.rows(&["note", "sync_state", "deleted_at IS NULL"])
                .into_iter()
                .map(|row| row.replace("false", "0"))
                .collect::<Vec<_>>(),
            ["mine failed 0"],
            "{told}"
        );
        assert_eq!(app.square.len(), 0);
    }
}

async fn a_deleted_customer_that_lives_again_takes_its_pending_edit(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    app.settle().await;
    let id = only_id(&app);
    app.sql("UPDATE customers SET note = 'mine'");
    emit_deleted(&app, &id, 0);
    app.deliver_all().await;
    app.square.update(&id, &json!({"family_name": "Again"}));
    app.settle().await;

    assert_eq!(
        app.rows(&["note", "family_name", "sync_state", "sync_error"]),
        ["mine Again synced -"]
    );
    app.assert_equal();
}

async fn a_dead_row_that_was_tidied_away_comes_back_with_its_customer(db: TestDb) {
    for push_deletes in [false, true] {
        let mut app = App::with(
            TestDb::new(db.kind()),
            crate::support::app::options(),
            push_deletes,
        )
        .await;
        app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
        app.settle().await;
        let id = only_id(&app);
        emit_deleted(&app, &id, 0);
        app.deliver_all().await;
        app.sql("DELETE FROM customers WHERE deleted_at IS NOT NULL");
        app.push_all().await;
        assert_eq!(app.dump(), "");
        app.square.update(&id, &json!({"family_name": "Again"}));
        app.settle().await;

        app.assert_equal();
        assert_eq!(app.square.len(), 1);
    }
}

async fn a_merged_customers_pending_edit_is_kept_and_told(db: TestDb) {
    for told in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let ann = app.square.create(&json!({"given_name": "Ann"}));
        let bob = app.square.create(&json!({"given_name": "Bob"}));
        app.settle().await;
        app.sql("UPDATE customers SET note = 'mine' WHERE given_name = 'Ann'");
        app.square.merge(&[&bob, &ann]).unwrap();
        if told {
            app.deliver_all().await;
        }
        app.settle().await;

        // Square's own note of the merge stands in the way.
        let kept = "conflicts WHERE local_value = 'mine' AND customer_id IN (SELECT id FROM live_customers)";
        assert_eq!(app.other().count(kept), 1, "{told}\n{}", app.dump());
        app.assert_equal();
    }
}

async fn a_merge_of_two_rows_points_both_to_one_that_lives(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann'), ('Bob')");
    app.settle().await;
    let ids: Vec<Value> = app.square.customers();
    let ids: Vec<&str> = ids
        .iter()
        .map(|customer| customer["id"].as_str().unwrap())
        .collect();
    app.square.merge(&ids).unwrap();
    app.settle().await;

    app.assert_equal();
    let pointing = app
        .other()
        .count("customers WHERE merged_into IN (SELECT id FROM live_customers)");
    assert_eq!(pointing, 2, "{}", app.dump());
    assert_eq!(creates(&app), 2);
}

async fn a_chain_of_merges_ends_in_one_row_in_any_order(db: TestDb) {
    for seed in 0..4 {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let ids: Vec<String> = (0..4)
            .map(|number| {
                app.square
                    .create(&json!({"given_name": format!("C{number}")}))
            })
            .collect();
        app.settle().await;
        let first = app.square.merge(&[&ids[0], &ids[1]]).unwrap();
        let second = app.square.merge(&[&first, &ids[2]]).unwrap();
        app.square.merge(&[&ids[3], &second]).unwrap();
        let mut events = app.events();
        fastrand::Rng::with_seed(seed).shuffle(&mut events);
        for event in &events {
            app.deliver(event).await;
        }
        app.settle().await;

        app.assert_equal();
        let lost = app.other().count(
            "customers WHERE deleted_at IS NOT NULL AND (merged_into IS NULL OR merged_into NOT IN (SELECT id FROM live_customers))",
        );
        assert_eq!(lost, 0, "seed {seed}\n{}", app.dump());
    }
}

async fn a_merge_before_the_creates_answer_makes_no_second_customer(db: TestDb) {
    for reference in ["NULL", "'CRM-17'"] {
        for told in [false, true] {
            let mut app = App::new(TestDb::new(db.kind())).await;
            let bob = app.square.create(&json!({"given_name": "Bob"}));
            app.settle().await;
            app.square
                .faults(|faults| faults.next(Fault::LostAnswer, 1));
            app.sql(&format!(
                "INSERT INTO customers (given_name, reference_id) VALUES ('Ann', {reference})"
            ));
            app.push_once().await.unwrap();
            let ann = app
                .square
                .customers()
                .iter()
                .find(|customer| customer["given_name"] == "Ann")
                .unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned();
            app.square.merge(&[&ann, &bob]).unwrap();
            if told {
                app.deliver_all().await;
            }
            app.push_all().await;
            app.settle().await;

            assert_eq!(creates(&app), 1, "{reference} {told}");
            assert_eq!(app.square.len(), 1);
            app.assert_equal();
        }
    }
}

async fn a_survivor_with_the_reference_of_a_row_is_a_row_of_its_own(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann')");
    app.settle().await;
    let bob = app.square.create(&json!({"given_name": "Bob"}));
    let ann = only_id(&app);
    app.square.merge(&[&ann, &bob]).unwrap();
    app.settle().await;

    app.assert_equal();
    assert_eq!(
        app.other()
            .count("customers WHERE id = 'a' AND merged_into IN (SELECT id FROM live_customers)"),
        1,
        "{}",
        app.dump()
    );
}

async fn a_hidden_customer_stays(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name, nickname) VALUES ('Ann', 'A')");
    app.settle().await;
    app.square
        .update(&only_id(&app), &json!({"given_name": null}));
    app.settle().await;
    app.read_all().await;

    assert_eq!(app.rows(&["given_name", "nickname"]), ["- A"]);
    app.assert_equal();
}
