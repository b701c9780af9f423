//! A database put back from a backup: what was made since is not made again.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use squaresync::domain::lookalike::Matching;
use squaresync::flows::Step;
use squaresync::square::simulator::{Fault, Options};

use super::{asked, calls, creates};
use crate::support::app::{LAG, options};
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_row_unchanged_since_the_backup_is_not_made_again_at_once,
    a_row_unchanged_since_the_backup_is_not_made_again_later,
    a_row_edited_after_the_backup_was_put_back_is_not_made_again_at_once,
    a_row_edited_after_the_backup_was_put_back_is_not_made_again_later,
    an_edited_row_whose_key_is_known_is_looked_for_until_it_shows,
    a_clock_set_ahead_ends_no_wait_for_what_a_key_made,
    a_key_whose_profile_is_gone_is_renewed_after_the_lag_and_a_look,
    what_was_pushed_since_the_backup_is_not_pushed_back,
    a_row_refused_before_the_backup_is_made_once,
    a_call_planned_before_the_pass_is_not_made_after_it,
    what_is_learnt_after_a_call_was_planned_counts,
}

/// The bodies of the updates that Square took.
fn applied(app: &App) -> Vec<String> {
    let calls = calls(app).into_iter();
    calls
        .filter(|call| call.method == "PUT" && call.applied)
        .map(|call| call.body)
        .collect()
}

/// How late the index is: what was made just before the backup was put back does not show yet.
const LATE: Duration = Duration::from_secs(60);

/// A row on its way when the backup is made, then made at Square, then put back.
struct Story {
    /// Whether its call was out when the backup was made.
    is_out: bool,
    reference: &'static str,
    /// Whether somebody changed the profile before the backup was put back.
    is_changed: bool,
}

fn stories() -> impl Iterator<Item = Story> {
    (0..8).map(|number| Story {
        is_out: number & 1 != 0,
        reference: if number & 2 != 0 { "'CRM-17'" } else { "NULL" },
        is_changed: number & 4 != 0,
    })
}

impl Story {
    /// The process that finds the old database, and how many updates came before.
    async fn put_back(&self, db: &TestDb) -> (App, usize) {
        let late = Options {
            index_lag: LATE,
            ..options()
        };
        let mut app = App::with(TestDb::new(db.kind()), late, false).await;
        app.sql(&format!(
            "INSERT INTO customers (given_name, email_address, reference_id) \
             VALUES ('Ann', 'ann@example.com', {})",
            self.reference
        ));
        if self.is_out {
            app.square
                .faults(|faults| faults.next(Fault::LostAnswer, 1));
            app.push_once().await.unwrap();
            assert_eq!(app.square.fired(Fault::LostAnswer), 1);
        }
        let backup = app.backup();
        app.push_all().await;
        if self.is_changed {
            let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
            app.square
                .update(&id, &json!({"note": "theirs", "given_name": "Anna"}));
        }
        let before = applied(&app).len();
        (app.restored(&backup).await, before)
    }

    async fn check(&self, app: &mut App, before: usize, is_edited: bool) {
        app.push_all().await;
        app.advance(2 * LATE).await;
        app.settle().await;

        let story = (self.is_out, self.reference, self.is_changed);
        assert_eq!((creates(app), app.square.len()), (1, 1), "{story:?}");
        app.assert_equal();
        let made = &app.square.customers()[0];
        let expected = if self.is_changed { "Anna" } else { "Ann" };
        assert_eq!(made["given_name"], expected, "{story:?}");
        assert_eq!(
            made["note"],
            if self.is_changed {
                json!("theirs")
            } else {
                Value::Null
            }
        );
        assert_eq!(
            made["nickname"],
            if is_edited {
                json!("mine")
            } else {
                Value::Null
            }
        );
        let since = applied(app).split_off(before);
        assert_eq!(since.len(), usize::from(is_edited), "{story:?} {since:?}");
        let sent = r#"{"nickname":"mine","version":"#;
        assert!(since.iter().all(|body| body.starts_with(sent)), "{since:?}");
        let live = "live_customers WHERE given_name LIKE 'Ann%'";
        assert_eq!(app.other().count(live), 1);
    }
}

async fn run(db: &TestDb, is_edited: bool, later: Duration) {
    for story in stories() {
        let (mut app, before) = Box::pin(story.put_back(db)).await;
        if is_edited {
            app.sql("UPDATE customers SET nickname = 'mine'");
        }
        app.advance(later).await;
        story.check(&mut app, before, is_edited).await;
    }
}

async fn a_row_unchanged_since_the_backup_is_not_made_again_at_once(db: TestDb) {
    run(&db, false, Duration::ZERO).await;
}

async fn a_row_unchanged_since_the_backup_is_not_made_again_later(db: TestDb) {
    run(&db, false, 10 * LATE).await;
}

async fn a_row_edited_after_the_backup_was_put_back_is_not_made_again_at_once(db: TestDb) {
    run(&db, true, Duration::ZERO).await;
}

async fn a_row_edited_after_the_backup_was_put_back_is_not_made_again_later(db: TestDb) {
    run(&db, true, 10 * LATE).await;
}

