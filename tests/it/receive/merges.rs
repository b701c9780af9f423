//! Profiles that Square merged: in any order, and with events missing, the old
//! rows keep their ids and point to the one that stays.

use serde_json::json;

use super::effects::{event, orders};
use super::served::{SELLER, Served, fixture, served};
use crate::support::{TestDb, on_each_database};

on_each_database! {
    a_merge_ends_the_same_in_any_order,
    one_of_its_events_is_enough,
    a_chain_of_merges_ends_at_the_last_one,
}

/// The three events of one merge.
fn merge() -> [Vec<u8>; 3] {
    [
        "customer.created.merge",
        "customer.deleted.merge.1",
        "customer.deleted.merge.2",
    ]
    .map(fixture)
}

const A: &str = "FIXTUREAAAAAAAAAAAAAAAAAA1";
const B: &str = "FIXTUREBBBBBBBBBBBBBBBBBB2";
const C: &str = "FIXTURECCCCCCCCCCCCCCCCCC3";

/// The row of a profile.
fn row(app: &mut Served, square_id: &str) -> String {
    let rows = format!("customers WHERE square_id = '{square_id}'");
    app.other.lines(&["id"], &rows).remove(0)
}

/// Of each row its profile, whether it is live, and where it went.
fn ends(app: &mut Served) -> Vec<String> {
    let live = "CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'gone' END";
    let columns = ["square_id", live, "merged_into"];
    app.other.lines(&columns, "customers ORDER BY square_id")
}

async fn a_merge_ends_the_same_in_any_order(db: TestDb) {
    let mut all_ends: Vec<Vec<String>> = Vec::new();
    for order in orders() {
        let fresh = TestDb::new(db.kind());
        let mut app = served(&fresh).await;
        app.take(&fixture("customer.updated")).await;
        app.take(&event("b", "customer.created", B, 1)).await;
        let old = [row(&mut app, A), row(&mut app, B)];

        for position in order.iter().chain(&order) {
            app.take(&merge()[*position]).await;
        }

        assert_eq!([row(&mut app, A), row(&mut app, B)], old);
        let survivor = row(&mut app, C);
        let expected = [
            format!("{A} gone {survivor}"),
            format!("{B} gone {survivor}"),
            format!("{C} live -"),
        ];
        assert_eq!(ends(&mut app), expected, "{order:?}");
        all_ends.push(app.other.customers());
    }
    for end in &all_ends {
        assert_eq!(*end, all_ends[0]);
    }
}

async fn one_of_its_events_is_enough(db: TestDb) {
    for (position, sample) in merge().iter().enumerate() {
        let fresh = TestDb::new(db.kind());
        let mut app = served(&fresh).await;
        app.take(&fixture("customer.updated")).await;
        app.take(&event("b", "customer.created", B, 1)).await;

        app.take(sample).await;

        let ends = ends(&mut app);
        assert!(
            ends[0].starts_with(&format!("{A} gone")),
            "{position}: {ends:?}"
        );
        assert!(
            ends[1].starts_with(&format!("{B} gone")),
            "{position}: {ends:?}"
        );
        // The one that stays may be shown later, by whatever shows it.
        app.take(&event("c", "customer.updated", C, 1)).await;
        let survivor = row(&mut app, C);
        assert_eq!(
            app.other
                .count(&format!("customers WHERE merged_into = '{survivor}'")),
            2
        );
    }
}

/// The profile `from` went into `to`.
fn went(from: &str, to: &str) -> Vec<u8> {
    let body = json!({
        "merchant_id": SELLER,
        "type": "customer.deleted",
        "event_id": format!("{from} into {to}"),
        "data": {"type": "customer", "id": from, "deleted": true, "object": {
            "customer": {"id": from, "version": 5},
            "event_context": {"merge": {"from_customer_ids": [from], "to_customer_id": to}},
        }},
    });
    body.to_string().into_bytes()
}

async fn a_chain_of_merges_ends_at_the_last_one(db: TestDb) {
    let events = [
        went("A", "B"),
        went("B", "C"),
        event("c", "customer.created", "C", 0),
    ];
    let mut all_ends: Vec<Vec<String>> = Vec::new();
    for order in orders() {
        let fresh = TestDb::new(db.kind());
        let mut app = served(&fresh).await;
        app.take(&event("a", "customer.created", "A", 0)).await;
        app.take(&event("b", "customer.created", "B", 0)).await;

        for position in order {
            app.take(&events[position]).await;
        }

        let survivor = row(&mut app, "C");
        let expected = [
            format!("A gone {survivor}"),
            format!("B gone {survivor}"),
            "C live -".to_owned(),
        ];
        assert_eq!(ends(&mut app), expected, "{order:?}");
        all_ends.push(app.other.customers());
    }
    for end in &all_ends {
        assert_eq!(*end, all_ends[0]);
    }
}
