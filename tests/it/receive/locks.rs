//! Other programs in the way: what cannot be committed is not confirmed, and
//! one row that an application holds holds up nothing else.

use bytes::Bytes;
use chrono::Utc;
use squaresync::domain::id::MerchantId;
use squaresync::domain::merge::Rule;
use squaresync::flows::apply::{Learning, catch_up};
use squaresync::flows::receive::{Delivery, Outcome};
use squaresync::square::signature::Verified;
use squaresync::store::changes::Source;
use squaresync::store::inbox::State;

use super::effects::event;
use super::served::{SELLER, served};
use crate::support::{Kind, TestDb, on_each_database};

on_each_database! {
    what_cannot_be_committed_is_not_confirmed,
    a_row_that_an_application_holds_is_brought_along_later,
    batches_about_the_same_two_sellers_do_not_wait_for_each_other_for_ever,
}

async fn what_cannot_be_committed_is_not_confirmed(db: TestDb) {
    let mut app = served(&db).await;
    let body = event("1", "customer.created", "A", 0);
    app.other.run(match db.kind() {
        Kind::Sqlite => "BEGIN IMMEDIATE",
        Kind::Postgres => "BEGIN; LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE",
    });

    let answer = app.deliver(&body).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );

    app.other.run("ROLLBACK");
    assert_eq!(app.other.count("inbox"), 0);
    app.take(&body).await;
    assert_eq!(app.other.inbox(), ["customer.created applied"]);
    let kept = app
        .metric("squaresync_events_total{outcome=\"applied\"}")
        .await;
    assert_eq!(kept, Some(1.0));
    assert_eq!(
        app.metric("squaresync_events_received_total").await,
        Some(2.0)
    );
    let refused = "squaresync_events_rejected_total{reason=\"not_stored\"}";
    assert_eq!(app.metric(refused).await, Some(1.0));
}

async fn a_row_that_an_application_holds_is_brought_along_later(db: TestDb) {
    let mut app = served(&db).await;
    app.take(&event("1", "customer.created", "A", 0)).await;
    // SQLite locks no rows: there an application holds the whole file, or nothing.
    if db.kind() == Kind::Postgres {
        app.other
            .run("BEGIN; UPDATE customers SET nickname = 'Annie'");
    }

    app.take(&event("2", "customer.updated", "A", 1)).await;
    app.take(&event("3", "customer.created", "B", 0)).await;

    if db.kind() == Kind::Postgres {
        app.other.run("COMMIT");
        let held = app
            .other
            .lines(&["given_name", "nickname"], "customers ORDER BY square_id");
        assert_eq!(held, ["A 0 Annie", "B 0 -"]);
    } else {
        app.other
            .run("UPDATE customers SET nickname = 'Annie' WHERE square_id = 'A'");
    }
    let learning = Learning {
        merchant: MerchantId::new(SELLER),
        source: Source::Event,
        rule: Rule::Square,
        now: Utc::now(),
    };
    let came = app
        .store
        .write(move |db| catch_up(db, &learning, 10))
        .await
        .unwrap();

    assert_eq!(came, db.kind() == Kind::Postgres);
    let held = ["given_name", "nickname", "sync_state"];
    let held = app.other.lines(&held, "customers ORDER BY square_id");
    assert_eq!(held, ["A 1 Annie pending", "B 0 - synced"]);
}

async fn batches_about_the_same_two_sellers_do_not_wait_for_each_other_for_ever(db: TestDb) {
    let app = served(&db).await;
    app.meet("OTHER").await;
    let batch = |round: usize, name: &str| {
        let id = format!("{name}{round}");
        let own = event(&id, "customer.created", &id, 0);
        let own = String::from_utf8(own).unwrap();
        let others = own.replace(SELLER, "OTHER").replace(&id, &format!("O{id}"));
        let read = |body: String| Delivery::read(&Verified::recorded(Bytes::from(body)));
        vec![read(own), read(others)]
    };

    for round in 0..20 {
        let (one, other) = tokio::join!(
            app.receive.take(batch(round, "A"), Utc::now()),
            app.receive.take(batch(round, "B"), Utc::now()),
        );

        for outcome in one.into_iter().chain(other) {
            assert_eq!(outcome.unwrap(), Outcome::Kept(State::Applied));
        }
    }
}