async fn an_edited_row_whose_key_is_known_is_looked_for_until_it_shows(db: TestDb) {
    for reference in ["NULL", "'CRM-17'"] {
        let story = Story {
            is_out: false,
            reference,
            is_changed: true,
        };
        let (mut app, before) = story.put_back(&db).await;
        // A pass has ended, whose pages did not show the profile yet.
        app.caught_up.set(Some(app.square.now()));
        app.sql("UPDATE customers SET nickname = 'mine'");
        story.check(&mut app, before, true).await;
    }
}

async fn a_clock_set_ahead_ends_no_wait_for_what_a_key_made(db: TestDb) {
    let story = Story {
        is_out: false,
        reference: "NULL",
        is_changed: false,
    };
    let (mut app, before) = story.put_back(&db).await;
    app.sql("UPDATE customers SET nickname = 'mine'");
    app.push_once().await.unwrap();
    for day in 1..=3 {
        let ahead = app.now() + TimeDelta::days(day);
        while app.push.step(ahead, 0.0).await.unwrap() == Step::Worked {}
    }
    let keys = calls(&app).into_iter().filter_map(|it| it.idempotency_key);
    assert_eq!(BTreeSet::from_iter(keys).len(), 1, "the same call again");
    assert!(4 <= calls(&app).iter().filter(|it| it.method == "POST").count());

    story.check(&mut app, before, true).await;
}

async fn a_key_whose_profile_is_gone_is_renewed_after_the_lag_and_a_look(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann')");
    let backup = app.backup();
    app.push_all().await;
    let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    app.square.delete(&id);
    app.advance(10 * LATE).await;
    let mut app = app.restored(&backup).await;
    app.sql("UPDATE customers SET nickname = 'mine'");
    let restored = app.now();
    app.push_all().await;
    app.settle().await;

    app.assert_equal();
    assert_eq!((creates(&app), app.square.len()), (2, 1));
    let asked: BTreeSet<_> = asked(&app).into_iter().map(|(key, _)| key).collect();
    assert_eq!(asked.len(), 2);
    let calls = app.square.calls();
    let made = calls
        .iter()
        .rposition(|call| call.path == "/v2/customers")
        .unwrap();
    assert!(calls[made].applied);
    assert!(chrono::TimeDelta::minutes(2) <= calls[made].at - restored);
    assert!(calls[made - 1].path.ends_with("/search"));
}

async fn what_was_pushed_since_the_backup_is_not_pushed_back(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name, note) VALUES ('Ann', 'first')");
    app.settle().await;
    app.sql("UPDATE customers SET note = 'second'");
    let backup = app.backup();
    app.settle().await;
    app.sql("UPDATE customers SET note = 'third', nickname = 'A'");
    app.settle().await;
    let before = applied(&app).len();
    let mut app = app.restored(&backup).await;
    app.settle().await;

    assert_eq!(
        app.rows(&["note", "nickname", "sync_state"]),
        ["third A synced"]
    );
    app.assert_equal();
    assert_eq!(applied(&app).len(), before);
    assert_eq!(creates(&app), 1);
}

async fn a_row_refused_before_the_backup_is_made_once(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name, email_address) VALUES ('Ann', 'no address')");
    app.push_all().await;
    app.sql("UPDATE customers SET email_address = 'ann@example.com'");
    let backup = app.backup();
    app.push_all().await;
    let mut app = app.restored(&backup).await;
    app.settle().await;

    assert_eq!(creates(&app), 1);
    app.assert_equal();
}

async fn a_call_planned_before_the_pass_is_not_made_after_it(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql(
        "INSERT INTO customers (id, given_name, reference_id) \
         VALUES ('a', 'Ann', 'CRM-1'), ('b', 'Bob', 'CRM-2'), ('c', 'Cleo', 'CRM-3')",
    );
    let backup = app.backup();
    app.push_all().await;
    app.advance(LAG).await;
    let mut app = app.restored(&backup).await;
    app.square.forget_keys();
    // The first look does not get through, and the others wait behind it.
    app.square
        .faults(|faults| faults.next(Fault::RateLimited, 1));
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::RateLimited), 1);
    assert_eq!(app.other().count("outbox WHERE attempts = 0"), 2);
    app.pass().await;
    app.settle().await;

    assert_eq!(creates(&app), 3);
    app.assert_equal();
}

async fn what_is_learnt_after_a_call_was_planned_counts(db: TestDb) {
    let mut app = App::new(db).await;
    app.pushing(|pushing| pushing.matching = Matching::Email);
    app.pass().await;
    app.sql(
        "INSERT INTO customers (id, given_name, email_address, reference_id) \
         VALUES ('a', 'Ann', NULL, NULL), ('b', 'Bob', 'bob@example.com', 'CRM-2')",
    );
    // One is sent alone, and the other waits behind it, planned.
    app.square
        .faults(|faults| faults.next(Fault::RateLimited, 1));
    app.push_once().await.unwrap();
    assert_eq!(app.square.fired(Fault::RateLimited), 1);
    assert_eq!(app.other().count("outbox WHERE attempts = 0"), 1);
    app.square.create(
        &json!({"given_name": "Bob", "reference_id": "CRM-2", "email_address": "b@example.com"}),
    );
    app.settle().await;

    assert_eq!(app.square.len(), 2);
    app.assert_equal();
}
