//! What keeps `serve` from working: it says what, and does what can be done.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::{Access, Options, Simulator};

use super::sender::event;
use super::{options, ready, rows, settled, square};
use crate::receive::wire::ask;
use crate::support::process::{KEY, LONG, NAME, Setup, URL, passed, until};
use crate::support::{OtherProgram, TestDb, each, on_each_database};

on_each_database! {
    an_address_that_is_taken_is_named,
    all_missing_settings_are_named_at_once,
    the_database_of_another_seller_is_left_alone,
    the_database_of_another_environment_is_left_alone,
    webhooks_wait_while_square_cannot_be_reached,
    a_refused_token_is_shown_and_square_left_alone,
}

async fn an_address_that_is_taken_is_named(db: TestDb) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let setup = Setup::new(&db, &square()).with("SQUARESYNC_LISTEN", &address);

    let ended = setup.run(&["serve"]).await;

    assert_eq!(ended.code, Some(1));
    let told = format!("squaresync: SQUARESYNC_LISTEN: {address} cannot be listened on: ");
    assert!(ended.stderr.contains(&told), "{}", ended.stderr);
}

async fn all_missing_settings_are_named_at_once(db: TestDb) {
    let ended = Setup::bare(&db).run(&["serve"]).await;

    assert_eq!(ended.code, Some(2));
    for setting in [
        "SQUARE_ACCESS_TOKEN",
        "SQUARE_WEBHOOK_SIGNATURE_KEY",
        "SQUARE_WEBHOOK_URL",
    ] {
        let told = format!("{setting} is missing");
        assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    }
    assert_eq!(ended.stderr.matches("squaresync: ").count(), 1);
}

async fn the_database_of_another_seller_is_left_alone(db: TestDb) {
    let (first, other) = (square(), "ANOTHERSELLER".to_owned());
    first.create(&json!({"given_name": NAME}));
    Setup::new(&db, &first).report("sync").await;
    let second = Simulator::start(Options {
        merchant_id: other.clone(),
        customers: 3,
        ..options()
    })
    .unwrap();
    let before = contents(&db);

    for command in ["serve", "sync", "backfill", "push"] {
        let ended = Setup::new(&db, &second).run(&[command]).await;

        assert_eq!(ended.code, Some(1), "{command}");
        for seller in [&first.merchant_id, &other] {
            assert!(ended.stderr.contains(seller), "{}", ended.stderr);
        }
    }
    assert_eq!(contents(&db), before);
}

