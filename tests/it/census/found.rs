//! What a census finds, and what it leaves alone.

use serde_json::json;
use squaresync::flows::Step;

use super::{aged, alarm, bulk_retrieves, drop_webhooks, gone, many, mark};
use crate::support::app::LAG;
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    a_deletion_that_no_webhook_told_is_found,
    a_merge_that_no_webhook_told_is_found,
    a_chain_of_merges_of_which_one_was_heard_is_followed_to_its_end,
    a_hidden_profile_stays_and_its_deletion_is_found,
    an_update_that_nobody_told_is_healed,
    a_profile_that_came_back_is_live_again,
    an_unchanged_directory_costs_one_call_and_one_mark,
    customers_that_come_while_it_runs_are_no_suspects,
    what_is_learnt_while_it_runs_stands,
    it_is_due_after_the_time_set,
}

async fn a_deletion_that_no_webhook_told_is_found(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 3).await;
    app.square.delete(&ids[1]);
    drop_webhooks(&mut app);
    app.pass().await;
    assert_eq!(gone(&app), [""; 0]);

    app.census_all().await;

    assert_eq!(gone(&app), [format!("{} not_found", ids[1])]);
    assert_eq!(app.census.found().deleted, 1);
    assert_eq!(alarm(&app), None);
    app.assert_equal();
    let log = app
        .other()
        .count("changes WHERE source = 'pass' AND fields LIKE '%deleted_at%'");
    assert_eq!(log, 1);
}

async fn a_merge_that_no_webhook_told_is_found(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 4).await;
    let first = app.square.merge(&[&ids[0], &ids[1]]).unwrap();
    let second = app.square.merge(&[&first, &ids[2]]).unwrap();
    drop_webhooks(&mut app);

    app.census_all().await;

    let found = app.census.found();
    assert_eq!((found.merged, found.deleted), (3, 0));
    let mut expected: Vec<String> = ids[..3].iter().map(|id| format!("{id} merge")).collect();
    expected.sort();
    assert_eq!(gone(&app), expected);
    let into = app
        .other()
        .values("SELECT DISTINCT merged_into AS value FROM images WHERE merged_into IS NOT NULL");
    assert_eq!(into, [Some(second.clone())]);
    app.assert_equal();
    let survivor = app.other().values(&format!(
        "SELECT id AS value FROM live_customers WHERE square_id = '{second}'"
    ));
    let rows = app
        .other()
        .values("SELECT DISTINCT merged_into AS value FROM customers WHERE deleted_at IS NOT NULL");
    assert_eq!(rows, survivor);
}

async fn a_chain_of_merges_of_which_one_was_heard_is_followed_to_its_end(db: TestDb) {
    for ends in [false, true] {
        let mut app = App::new(TestDb::new(db.kind())).await;
        let ids = many(&mut app, 4).await;
        let first = app.square.merge(&[&ids[0], &ids[1]]).unwrap();
        let told = app.events();
        let told = told.iter().filter(|event| event.body.contains(&first));
        for event in told.filter(|event| event.body.contains("customer.deleted")) {
            app.deliver(event).await;
        }
        let last = app.square.merge(&[&first, &ids[2]]).unwrap();
        if ends {
            app.square.delete(&last);
        }
        drop_webhooks(&mut app);
        let into = |app: &App| {
            let columns = "SELECT merged_into AS value FROM customers WHERE square_id";
            let two = format!("{columns} IN ('{}', '{}')", ids[0], ids[1]);
            app.other().values(&two)
        };
        assert_eq!(into(&app), [None, None]);

        app.census_all().await;

        let survivor = app.other().values(&format!(
            "SELECT id AS value FROM live_customers WHERE square_id = '{last}'"
        ));
        assert_eq!(survivor.len(), usize::from(!ends));
        let survivor = survivor.into_iter().next().flatten();
        assert_eq!(into(&app), [survivor.clone(), survivor]);
        let asked = bulk_retrieves(&app);
        app.census_all().await;
        assert_eq!(bulk_retrieves(&app), asked);
        app.assert_equal();
    }
}

async fn a_hidden_profile_stays_and_its_deletion_is_found(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 2).await;
    app.square
        .update(&ids[0], &json!({"given_name": null, "note": "x"}));
    drop_webhooks(&mut app);
    aged(&app).await;

    app.census_all().await;
    assert_eq!((gone(&app), alarm(&app)), (Vec::new(), None));
    app.assert_equal();
    app.census_all().await;
    assert_eq!((gone(&app), alarm(&app)), (Vec::new(), None));
    assert_eq!(app.rows(&["note", "sync_state"]), ["- synced", "x synced"]);

    app.square.delete(&ids[0]);
    drop_webhooks(&mut app);
    app.census_all().await;
    assert_eq!(gone(&app), [format!("{} not_found", ids[0])]);
    app.assert_equal();
}

