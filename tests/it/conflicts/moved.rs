//! Edits of rows whose profiles Square merged: they move to the row that stays
//! or into the ledger, in whatever order Square tells of it.

use serde_json::json;
use squaresync::domain::merge::Rule;

use super::world::{World, gone, orders, profile, row_of, went};
use crate::support::{Kind, TestDb, on_each_database};

on_each_database! {
    an_edit_moves_to_the_row_that_stays_in_any_order,
    where_the_row_that_stays_holds_something_else_the_rule_decides,
    edits_of_five_rows_all_move,
    edits_move_along_a_chain_in_any_order,
    an_edit_waits_for_a_row_that_is_not_shown_yet,
    an_edit_waits_for_a_row_that_an_application_holds,
    an_edit_whose_row_that_stays_is_gone_is_told_once,
    an_edit_follows_a_row_that_stays_and_lives_again,
    an_edit_waits_for_a_row_that_stays_and_was_deleted_here,
}

async fn an_edit_moves_to_the_row_that_stays_in_any_order(db: TestDb) {
    let world = World::new(db.kind(), Rule::Square).await;
    let events = [
        profile("S", 0, &json!({"note": "old"})),
        went("A", "S"),
        went("B", "S"),
    ];
    // Any one may be missing, but the one that shows the survivor or the one about the edited row.
    for order in orders(3).into_iter().chain([vec![0, 1], vec![1, 0]]) {
        world.clear();
        world
            .told_all([
                profile("A", 0, &json!({"note": "old"})),
                profile("B", 0, &json!({})),
            ])
            .await;
        world.edit("A", "note = 'mine', nickname = 'An'");
        for at in order.iter().chain(&order) {
            world.told(events[*at].clone()).await;
        }

        let b = if order.len() == 3 {
            "B - - synced gone S"
        } else {
            "B - - synced live"
        };
        let expected = ["A - old synced gone S", b, "S An mine pending live"];
        assert_eq!(world.rows(), expected, "{order:?}");
        assert_eq!(world.ledger(), [""; 0]);
    }
}

async fn where_the_row_that_stays_holds_something_else_the_rule_decides(db: TestDb) {
    for (rule, decided, stands) in [
        (Rule::Square, "square square", "theirs synced"),
        (Rule::Local, "local local", "mine pending"),
        // The edit has today's date.
        (Rule::Newest, "newest local", "mine pending"),
    ] {
        let world = World::new(db.kind(), rule).await;
        let events = [profile("S", 0, &json!({"note": "theirs"})), went("A", "S")];
        for order in orders(2) {
            world.clear();
            world.told(profile("A", 0, &json!({"note": "old"}))).await;
            world.edit("A", "note = 'mine'");
            for at in order.iter().chain(&order) {
                world.told(events[*at].clone()).await;
            }

            let rows = [
                "A - old synced gone S".to_owned(),
                format!("S - {stands} live"),
            ];
            assert_eq!(world.rows(), rows, "{order:?}");
            let entry = format!("{} S note old theirs mine {decided} decided", row_of("S"));
            assert_eq!(world.ledger(), [entry], "{order:?}");
            let timed = "conflicts JOIN changes ON changed_at = local_at WHERE source = 'application' AND square_at IS NOT NULL";
            assert_eq!(world.other().count(timed), 1);
        }
    }
}

async fn edits_of_five_rows_all_move(db: TestDb) {
    let world = World::new(db.kind(), Rule::Square).await;
    let columns = [
        "nickname",
        "note",
        "family_name",
        "company_name",
        "locality",
    ];
    let ids = ["A", "B", "C", "D", "E"];
    for seed in 0..10 {
        world.clear();
        world
            .told_all(ids.map(|id| profile(id, 0, &json!({}))))
            .await;
        for (id, column) in ids.into_iter().zip(columns) {
            world.edit(id, &format!("{column} = 'of {id}'"));
        }
        let mut events: Vec<_> = ids.map(|id| went(id, "S")).into();
        events.push(profile("S", 0, &json!({})));
        fastrand::Rng::with_seed(seed).shuffle(&mut events);
        world.told_all(events).await;

        let all = "customers WHERE square_id = 'S' AND sync_state = 'pending' AND nickname = 'of A' AND note = 'of B' \
             AND family_name = 'of C' AND company_name = 'of D' AND locality = 'of E'";
        assert_eq!(world.other().count(all), 1, "{seed}: {:?}", world.rows());
        let empty = "customers WHERE deleted_at IS NOT NULL AND sync_state = 'synced' AND merged_into IS NOT NULL \
             AND coalesce(nickname, note, family_name, company_name, locality) IS NULL";
        assert_eq!(world.other().count(empty), 5);
        assert_eq!(world.ledger(), [""; 0]);
    }
}

