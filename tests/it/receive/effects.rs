//! What deliveries do to the tables, in any order, number and company.

use serde_json::{Value, json};

use super::served::{SELLER, Served, fixture, served, signed};
use super::wire::ask;
use crate::support::{Kind, OtherProgram, TestDb, on_each_database};

on_each_database! {
    every_sample_ends_in_its_state,
    one_event_on_fifty_connections_is_one_effect,
    any_order_of_a_customers_events_ends_the_same,
    a_poison_event_holds_up_nobody,
    events_wait_for_their_seller,
    a_waiting_poison_event_holds_up_nobody,
    events_of_other_sellers_touch_nothing,
    one_id_with_two_bodies_is_two_events,
    events_share_commits,
}

/// An event of the seller's, of a customer `id`.
pub(crate) fn event(name: &str, kind: &str, id: &str, version: i64) -> Vec<u8> {
    let body = json!({
        "merchant_id": SELLER,
        "type": kind,
        "event_id": name,
        "created_at": "2026-01-05T09:30:00Z",
        "data": {"type": "customer", "id": id, "object": {"customer": {
            "id": id, "given_name": format!("{id} {version}"), "version": version,
        }}},
    });
    body.to_string().into_bytes()
}

async fn every_sample_ends_in_its_state(db: TestDb) {
    let mut app = served(&db).await;
    let samples = [
        ("customer.created", "applied"),
        ("customer.updated", "applied"),
        ("customer.custom_attribute.owned.updated", "ignored"),
        ("customer.custom_attribute.visible.deleted", "ignored"),
        ("customer.deleted", "applied"),
        ("customer.created.merge", "applied"),
        ("customer.deleted.merge.1", "superseded"),
        ("customer.deleted.merge.2", "superseded"),
        ("customer.deleted.no_object", "superseded"),
        ("oauth.authorization.revoked", "ignored"),
        ("webhooks.test_notification", "ignored"),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/webhooks");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), samples.len());

    for (sample, _) in samples {
        app.take(&fixture(sample)).await;
    }

    let states = app.other.lines(&["state"], "inbox ORDER BY seq");
    let found: Vec<_> = samples.iter().map(|(name, _)| *name).zip(&states).collect();
    let expected: Vec<_> = samples
        .iter()
        .map(|(name, state)| (*name, *state))
        .collect();
    let found: Vec<_> = found
        .into_iter()
        .map(|(name, state)| (name, state.as_str()))
        .collect();
    assert_eq!(found, expected);
}

async fn one_event_on_fifty_connections_is_one_effect(db: TestDb) {
    let mut app = served(&db).await;
    let bytes = signed(&fixture("customer.created"));

    let answers = all_at_once(&app, vec![bytes; 50]).await;

    assert_eq!(answers, [200; 50]);
    assert_eq!(app.other.inbox(), ["customer.created applied"]);
    assert_eq!(app.other.count("changes"), 1);
    let count = async |outcome| {
        let name = format!("squaresync_events_total{{outcome=\"{outcome}\"}}");
        app.metric(&name).await
    };
    assert_eq!(
        (count("applied").await, count("again").await),
        (Some(1.0), Some(49.0))
    );
}

async fn any_order_of_a_customers_events_ends_the_same(db: TestDb) {
    let events = ["customer.created", "customer.updated", "customer.deleted"].map(fixture);
    let mut ends: Vec<Vec<String>> = Vec::new();
    for order in orders() {
        let fresh = TestDb::new(db.kind());
        let mut app = served(&fresh).await;
        for position in order.iter().chain(&order) {
            app.take(&events[*position]).await;
        }
        ends.push(app.other.customers());
        assert_eq!(app.other.count("customers WHERE deleted_at IS NULL"), 0);
    }
    for end in &ends {
        assert_eq!(*end, ends[0]);
    }
}

/// Every order of three.
pub(super) fn orders() -> Vec<[usize; 3]> {
    let mut orders = Vec::new();
    for first in 0..3 {
        for second in (0..3).filter(|it| *it != first) {
            orders.push([first, second, 3 - first - second]);
        }
    }
    orders
}

async fn a_poison_event_holds_up_nobody(db: TestDb) {
    let mut app = served(&db).await;
    let mut nul: Value =
        serde_json::from_slice(&event("poison", "customer.created", "P", 0)).unwrap();
    nul["data"]["object"]["customer"]["given_name"] = json!("a\u{0}b");
    nul["data"]["object"]["customer"]["x\u{0}y"] = json!({"z": ["\u{0}"]});
    let mut all = vec![signed(nul.to_string().as_bytes()), signed(b"poison")];
    for number in 0..100 {
        let id = format!("G{number}");
        all.push(signed(&event(&id, "customer.created", &id, 0)));
    }

    let answers = all_at_once(&app, all).await;

    assert_eq!(answers, [200; 102]);
    assert_eq!(app.other.count("customers WHERE given_name LIKE 'G%'"), 100);
    assert_eq!(
        app.other
            .count("inbox WHERE state = 'applied' AND event_id LIKE 'G%'"),
        100
    );
    assert_eq!(app.other.count("inbox"), 102);
}

async fn events_wait_for_their_seller(db: TestDb) {
    let mut app = Served::new(&db, squaresync::web::BODY_TIME, None).await;
    app.take(&event("1", "customer.created", "A", 0)).await;
    app.take(&event("2", "customer.updated", "A", 1)).await;
    app.take(b"unreadable").await;
    assert_eq!(
        app.other.inbox(),
        [
            "customer.created waiting",
            "customer.updated waiting",
            "- dead"
        ]
    );
    assert_eq!(
        app.receive.take_waiting(chrono::Utc::now()).await.unwrap(),
        0
    );
    assert_eq!(app.other.count("customers"), 0);

    app.meet(SELLER).await;
    assert_eq!(
        app.receive.take_waiting(chrono::Utc::now()).await.unwrap(),
        2
    );

    assert_eq!(
        app.receive.take_waiting(chrono::Utc::now()).await.unwrap(),
        0
    );
    assert_eq!(
        app.other.inbox(),
        [
            "customer.created applied",
            "customer.updated applied",
            "- dead"
        ]
    );
    assert_eq!(app.other.lines(&["given_name"], "customers"), ["A 1"]);
}

async fn a_waiting_poison_event_holds_up_nobody(db: TestDb) {
    let mut app = Served::new(&db, squaresync::web::BODY_TIME, None).await;
    // A rule of the shop's own; SQLite takes none without a column.
    let refuse = match db.kind() {
        Kind::Sqlite => "ALTER TABLE customers ADD COLUMN ours TEXT CHECK (given_name <> 'P 0')",
        Kind::Postgres => "ALTER TABLE customers ADD CHECK (given_name <> 'P 0')",
    };
    OtherProgram::new(&db).run(refuse).unwrap();
    for id in ["A", "P", "B"] {
        app.take(&event(id, "customer.created", id, 0)).await;
    }
    app.meet(SELLER).await;

    while app.receive.take_waiting(chrono::Utc::now()).await.unwrap() != 0 {}

    let states = app.other.lines(&["state"], "inbox ORDER BY seq");
    assert_eq!(states, ["applied", "dead", "applied"]);
    let names = app
        .other
        .lines(&["given_name"], "customers ORDER BY given_name");
    assert_eq!(names, ["A 0", "B 0"]);
}

async fn events_of_other_sellers_touch_nothing(db: TestDb) {
    let mut app = served(&db).await;
    app.take(&event("1", "customer.created", "A", 0)).await;
    let before = app.other.customers();
    let theirs = String::from_utf8(event("2", "customer.updated", "A", 1)).unwrap();

    app.take(theirs.replace(SELLER, "MLSTRANGER").as_bytes())
        .await;

    assert_eq!(app.other.customers(), before);
    assert_eq!(app.other.inbox()[1], "customer.updated ignored");
}

async fn one_id_with_two_bodies_is_two_events(db: TestDb) {
    let mut app = served(&db).await;

    app.take(&event("1", "customer.created", "A", 0)).await;
    app.take(&event("1", "customer.created", "B", 0)).await;
    app.take(&event("1", "customer.created", "B", 0)).await;

    assert_eq!(app.other.count("inbox WHERE event_id = '1'"), 2);
    assert_eq!(app.other.count("customers"), 2);
    assert_eq!(
        app.metric("squaresync_event_id_collisions_total").await,
        Some(1.0)
    );
}

async fn events_share_commits(db: TestDb) {
    let app = served(&db).await;
    let events = (0..200).map(|number| {
        let id = format!("G{number}");
        signed(&event(&id, "customer.created", &id, 0))
    });

    let answers = all_at_once(&app, events.collect()).await;

    assert_eq!(answers, [200; 200]);
    let commits = app.metric("squaresync_event_commits_total").await.unwrap();
    assert!(
        (1.0..150.0).contains(&commits),
        "{commits} commits for 200 events"
    );
}

/// Sends all of these, each on a connection of its own, and gives the statuses.
pub(super) async fn all_at_once(app: &Served, all: Vec<Vec<u8>>) -> Vec<u16> {
    let address = app.address;
    let tasks: Vec<_> = all
        .into_iter()
        .map(|bytes| tokio::spawn(async move { ask(address, &bytes).await.status }))
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses
}