async fn the_database_of_another_environment_is_left_alone(db: TestDb) {
    let square = square();
    square.create(&json!({"given_name": NAME}));
    let setup = Setup::new(&db, &square);
    setup.report("sync").await;
    let before = contents(&db);
    let production = setup.with("SQUARE_ENVIRONMENT", "production");

    for command in ["serve", "sync", "backfill", "push"] {
        let ended = production.run(&[command]).await;

        assert_eq!(ended.code, Some(1), "{command}: {}", ended.stderr);
        let told = "this database was made with SQUARE_ENVIRONMENT=sandbox and is now opened with production";
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
    assert_eq!(contents(&db), before);
}

/// All that a stranger could have changed.
fn contents(db: &TestDb) -> Vec<Option<String>> {
    OtherProgram::new(db).values(
        "SELECT merchant_id || ' ' || environment || ' ' || coalesce(refusal, '-') AS value FROM sellers \
         UNION ALL SELECT id || ' ' || coalesce(square_id, '-') || ' ' || updated_at FROM customers \
         UNION ALL SELECT square_id || ' ' || profile FROM images \
         UNION ALL SELECT merchant_id || ' ' || name || ' ' || reached_at FROM marks \
         UNION ALL SELECT merchant_id || ' ' || name || ' ' || holder || ' ' || expires_at FROM leases \
         UNION ALL SELECT event_id FROM inbox",
    )
}

async fn webhooks_wait_while_square_cannot_be_reached(db: TestDb) {
    // Nobody listens there until the simulator does.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let listen = free.unwrap();
    let before = square();
    let id = before.create(&json!({"given_name": NAME}));
    let body = event(
        &before,
        "E1",
        "customer.created",
        &before.customer(&id).unwrap(),
    );
    let setup = Setup::new(&db, &before).with("SQUARE_API_URL", format!("http://{listen}"));
    let (_serve, address) = setup.serve().await;

    assert_eq!(ask(address, &signed(&body)).await.status, 200);
    assert_eq!(
        OtherProgram::new(&db).count("inbox WHERE state = 'waiting'"),
        1
    );
    let (status, report) = ready(address).await;
    assert_eq!((status, &report["seller"]), (200, &json!("unknown")));
    let _square = Simulator::start(Options {
        listen,
        ..options()
    })
    .unwrap();

    rows(&db, "inbox WHERE state = 'applied'", 1).await;
    rows(&db, &format!("customers WHERE square_id = '{id}'"), 1).await;
    assert_eq!(ready(address).await.1["seller"], "known");
}

/// A delivery as Square makes it.
pub(super) fn signed(body: &str) -> Vec<u8> {
    use squaresync::square::signature::{NotificationUrl, SigningKey, sign};
    let key = SigningKey::parse(KEY).unwrap();
    let signature = sign(&NotificationUrl::parse(URL).unwrap(), &key, body.as_bytes());
    let headers = [("x-square-hmacsha256-signature", signature.as_str())];
    crate::receive::wire::request("POST /webhooks/square", &headers, body.as_bytes())
}

async fn a_refused_token_is_shown_and_square_left_alone(db: TestDb) {
    let square = square();
    let setup = Setup::new(&db, &square);
    let (_serve, address) = setup.serve().await;
    rows(&db, "marks WHERE name = 'updated'", 1).await;
    let mut other = OtherProgram::new(&db);

    square.faults(|faults| faults.access = Access::Revoked);
    rows(&db, "sellers WHERE refusal = 'ACCESS_TOKEN_REVOKED'", 1).await;

    let calls = square.calls().len();
    let insert = format!("INSERT INTO customers (given_name) VALUES ('{NAME}')");
    other.run(&insert).unwrap();
    let status = setup.report("status").await;
    assert_eq!(
        status["sellers"][0]["refusal"]["code"],
        "ACCESS_TOKEN_REVOKED"
    );
    let (code, report) = ready(address).await;
    assert_eq!(code, 200);
    let told = report["square"].as_str().unwrap();
    assert!(
        told.starts_with("refused: ACCESS_TOKEN_REVOKED since "),
        "{told}"
    );
    // Several times the pause between passes.
    passed(Duration::from_secs(3)).await;
    let calls = square.calls().len() - calls;
    assert!(calls <= 1, "{calls} calls with a refused token");

    // A token that is good at the start is no longer said to be refused.
    square.faults(|faults| faults.access = Access::Granted);
    setup.report("sync").await;
    assert_eq!(
        setup.report("status").await["sellers"][0]["refusal"],
        json!(null)
    );
}

#[test]
#[ignore = "takes the minute for which Square is left alone"]
fn a_service_goes_on_once_its_token_is_good_again() {
    each::run(crate::support::Kind::Sqlite, async |db| {
        let square = square();
        let (_serve, address) = Setup::new(&db, &square).serve().await;
        rows(&db, "marks WHERE name = 'updated'", 1).await;
        square.faults(|faults| faults.access = Access::Expired);
        rows(&db, "sellers WHERE refusal IS NOT NULL", 1).await;
        OtherProgram::new(&db)
            .run("INSERT INTO customers (given_name) VALUES ('Bob')")
            .unwrap();

        square.faults(|faults| faults.access = Access::Granted);

        let told = || "it is still refused".to_owned();
        until(2 * LONG, told, || {
            let refused = OtherProgram::new(&db).count("sellers WHERE refusal IS NOT NULL");
            (refused == 0 && square.len() == 1).then_some(())
        })
        .await;
        settled(&db, &square).await;
        assert_eq!(ready(address).await.1["square"], "ok");
    });
}
