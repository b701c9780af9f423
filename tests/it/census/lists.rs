//! Lists that are empty, not whole, late or broken off make nobody gone.

use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::{Fault, Options};

use super::{alarm, assert_fired, bulk_retrieves, drop_webhooks, gone, many, mark};
use crate::support::app::{LAG, options};
use crate::support::{App, TestDb, on_each_database};

on_each_database! {
    an_empty_list_is_not_believed,
    half_a_list_is_not_believed,
    a_list_without_some_of_its_windows_is_not_believed,
    a_list_that_breaks_off_is_not_believed,
    a_list_that_never_ends_is_not_believed,
    short_and_empty_pages_and_cursors_that_end_hide_nobody,
    a_late_list_hides_nobody,
    a_list_that_left_somebody_out_raises_an_alarm,
    a_profile_that_cannot_be_read_spoils_no_list,
}

async fn an_empty_list_is_not_believed(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 3).await;
    app.square.delete(&ids[0]);
    drop_webhooks(&mut app);
    let began = mark(&app);
    app.square
        .faults(|faults| faults.chance(Fault::EmptyIndex, 1.0));
    for _ in 0..2 {
        app.census_all().await;
        assert_fired(&app, Fault::EmptyIndex);
        let words = alarm(&app).unwrap();
        assert!(
            words.contains("no customer at all, and 3 are here"),
            "{words}"
        );
        assert_eq!(app.census.found().alarm, Some(words));
        assert_eq!((gone(&app), bulk_retrieves(&app)), (Vec::new(), 0));
        assert_eq!(mark(&app), began);
    }
    let raised = "SELECT CAST(raised_at AS TEXT) AS value FROM alarms";
    assert_eq!(app.other().values(raised).len(), 1);

    app.square.faults(|faults| faults.clear());
    app.census_all().await;

    assert_eq!(alarm(&app), None);
    assert_eq!(gone(&app), [format!("{} not_found", ids[0])]);
}

async fn half_a_list_is_not_believed(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 130).await;
    app.square.delete(&ids[1]);
    drop_webhooks(&mut app);
    app.square
        .faults(|faults| faults.chance(Fault::HalfIndex, 1.0));

    app.census_all().await;

    assert_fired(&app, Fault::HalfIndex);
    assert!(alarm(&app).unwrap().contains("not whole"));
    assert_eq!((gone(&app), bulk_retrieves(&app)), (Vec::new(), 0));
    app.square.faults(|faults| faults.clear());
    app.census_all().await;
    assert_eq!((gone(&app).len(), alarm(&app)), (1, None));
}

async fn a_list_without_some_of_its_windows_is_not_believed(db: TestDb) {
    let many = Options {
        customers: 2100,
        ..options()
    };
    let mut app = App::with(db, many, false).await;
    // The whole is counted, and then nobody is in its parts.
    app.square
        .faults(|faults| faults.after(Fault::EmptyIndex, 1, u32::MAX));

    app.census_all().await;

    assert_fired(&app, Fault::EmptyIndex);
    let words = alarm(&app).unwrap();
    assert!(
        words.starts_with("2000 of 2100 customers are missing"),
        "{words}"
    );
    assert!(words.contains("no more than 42 may go"), "{words}");
    assert!(words.contains("squaresync sync --approve"), "{words}");
    assert_eq!((gone(&app), bulk_retrieves(&app)), (Vec::new(), 0));
    app.square.faults(|faults| faults.clear());
    app.census_all().await;
    assert_eq!((gone(&app), alarm(&app)), (Vec::new(), None));
    assert_eq!(app.census.found().listed, 2100);
}

async fn a_list_that_breaks_off_is_not_believed(db: TestDb) {
    let mut app = App::new(db).await;
    many(&mut app, 130).await;
    app.square
        .faults(|faults| faults.chance(Fault::ExpiredCursor, 1.0));

    app.census_all().await;

    assert_fired(&app, Fault::ExpiredCursor);
    assert!(alarm(&app).unwrap().contains("breaks off"));
    assert_eq!((gone(&app), bulk_retrieves(&app)), (Vec::new(), 0));
}

