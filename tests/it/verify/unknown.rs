//! Where not all could be seen nobody is told that both sides are equal.

use serde_json::{Value, json};
use squaresync::square::simulator::{Access, Fault, Options, Simulator};

use super::{OLD, PATIENCE, Shop};
use crate::support::process::{Setup, TOKEN};
use crate::support::{Kind, OtherProgram, TestDb, each, on_each_database};

on_each_database! {
    a_list_that_is_not_whole_proves_nothing,
    windows_that_are_empty_although_they_count_prove_nothing,
    a_refused_token_proves_nothing_and_is_not_written_down,
    ids_without_an_answer_prove_nothing,
    a_profile_that_cannot_be_read_proves_nothing,
    the_database_of_another_seller_is_not_compared,
    a_database_that_is_not_there_is_not_made,
}

/// What is said where it could not be told.
async fn reason(shop: &Shop) -> String {
    let (code, report) = shop.verify().await;
    assert_eq!(
        (code, &report["verdict"]),
        (4, &json!("could not tell")),
        "{report}"
    );
    let reasons: Vec<&str> = report["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    reasons.join(" ")
}

async fn a_list_that_is_not_whole_proves_nothing(db: TestDb) {
    let many = Options {
        customers: 130,
        ..Options::default()
    };
    let shop = Shop::with(db, many).await;
    for (fault, told) in [
        (
            Fault::EmptyIndex,
            "leaves out customers that Square shows when asked for their id: 130.",
        ),
        (
            Fault::HalfIndex,
            "holds fewer customers than Square counts.",
        ),
        (
            Fault::ExpiredCursor,
            "holds fewer customers than Square counts.",
        ),
    ] {
        shop.app.square.faults(|faults| faults.chance(fault, 1.0));

        let reason = reason(&shop).await;

        assert!(reason.contains(told), "{fault}: {reason}");
        assert_ne!(shop.app.square.fired(fault), 0);
        shop.app.square.faults(|faults| faults.clear());
    }
    assert_eq!(shop.listed().await, (0, json!({})));
}

async fn windows_that_are_empty_although_they_count_prove_nothing(db: TestDb) {
    let many = Options {
        customers: 2100,
        ..Options::default()
    };
    let shop = Shop::with(db, many).await;
    // One without a single row here has nobody to ask for by id.
    let other = TestDb::new(shop.app.db.kind());
    let setup = Setup::new(&other, &shop.app.square);
    setup.report("migrate").await;
    // The whole is counted, and then its halves are empty, but for the last count.
    shop.app
        .square
        .faults(|faults| faults.after(Fault::EmptyIndex, 1, 2));

    let ended = setup.run(&["verify", "--json"]).await;

    let report = ended.object();
    assert_eq!(shop.app.square.fired(Fault::EmptyIndex), 2);
    assert_eq!(ended.code, Some(4), "{}", report["reasons"]);
    assert_eq!(
        report["reasons"],
        json!(["Square's list holds fewer customers than Square counts."])
    );
}

async fn a_refused_token_proves_nothing_and_is_not_written_down(db: TestDb) {
    let mut shop = Shop::new(db).await;
    shop.known(json!({})).await;
    shop.app
        .square
        .faults(|faults| faults.access = Access::Revoked);

    assert!(reason(&shop).await.contains("ACCESS_TOKEN_REVOKED"));

    shop.app
        .square
        .faults(|faults| faults.access = Access::NoScopes);
    assert!(reason(&shop).await.contains("INSUFFICIENT_SCOPES"));
}

async fn ids_without_an_answer_prove_nothing(db: TestDb) {
    let mut shop = Shop::new(db).await;
    shop.known(json!({"given_name": null, "note": "hidden"}))
        .await;
    shop.app.advance(OLD).await;
    shop.app
        .square
        .faults(|faults| faults.chance(Fault::MissingBulkKey, 1.0));

    assert!(
        reason(&shop)
            .await
            .contains("no answer that can be relied on for some ids: 1.")
    );

    shop.app.square.faults(|faults| faults.clear());
    shop.app
        .square
        .faults(|faults| faults.next(Fault::MissingBulkKey, 1));
    assert_eq!(shop.listed().await, (0, json!({})));
    assert!(1 < shop.app.square.fired(Fault::MissingBulkKey));
}

async fn a_profile_that_cannot_be_read_proves_nothing(db: TestDb) {
    let mut shop = Shop::new(db).await;
    shop.unknown(json!({"note": 7}));
    shop.unheard().await;

    assert!(
        reason(&shop)
            .await
            .contains("customers that cannot be read")
    );
}

async fn the_database_of_another_seller_is_not_compared(db: TestDb) {
    let shop = Shop::new(db).await;
    let other = Simulator::start(Options {
        token: TOKEN.to_owned(),
        merchant_id: "ANOTHERSELLER".to_owned(),
        ..Options::default()
    })
    .unwrap();

    let before = shop.app.dump();

    for arguments in [&["verify", "--json"][..], &["verify", "--repair", "--json"]] {
        let ended = Setup::new(&shop.app.db, &other).run(arguments).await;

        assert_eq!(ended.code, Some(4));
        let reason = ended.object().to_string();
        let ours = &shop.app.square.merchant_id;
        let told = format!("this database belongs to seller {ours}");
        assert!(reason.contains(&told), "{reason}");
        assert!(reason.contains("ANOTHERSELLER"), "{reason}");
    }
    assert_eq!(shop.app.dump(), before);
}

async fn a_database_that_is_not_there_is_not_made(db: TestDb) {
    let shop = Shop::new(TestDb::new(db.kind())).await;
    let setup = Setup::new(&db, &shop.app.square);

    let ended = setup.run(&["verify", "--json"]).await;

    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    match db.kind() {
        Kind::Sqlite => {
            let path = db.url().trim_start_matches("sqlite:").to_owned();
            assert!(!std::fs::exists(path).unwrap());
        }
        Kind::Postgres => {
            let tables = "pg_tables WHERE schemaname = current_schema()";
            assert_eq!(OtherProgram::new(&db).count(tables), 0);
        }
    }
}

#[test]
fn a_square_that_does_not_answer_proves_nothing() {
    each::run_within(PATIENCE, Kind::Sqlite, async |db: TestDb| {
        let mut shop = Shop::new(db).await;
        shop.known(json!({})).await;
        shop.app.square.stop().await;

        let ended = shop.setup.start(&["verify"]).end(PATIENCE).await;

        assert_eq!(ended.code, Some(4), "{}", ended.stdout);
        let last = "It could not be told whether the sides are equal.";
        assert_eq!(ended.stdout.lines().last(), Some(last));
        assert!(
            ended
                .stdout
                .contains("Square could not answer now (connection)")
        );
    });
}
