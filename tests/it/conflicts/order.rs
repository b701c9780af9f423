//! The same observations in any order and number give the same rows and the same ledger.

use serde_json::json;
use squaresync::domain::merge::Rule;
use squaresync::domain::observation::Observation;

use super::world::{World, gone, profile, went};
use crate::support::{TestDb, on_each_database};

on_each_database! {
    any_order_of_observations_gives_the_same_rows_and_ledger,
}

/// Everybody as they are when applications begin to edit.
fn begin() -> Vec<Observation> {
    ["A", "B", "C", "D", "E"]
        .map(|id| profile(id, 0, &json!({"note": "old"})))
        .into()
}

/// A and B go into S, which has a note of its own; C is changed three times,
/// D ends; E goes on to F and so to S.
fn events() -> Vec<Observation> {
    let c = [
        json!({"note": "old", "family_name": "C"}),
        json!({"note": "theirs", "family_name": "C"}),
        json!({"note": "theirs", "family_name": "C", "company_name": "C"}),
    ];
    let mut all: Vec<_> = c
        .iter()
        .zip(1..)
        .map(|(fields, version)| profile("C", version, fields))
        .collect();
    all.extend([
        went("A", "S"),
        went("B", "S"),
        went("E", "F"),
        went("F", "S"),
        gone("D"),
        profile("S", 0, &json!({"note": "merged"})),
        profile("S", 1, &json!({"note": "merged", "family_name": "S"})),
    ]);
    all
}

async fn end(world: &World, events: Vec<Observation>) -> (Vec<String>, Vec<String>) {
    world.clear();
    world.told_all(begin()).await;
    for (id, edit) in [
        ("A", "note = 'of A'"),
        ("B", "nickname = 'of B'"),
        ("C", "note = 'of C', nickname = 'of C'"),
        ("D", "note = NULL"),
        ("E", "locality = 'of E'"),
    ] {
        world.edit(id, edit);
    }
    world.told_all(events).await;
    let fields = "customers WHERE square_id = 'S' AND locality = 'of E' AND family_name = 'S'";
    assert_eq!(world.other().count(fields), 1);
    (world.rows(), world.ledger())
}

async fn any_order_of_observations_gives_the_same_rows_and_ledger(db: TestDb) {
    for rule in [Rule::Square, Rule::Local] {
        let world = World::new(db.kind(), rule).await;
        let expected = end(&world, events()).await;
        assert_eq!(expected.0.len(), 6);
        assert_eq!(expected.1.len(), 3, "{expected:?}");
        for seed in 0..25 {
            let mut again = [events(), events()].concat();
            fastrand::Rng::with_seed(seed).shuffle(&mut again);
            assert_eq!(end(&world, again).await, expected, "seed {seed}");
        }
    }
}
