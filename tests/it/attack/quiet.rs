//! What is written beside the rows: each effect once, and nothing without one.

use serde_json::json;

use crate::support::app::LAG;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    nothing_new_writes_nothing,
    each_effect_is_in_the_log_once,
    a_flow_that_stops_in_the_middle_gives_its_lease_back,
}

async fn nothing_new_writes_nothing(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann'), ('Bob')");
    app.settle().await;
    let state = |app: &App| {
        let mut other = app.other();
        let mut all = other.values("SELECT seq AS value FROM changes");
        all.extend(other.values("SELECT updated_at AS value FROM customers ORDER BY id"));
        all.extend(
            other.values("SELECT holder || token || expires_at AS value FROM leases ORDER BY name"),
        );
        all.extend(other.values("SELECT observed_at AS value FROM images ORDER BY square_id"));
        all
    };
    app.settle().await;
    let before = state(&app);
    let writes = app
        .square
        .calls()
        .iter()
        .filter(|call| call.applied)
        .count();
    app.settle().await;
    app.sql("UPDATE customers SET given_name = given_name");
    app.settle().await;

    assert_eq!(state(&app), before);
    let after = app
        .square
        .calls()
        .iter()
        .filter(|call| call.applied)
        .count();
    assert_eq!(after, writes);
}

async fn each_effect_is_in_the_log_once(db: TestDb) {
    let mut app = App::new(db).await;
    app.sql("INSERT INTO customers (id, given_name) VALUES ('a', 'Ann')");
    app.settle().await;
    app.sql("UPDATE customers SET given_name = 'Anna', note = 'n'");
    app.settle().await;
    let id = app.square.customers()[0]["id"].as_str().unwrap().to_owned();
    app.square.update(&id, &json!({"note": null}));
    app.settle().await;

    let log = app
        .other()
        .values("SELECT source || ' ' || fields AS value FROM changes ORDER BY seq");
    let log: Vec<String> = log.into_iter().flatten().collect();
    let told = |source: &str, text: &str| {
        log.iter()
            .filter(|line| line.starts_with(source) && line.contains(text))
            .count()
    };
    assert_eq!(
        told("application", r#""given_name":[null,"Ann"]"#),
        1,
        "{log:#?}"
    );
    assert_eq!(
        told("application", r#""given_name":["Ann","Anna"]"#),
        1,
        "{log:#?}"
    );
    assert_eq!(told("application", r#""note":[null,"n"]"#), 1, "{log:#?}");
    assert_eq!(told("event", r#""note":["n",null]"#), 1, "{log:#?}");
    assert_eq!(told("push", "square_id"), 1, "{log:#?}");
    assert_eq!(told("", "note"), 2, "{log:#?}");
}

async fn a_flow_that_stops_in_the_middle_gives_its_lease_back(db: TestDb) {
    let mut app = App::new(db).await;
    for number in 0..250 {
        app.square
            .create(&json!({"given_name": format!("C{number}")}));
    }
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann'), ('Bob')");
    app.advance(LAG).await;
    // That there are several pages, the older part, and a page of the younger.
    for _ in 0..3 {
        app.reconcile.step(app.now()).await.unwrap();
    }
    app.push_once().await.unwrap();
    let held = |app: &App| app.other().count("leases WHERE expires_at > '2000-01-01'");
    assert_eq!(held(&app), 2);

    app.reconcile.give_back().await.unwrap();
    app.push.give_back().await.unwrap();
    assert_eq!(held(&app), 0);

    app.settle().await;
    app.assert_equal();
}
