//! Health and metrics over real HTTP: what they say is so.

use chrono::Utc;
use serde_json::{Value, json};
use squaresync::domain::id::{CustomerId, MerchantId};
use squaresync::flows::status::Status;
use squaresync::store::conflicts::{self, Conflict};
use squaresync::store::customers::{self, SyncState};
use squaresync::store::lease::{Holder, Lease};
use squaresync::store::{alarms, marks, sellers};
use squaresync::web::BODY_TIME;

use crate::client::played::{Played, square};
use crate::receive::served::{POST, SELLER, Served, fixture, served};
use crate::receive::wire::{Answer, request};
use crate::support::{Kind, TestDb, on_each_database};

on_each_database! {
    ready_means_that_a_commit_works_now,
    readiness_tells_how_we_stand_with_square,
    metrics_equal_what_was_sent,
    metrics_without_a_database_still_count,
    metrics_count_what_waits_for_a_person,
    status_tells_of_everything_and_what_to_do,
    an_alarm_is_shown_until_it_is_cleared,
}

fn detail(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

async fn ready_means_that_a_commit_works_now(db: TestDb) {
    let mut app = served(&db).await;
    let answer = app.get("/health/ready").await;
    assert_eq!(answer.status, 200);
    let expected =
        json!({"ready": true, "database": "ok", "square": "not asked yet", "seller": "known"});
    assert_eq!(detail(&answer), expected);
    let head = app.send(&request("HEAD /health/ready", &[], b"")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));

    app.other.run(match db.kind() {
        Kind::Sqlite => "BEGIN IMMEDIATE",
        Kind::Postgres => "BEGIN; LOCK TABLE sellers IN ACCESS EXCLUSIVE MODE",
    });
    // An outcome is shared for a moment.
    let refused = loop {
        let answer = app.get("/health/ready").await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(refused.status, 503);
    assert_eq!(detail(&refused)["ready"], false);
    assert_eq!(app.get("/health/live").await.status, 200);

    app.other.run("ROLLBACK");
    while app.get("/health/ready").await.status != 200 {}
}

async fn readiness_tells_how_we_stand_with_square(db: TestDb) {
    let played = Played::new(|_| {
        actix_web::HttpResponse::Unauthorized().json(json!({
            "errors": [{"category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED"}],
        }))
    })
    .await;
    let client = square(&played.url);
    let app = Served::new(&db, BODY_TIME, Some(client.clone())).await;
    let answer = app.get("/health/ready").await;
    assert_eq!(detail(&answer)["seller"], "unknown");
    assert_eq!(detail(&answer)["square"], "not asked yet");

    client.token_status().await.unwrap_err();
    let answer = app.get("/health/ready").await;
    assert_eq!(detail(&answer)["square"], "refused: UNAUTHORIZED");
    assert_eq!(answer.status, 200);
    let calls = "squaresync_square_calls_total{outcome=\"not_authorised\"}";
    assert_eq!(app.metric(calls).await, Some(1.0));

    app.meet(SELLER).await;
    let since = "2026-01-05T09:30:00Z".parse().unwrap();
    let refuse = move |db: &mut _| {
        sellers::set_refusal(db, &MerchantId::new(SELLER), Some("UNAUTHORIZED"), since)
    };
    app.store.write(refuse).await.unwrap();
    let expected = "refused: UNAUTHORIZED since 2026-01-05T09:30:00Z";
    while detail(&app.get("/health/ready").await)["square"] != expected {}
    let name = format!("squaresync_square_token_refused{{merchant_id=\"{SELLER}\"}}");
    while app.metric(&name).await != Some(1.0) {}
}

async fn metrics_equal_what_was_sent(db: TestDb) {
    let app = served(&db).await;
    for sample in [
        "customer.created",
        "customer.updated",
        "customer.created",
        "webhooks.test_notification",
    ] {
        app.take(&fixture(sample)).await;
    }
    app.take(b"unreadable").await;
    app.send(&request(POST, &[], b"unsigned")).await;

    let answer = app.get("/metrics").await;

    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let lines: Vec<&str> = answer.body.lines().collect();
    for line in [
        "squaresync_events_received_total 5",
        "squaresync_events_total{outcome=\"applied\"} 2",
        "squaresync_events_total{outcome=\"again\"} 1",
        "squaresync_events_total{outcome=\"ignored\"} 1",
        "squaresync_events_total{outcome=\"dead\"} 1",
        "squaresync_events_rejected_total{reason=\"missing\"} 1",
        "squaresync_event_commits_total 5",
        "squaresync_customers{state=\"synced\"} 1",
        "squaresync_customers{state=\"failed\"} 0",
        "squaresync_customers_deleted 0",
        "squaresync_inbox{state=\"applied\"} 2",
        "squaresync_inbox{state=\"dead\"} 1",
        "squaresync_conflicts_open 0",
        "squaresync_outbox_rows 0",
        "squaresync_local_edits 0",
        "squaresync_database_up 1",
        "# TYPE squaresync_events_received_total counter",
    ] {
        assert!(lines.contains(&line), "{line} is not in\n{}", answer.body);
    }
    well_formed(&lines);
}

/// What promtool asks of names: counters, and only they, end in `_total`, and each has a help text.
fn well_formed(lines: &[&str]) {
    for line in lines.iter().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
        let help = format!("# HELP {name} ");
        assert!(lines.iter().any(|line| line.starts_with(&help)), "{line}");
    }
}

