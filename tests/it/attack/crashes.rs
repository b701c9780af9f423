//! A crash after each number of steps of each story.

use serde_json::json;
use squaresync::square::simulator::{Fault, Options};

use super::creates;
use crate::support::app::options;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_crash_after_any_step_of_pushing_loses_and_doubles_nothing,
    a_crash_after_any_step_of_reading_loses_nothing,
}

async fn a_crash_after_any_step_of_pushing_loses_and_doubles_nothing(db: TestDb) {
    for steps in 0..6 {
        let mut app = App::with(TestDb::new(db.kind()), options(), true).await;
        app.sql("INSERT INTO customers (id, given_name) VALUES ('old', 'Old'), ('gone', 'Gone')");
        app.settle().await;
        app.sql(
            "INSERT INTO customers (id, given_name, reference_id) VALUES ('new', 'New', 'own')",
        );
        app.sql("UPDATE customers SET note = 'edited' WHERE id = 'old'");
        app.sql("DELETE FROM customers WHERE id = 'gone'");
        app.square
            .faults(|faults| faults.next(Fault::LostAnswer, 3));
        for step in 0..steps {
            app.push_once().await.unwrap();
            if step % 2 == 1 {
                app.deliver_all().await;
            }
            app.advance(std::time::Duration::from_secs(20)).await;
        }
        let mut app = app.crash().await;
        app.sql("UPDATE customers SET nickname = 'late' WHERE id <> 'gone'");
        app.settle().await;

        assert_eq!(
            app.rows(&["id", "given_name", "note", "nickname", "sync_state"]),
            ["new New - late synced", "old Old edited late synced"],
            "after {steps} steps"
        );
        app.assert_equal();
        assert_eq!(creates(&app), 3);
    }
}

async fn a_crash_after_any_step_of_reading_loses_nothing(db: TestDb) {
    for steps in 0..5 {
        let many = Options {
            customers: 250,
            ..options()
        };
        let mut app = App::unread(TestDb::new(db.kind()), many, false).await;
        app.advance(crate::support::app::LAG).await;
        for _ in 0..steps {
            app.backfill.step(app.now()).await.unwrap();
        }
        let mut app = app.crash().await;
        app.square.create(&json!({"given_name": "Late"}));
        app.read_all().await;
        for number in 0..150 {
            app.square
                .create(&json!({"given_name": format!("N{number}")}));
        }
        app.advance(crate::support::app::LAG).await;
        for _ in 0..steps {
            app.reconcile.step(app.now()).await.unwrap();
        }
        let mut app = app.crash().await;
        app.pass().await;

        app.assert_equal();
    }
}
