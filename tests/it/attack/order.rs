//! The same observations in any order and number end in the same rows.

use serde_json::{Value, json};
use squaresync::domain::id::{MerchantId, SquareId};
use squaresync::domain::merge::Rule;
use squaresync::domain::observation::{Cause, Observation, Origin, Shown};
use squaresync::domain::profile::Profile;
use squaresync::flows::apply::{Learning, apply};
use squaresync::store::Store;
use squaresync::store::changes::Source;

use crate::support::app::location;
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    any_order_of_observations_gives_the_same_rows,
}

const IDS: [&str; 5] = ["A", "B", "C", "D", "E"];

/// A profile whose every version is always the same.
fn shown(id: &str, version: i64, origin: Origin) -> Observation {
    let mut value = json!({
        "id": id, "version": version, "given_name": format!("{id}{version}"),
        "note": if version % 2 == 0 { Value::Null } else { json!("odd") },
        "group_ids": [format!("g{version}")],
        "updated_at": format!("2026-03-02T10:15:{:02}Z", 10 + version),
    });
    if origin == Origin::Search {
        value["segment_ids"] = json!([format!("s{}", version / 2)]);
    }
    Observation {
        square_id: SquareId::new(id),
        shown: Shown::Profile(Profile::parse(value).unwrap(), origin),
    }
}

/// Of one world: what ends how is the same however often it is told.
fn observations(rng: &mut fastrand::Rng) -> Vec<Observation> {
    let ends: Vec<u32> = IDS.iter().map(|_| rng.u32(0..4)).collect();
    let mut all = Vec::new();
    for _ in 0..rng.usize(4..25) {
        let at = rng.usize(0..IDS.len());
        let id = IDS[at];
        let square_id = SquareId::new(id);
        all.push(match (rng.u32(0..4), ends[at]) {
            (0, 1) => Observation {
                square_id,
                shown: Shown::Deleted(Some(3), Cause::Event),
            },
            (0, 2) => Observation {
                square_id,
                shown: Shown::Deleted(None, Cause::NotFound),
            },
            (0, 3) if at + 1 < IDS.len() => Observation {
                square_id,
                shown: Shown::Merged(SquareId::new(IDS[at + 1])),
            },
            (1, _) => shown(id, rng.i64(0..5), Origin::Search),
            _ => shown(id, rng.i64(0..5), Origin::Event),
        });
    }
    all
}

async fn rows(
    db: &TestDb,
    store: &Store,
    observations: &[Observation],
    together: usize,
) -> Vec<String> {
    store
        .write(|db| {
            use diesel::connection::SimpleConnection;
            db.batch_execute("DELETE FROM customers; DELETE FROM images; DELETE FROM changes")
                .map_err(Into::into)
        })
        .await
        .unwrap();
    let learning = Learning {
        merchant: MerchantId::new("M"),
        source: Source::Event,
        rule: Rule::Square,
        now: chrono::Utc::now(),
    };
    for chunk in observations.chunks(together) {
        let (learning, chunk) = (learning.clone(), chunk.to_vec());
        store
            .write(move |db| apply(db, &learning, &chunk))
            .await
            .unwrap();
    }
    let mut rows: Vec<String> = OtherProgram::new(db)
        .values(
            "SELECT id || ' ' || square_id || ' ' || coalesce(given_name, '-') || ' ' || coalesce(note, '-') || ' ' || \
             coalesce(segment_ids, '-') || ' ' || coalesce(group_ids, '-') || ' ' || square_version || ' ' || sync_state || ' ' || \
             coalesce(merged_into, '-') || CASE WHEN deleted_at IS NULL THEN ' live' ELSE ' gone' END AS value FROM customers",
        )
        .into_iter()
        .flatten()
        .collect();
    rows.sort();
    rows
}

async fn any_order_of_observations_gives_the_same_rows(db: TestDb) {
    let store = Store::open(location(&db)).await.unwrap();
    for seed in 0..60 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let all = observations(&mut rng);
        let expected = rows(&db, &store, &all, 1).await;
        for together in [1, 3, 100] {
            let mut again = [all.clone(), all.clone()].concat();
            rng.shuffle(&mut again);
            let got = rows(&db, &store, &again, together).await;
            assert_eq!(got, expected, "seed {seed}, {together} at a time\n{all:#?}");
        }
    }
}