async fn metrics_without_a_database_still_count(db: TestDb) {
    let mut app = served(&db).await;
    app.take(b"unreadable").await;
    app.other.run(match db.kind() {
        Kind::Sqlite => "DROP TABLE marks",
        Kind::Postgres => "DROP TABLE marks CASCADE",
    });

    let answer = app.get("/metrics").await;

    let lines: Vec<&str> = answer.body.lines().collect();
    assert!(
        lines.contains(&"squaresync_database_up 0"),
        "{}",
        answer.body
    );
    assert!(
        lines.contains(&"squaresync_events_received_total 1"),
        "{}",
        answer.body
    );
    well_formed(&lines);
}

async fn metrics_count_what_waits_for_a_person(db: TestDb) {
    let mut app = served(&db).await;
    app.take(&fixture("customer.created")).await;
    let id = CustomerId::new(app.other.lines(&["id"], "customers").remove(0));
    let question = Conflict {
        customer_id: id.clone(),
        square_id: None,
        field: None,
        base: None,
        square: None,
        local: None,
        square_at: None,
        local_at: None,
        decided: None,
        candidates: Vec::new(),
    };
    let work = move |db: &mut _| {
        let merchant = MerchantId::new(SELLER);
        let mut rows = customers::lock(db, &[id])?.rows;
        rows[0].sync_state = SyncState::Conflict;
        customers::put(db, &merchant, &rows)?;
        conflicts::add(db, &merchant, &[question], Utc::now())
    };

    app.store.write(work).await.unwrap();

    assert_eq!(app.metric("squaresync_conflicts_open").await, Some(1.0));
}

async fn status_tells_of_everything_and_what_to_do(db: TestDb) {
    let mut app = served(&db).await;
    app.take(&fixture("customer.created")).await;
    app.take(b"unreadable").await;
    app.other
        .run("INSERT INTO customers (given_name) VALUES ('Bob')");
    let since = Utc::now();
    let work = move |db: &mut _| {
        let merchant = MerchantId::new(SELLER);
        marks::set(
            db,
            &merchant,
            marks::UPDATED,
            since - chrono::TimeDelta::minutes(3),
        )?;
        marks::set(db, &merchant, marks::BACKFILL_BEGAN, since)?;
        sellers::set_refusal(db, &merchant, Some("UNAUTHORIZED"), since)?;
        Lease::new(&merchant, "reconcile", &Holder::named("host 7")).hold(db)
    };
    let lease = app.store.write(work).await.unwrap();

    let status = Status::read(&app.store, since).await.unwrap();
    let text = status.to_string();
    let json = serde_json::to_value(&status).unwrap();

    for words in [
        "seller      MLFIXTURE0001 (sandbox)\n",
        "UTC (3 min ago)\n",
        "backfill    under way since",
        "customers   1 synced, 1 pending, 0 failed, 0 conflict, 0 deleted\n",
        "events      1 applied, 0 superseded, 0 ignored, 0 waiting, 1 dead\n",
        "outbox      nothing waits for Square\n",
        "reconcile is being done by host 7 until",
        "SQUARE_ACCESS_TOKEN",
        "conflicts   0 wait for a person\n",
        "squaresync dead list;",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    assert_eq!(json["customers"]["pending"], 1);
    assert_eq!(json["inbox"]["dead"], 1);
    assert_eq!(json["local_edits"], 2);
    assert_eq!(json["sellers"][0]["refusal"]["code"], "UNAUTHORIZED");
    assert_eq!(json["leases"][0]["holder"], "host 7");
    app.store.write(move |db| lease.release(db)).await.unwrap();
    let status = Status::read(&app.store, since).await.unwrap();
    assert!(status.leases.is_empty());
}

async fn an_alarm_is_shown_until_it_is_cleared(db: TestDb) {
    let app = served(&db).await;
    let merchant = MerchantId::new(SELLER);
    let since = Utc::now() - chrono::TimeDelta::hours(3);
    let raised = merchant.clone();
    let raise = move |db: &mut _| alarms::raise(db, &raised, alarms::CENSUS, "Do this.", since);
    assert!(app.store.write(raise).await.unwrap());

    let status = Status::read(&app.store, Utc::now()).await.unwrap();
    let text = status.to_string();
    assert!(
        text.contains("alarm       census of MLFIXTURE0001 since "),
        "{text}"
    );
    assert!(
        text.contains("(3 h ago)") && text.contains("- Do this.\n"),
        "{text}"
    );
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["alarms"][0]["detail"], "Do this.");
    let metric = |name| format!("squaresync_alarm{{merchant_id=\"{SELLER}\",name=\"{name}\"}}");
    assert_eq!(app.metric(&metric(alarms::CENSUS)).await, Some(1.0));
    assert_eq!(app.metric(&metric(alarms::DELETES)).await, Some(0.0));

    let clear = move |db: &mut _| alarms::clear(db, &merchant, alarms::CENSUS);
    assert!(app.store.write(clear).await.unwrap());
    while app.metric(&metric(alarms::CENSUS)).await != Some(0.0) {}
}