async fn a_list_that_never_ends_is_not_believed(db: TestDb) {
    let mut app = App::new(db).await;
    many(&mut app, 3).await;
    app.square
        .faults(|faults| faults.chance(Fault::EmptyPage, 1.0));

    app.census_all().await;

    assert_fired(&app, Fault::EmptyPage);
    assert!(alarm(&app).unwrap().contains("breaks off"));
    assert_eq!((gone(&app), bulk_retrieves(&app)), (Vec::new(), 0));
}

async fn short_and_empty_pages_and_cursors_that_end_hide_nobody(db: TestDb) {
    let mut app = App::new(db).await;
    let ids = many(&mut app, 230).await;
    app.square.delete(&ids[100]);
    drop_webhooks(&mut app);
    app.square.faults(|faults| {
        faults.chance(Fault::ShortPage, 0.3);
        faults.next(Fault::EmptyPage, 2);
        faults.after(Fault::ExpiredCursor, 2, 2);
    });

    app.census_all().await;

    for fault in [Fault::ShortPage, Fault::EmptyPage, Fault::ExpiredCursor] {
        assert_fired(&app, fault);
    }
    assert_eq!(gone(&app), [format!("{} not_found", ids[100])]);
    assert_eq!((app.census.found().missing, alarm(&app)), (1, None));
}

async fn a_late_list_hides_nobody(db: TestDb) {
    let late = Options {
        index_lag: Duration::from_secs(60),
        ..options()
    };
    let mut app = App::with(db, late, false).await;
    for number in 0..40 {
        app.square
            .create(&json!({"given_name": format!("C{number}")}));
    }
    app.deliver_all().await;

    app.census_all().await;

    let found = app.census.found();
    assert_eq!((found.listed, found.missing, found.left_out), (0, 40, 0));
    assert_eq!((gone(&app), alarm(&app)), (Vec::new(), None));
    app.assert_equal();
}

async fn a_list_that_left_somebody_out_raises_an_alarm(db: TestDb) {
    let mut app = App::new(db).await;
    many(&mut app, 2).await;
    app.advance(Duration::from_secs(7200)).await;
    for _ in 0..3 {
        app.square.create(&json!({"given_name": "Left out"}));
    }
    app.deliver_all().await;
    app.advance(Duration::from_secs(15 * 60)).await;
    let (began, asked) = (mark(&app), bulk_retrieves(&app));
    app.square.set_index_lag(Duration::from_secs(3600));

    app.census_all().await;

    let found = app.census.found();
    assert_eq!((found.missing, found.left_out), (3, 3));
    assert!(
        alarm(&app)
            .unwrap()
            .contains("left out 3 customers that it has")
    );
    assert_eq!((gone(&app), bulk_retrieves(&app)), (Vec::new(), asked + 1));
    // That is no failure.
    assert!(began < mark(&app));
    app.assert_equal();
    app.square.set_index_lag(LAG);
    app.census_all().await;
    assert_eq!((app.census.found().missing, alarm(&app)), (0, None));
}

async fn a_profile_that_cannot_be_read_spoils_no_list(db: TestDb) {
    let mut app = App::new(db).await;
    app.square.create(&json!({"given_name": "Nobody\0"}));
    let ids = many(&mut app, 230).await;
    app.square.delete(&ids[7]);
    drop_webhooks(&mut app);
    let searches = |app: &App| {
        let calls = app.square.calls();
        calls
            .iter()
            .filter(|call| call.path.ends_with("/search"))
            .count()
    };
    let before = searches(&app);

    app.census_all().await;

    // No page is read twice in search of somebody who was there.
    assert_eq!(searches(&app), before + 3);
    assert_eq!(alarm(&app), None);
    assert_eq!(gone(&app), [format!("{} not_found", ids[7])]);
}