async fn an_update_that_nobody_told_is_healed(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 2).await;
    app.square.update(&ids[0], &json!({"note": "x"}));
    drop_webhooks(&mut app);

    app.census_all().await;

    let found = app.census.found();
    assert_eq!((found.listed, found.changed, found.missing), (2, 1, 0));
    app.assert_equal();
}

async fn a_profile_that_came_back_is_live_again(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 2).await;
    app.square.delete(&ids[0]);
    app.census_all().await;
    assert_eq!(gone(&app).len(), 1);

    assert!(app.square.restore(&ids[0], true));
    app.deliver_all().await;
    app.pass().await;
    app.census_all().await;

    app.assert_equal();
    assert_eq!(app.rows(&["given_name", "deleted_at"]), ["C0 -", "C1 -"]);
    app.census_all().await;
    app.assert_equal();
}

async fn an_unchanged_directory_costs_one_call_and_one_mark(db: TestDb) {
    let mut app = App::new(db).await;
    many(&mut app, 5).await;
    app.sql("INSERT INTO customers (given_name) VALUES ('Ann'), ('Bob')");
    app.settle().await;
    app.census_all().await;
    let state = |app: &App| {
        let mut other = app.other();
        [
            "SELECT seq AS value FROM changes",
            "SELECT updated_at AS value FROM customers ORDER BY id",
            "SELECT observed_at AS value FROM images ORDER BY square_id",
            "SELECT name || holder || token || expires_at AS value FROM leases ORDER BY name",
            "SELECT reached_at AS value FROM marks WHERE name <> 'census' ORDER BY name",
            "SELECT detail AS value FROM alarms",
        ]
        .map(|query| other.values(query))
    };
    aged(&app).await;
    let (before, marked) = (state(&app), mark(&app));
    let calls = app.square.calls().len();

    app.census_all().await;

    assert_eq!(state(&app), before);
    assert!(marked < mark(&app), "{marked:?} {:?}", mark(&app));
    // One of them lets the time be known.
    assert_eq!(app.square.calls().len(), calls + 2);
}

async fn customers_that_come_while_it_runs_are_no_suspects(db: TestDb) {
    let mut app = App::new(db).await;
    many(&mut app, 250).await;
    app.advance(LAG).await;
    let mut number = 0;
    while app.census.step(app.now()).await.unwrap() == Step::Worked {
        for _ in 0..10 {
            number += 1;
            app.square
                .create(&json!({"given_name": format!("New{number}")}));
            app.sql(&format!(
                "INSERT INTO customers (given_name) VALUES ('L{number}')"
            ));
        }
        app.deliver_all().await;
        app.push_all().await;
        assert!(number < 500, "the census does not end");
    }

    let found = app.census.found();
    assert_eq!((found.missing, &found.alarm), (0, &None));
    assert_eq!(bulk_retrieves(&app), 0);
    assert!(20 < number);
    app.settle().await;
    aged(&app).await;
    // These were made just before it begins, and the list is late.
    for number in 0..30 {
        app.sql(&format!(
            "INSERT INTO customers (given_name) VALUES ('Late{number}')"
        ));
    }
    app.push_all().await;
    app.square.set_index_lag(std::time::Duration::from_secs(60));
    app.census_all().await;
    let found = app.census.found();
    assert_eq!(
        (found.missing, found.left_out, &found.alarm),
        (30, 0, &None)
    );
    assert_eq!(gone(&app), [""; 0]);
}

async fn what_is_learnt_while_it_runs_stands(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 3).await;
    app.square.delete(&ids[0]);
    drop_webhooks(&mut app);
    app.advance(LAG).await;
    let asked = bulk_retrieves(&app);
    while bulk_retrieves(&app) == asked {
        app.census.step(app.now()).await.unwrap();
    }
    // Square said that it is gone; before that is written down, it is back.
    assert!(app.square.restore(&ids[0], true));
    app.deliver_all().await;

    while app.census.step(app.now()).await.unwrap() == Step::Worked {}

    assert_eq!(gone(&app), [""; 0]);
    app.assert_equal();
}

async fn it_is_due_after_the_time_set(db: TestDb) {
    let mut app = App::unread(db, crate::support::app::options(), false).await;
    let hour = chrono::TimeDelta::hours(1);
    assert!(!app.census.is_due(hour).await.unwrap());
    app.read_all().await;
    // The backfill counts as one, from when it began.
    let began = mark(&app);
    assert!(began.is_some());
    assert!(!app.census.is_due(hour).await.unwrap());
    app.advance(std::time::Duration::from_secs(3602)).await;
    assert!(app.census.is_due(hour).await.unwrap());

    // One that is repeated does not: whoever is gone was not looked for.
    app.read_all().await;
    assert_eq!(mark(&app), began);
    app.census_all().await;
    assert!(!app.census.is_due(hour).await.unwrap());
    app.sql("DELETE FROM marks WHERE name = 'census'");
    assert!(app.census.is_due(hour).await.unwrap());
}
