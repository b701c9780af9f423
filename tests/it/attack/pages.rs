//! Pages that shift while they are read, and an index that is late.

use std::time::Duration;

use serde_json::json;
use squaresync::flows::Step;
use squaresync::square::simulator::Options;

use crate::support::app::options;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    customers_that_change_between_pages_are_all_found,
    an_index_a_minute_late_loses_nothing,
}

async fn customers_that_change_between_pages_are_all_found(db: TestDb) {
    let mut app = App::new(db).await;
    let ids: Vec<String> = (0..350)
        .map(|number| {
            app.square
                .create(&json!({"given_name": format!("C{number}")}))
        })
        .collect();
    app.advance(Duration::from_secs(2)).await;
    let mut next = 0;
    while app.reconcile.step(app.now()).await.unwrap() == Step::Worked {
        for id in ids.iter().skip(next).take(7) {
            app.square.update(id, &json!({"note": format!("n{next}")}));
        }
        app.square
            .create(&json!({"given_name": format!("New{next}")}));
        next += 7;
        app.advance(Duration::from_secs(3)).await;
        assert!(next < 500, "the pass does not end");
    }
    app.pass().await;
    app.pass().await;

    app.assert_equal();
}

async fn an_index_a_minute_late_loses_nothing(db: TestDb) {
    let late = Options {
        index_lag: Duration::from_secs(60),
        ..options()
    };
    let mut app = App::with(db, late, false).await;
    for number in 0..20 {
        let id = app
            .square
            .create(&json!({"given_name": format!("C{number}")}));
        app.pass().await;
        app.square.update(&id, &json!({"note": "x"}));
        app.sql(&format!(
            "INSERT INTO customers (given_name) VALUES ('L{number}')"
        ));
        app.push_all().await;
        app.advance(Duration::from_secs(10)).await;
    }
    app.advance(Duration::from_secs(60)).await;
    app.pass().await;

    app.assert_equal();
}