async fn edits_move_along_a_chain_in_any_order(db: TestDb) {
    let world = World::new(db.kind(), Rule::Square).await;
    for is_b_shown in [true, false] {
        let mut events = vec![went("A", "B"), went("B", "C"), profile("C", 0, &json!({}))];
        events.extend(is_b_shown.then(|| profile("B", 0, &json!({}))));
        for order in orders(events.len()) {
            world.clear();
            world.told(profile("A", 0, &json!({"note": "old"}))).await;
            world.edit("A", "note = 'mine'");
            world
                .told_all(order.iter().map(|at| events[*at].clone()))
                .await;

            let mut expected = vec!["A - old synced gone C", "C - mine pending live"];
            if is_b_shown {
                expected.insert(1, "B - - synced gone C");
            }
            assert_eq!(world.rows(), expected, "{order:?}");
            assert_eq!(world.ledger(), [""; 0]);
        }
    }
}

async fn an_edit_waits_for_a_row_that_is_not_shown_yet(db: TestDb) {
    let world = World::new(db.kind(), Rule::Square).await;
    world.told(profile("A", 0, &json!({}))).await;
    world.edit("A", "note = 'mine'");
    world.told(went("A", "S")).await;
    assert_eq!(world.rows(), ["A - mine failed gone"]);
    assert_eq!(world.ledger(), [""; 0]);
    world.edit("A", "nickname = 'An'");
    world.told(profile("S", 0, &json!({}))).await;

    let expected = ["A - - synced gone S", "S An mine pending live"];
    assert_eq!(world.rows(), expected);
}

async fn an_edit_waits_for_a_row_that_an_application_holds(db: TestDb) {
    if db.kind() == Kind::Sqlite {
        return;
    }
    let world = World::new(db.kind(), Rule::Square).await;
    world
        .told_all([profile("A", 0, &json!({})), profile("S", 0, &json!({}))])
        .await;
    world.edit("A", "note = 'mine'");
    let mut other = world.other();
    other
        .run("BEGIN; UPDATE customers SET nickname = 'held' WHERE square_id = 'S'")
        .unwrap();
    world.told(went("A", "S")).await;
    assert!(!world.catch_up().await);
    let expected = ["A - mine failed gone S", "S - - synced live"];
    assert_eq!(world.rows(), expected);
    other.run("COMMIT").unwrap();
    assert!(world.catch_up().await);
    assert!(!world.catch_up().await);

    let expected = ["A - - synced gone S", "S held mine pending live"];
    assert_eq!(world.rows(), expected);
    assert_eq!(world.ledger(), [""; 0]);
}

async fn an_edit_whose_row_that_stays_is_gone_is_told_once(db: TestDb) {
    let world = World::new(db.kind(), Rule::Local).await;
    let events = [
        went("A", "S"),
        gone("S"),
        profile("S", 0, &json!({"note": "theirs"})),
    ];
    // Where the survivor is shown between the merge and its end, the edit moves to it and is lost there.
    for order in [[1, 0, 2], [0, 1, 2], [1, 2, 0]] {
        world.clear();
        world.told(profile("A", 0, &json!({"note": "old"}))).await;
        world.edit("A", "note = 'mine'");
        for at in order.iter().chain(&order) {
            world.told(events[*at].clone()).await;
        }

        let expected = ["A - mine failed gone S", "S - theirs synced gone"];
        assert_eq!(world.rows(), expected, "{order:?}");
        let entry = format!("{} A note old - mine deleted square decided", row_of("A"));
        assert_eq!(world.ledger(), [entry], "{order:?}");
    }
}

async fn an_edit_follows_a_row_that_stays_and_lives_again(db: TestDb) {
    let world = World::new(db.kind(), Rule::Square).await;
    let deleted = squaresync::domain::observation::Observation {
        shown: squaresync::domain::observation::Shown::Deleted(
            Some(0),
            squaresync::domain::observation::Cause::Event,
        ),
        ..gone("S")
    };
    world
        .told_all([profile("A", 0, &json!({})), profile("S", 0, &json!({}))])
        .await;
    world.edit("A", "note = 'mine'");
    world.told_all([deleted, went("A", "S")]).await;
    assert_eq!(world.ledger().len(), 1);
    world.told(profile("S", 1, &json!({}))).await;

    let expected = ["A - - synced gone S", "S - mine pending live"];
    assert_eq!(world.rows(), expected);
    assert_eq!(world.ledger().len(), 1);
}

async fn an_edit_waits_for_a_row_that_stays_and_was_deleted_here(db: TestDb) {
    let world = World::new(db.kind(), Rule::Square).await;
    world
        .told_all([profile("A", 0, &json!({})), profile("S", 0, &json!({}))])
        .await;
    world.edit("A", "note = 'mine'");
    world.sql("DELETE FROM customers WHERE square_id = 'S'");
    world.told(went("A", "S")).await;
    assert_eq!(world.rows(), ["A - mine failed gone"]);
    assert_eq!(world.ledger(), [""; 0]);
    // Square was told, and says that it is done.
    world.told(gone("S")).await;

    assert_eq!(world.rows(), ["A - mine failed gone"]);
    let entry = format!("{} A note - - mine deleted square decided", row_of("A"));
    assert_eq!(world.ledger(), [entry]);
}
