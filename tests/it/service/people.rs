//! The commands by which people look after dead events and conflicts, by the
//! true binary, alone and beside a running `serve`.

use serde_json::{Value, json};
use squaresync::square::simulator::Simulator;

use super::{rows, settled, square};
use crate::receive::wire::ask;
use crate::service::sender::event;
use crate::service::trouble::signed;
use crate::support::process::{Ended, KEY, NAME, Setup};
use crate::support::{Kind, OtherProgram, TestDb, on_each_database};

on_each_database! {
    dead_events_are_listed_shown_retried_and_dropped,
    a_retry_works_beside_a_running_service,
    conflicts_are_listed_shown_and_resolved_beside_a_running_service,
    without_a_database_nothing_is_made,
}

/// A customer's data that only `show` may say: NAME nothing may.
const CANARY: &str = "Canarybob";

/// A command that has to exit like this and say nothing of a customer.
async fn told(setup: &Setup, arguments: &[&str], code: i32) -> Ended {
    let ended = setup.run(arguments).await;
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {said}");
    assert!(!said.contains(CANARY), "{arguments:?}: {said}");
    ended
}

/// Marks the events of these ids as an older program left them.
fn bury(db: &TestDb, ids: &str) {
    let bury = format!(
        "UPDATE inbox SET state = 'dead', reason = 'too new', event_type = NULL WHERE event_id IN ({ids})"
    );
    OtherProgram::new(db).run(&bury).unwrap();
}

/// Events in a file: E1 and E2 of customers, and one that nobody can read.
fn recorded(square: &Simulator) -> tempfile::NamedTempFile {
    let mut lines = String::new();
    for id in ["E1", "E2"] {
        let customer = square.create(&json!({"given_name": CANARY}));
        let customer = square.customer(&customer).unwrap();
        lines += &format!("{}\n", event(square, id, "customer.created", &customer));
    }
    lines += &format!(
        r#"{{"event_id":"E0","merchant_id":"M","type":"customer.created","data":"{CANARY}"}}"#
    );
    let file = tempfile::NamedTempFile::with_suffix(".jsonl").unwrap();
    std::fs::write(file.path(), lines).unwrap();
    file
}

async fn dead_events_are_listed_shown_retried_and_dropped(db: TestDb) {
    let square = square();
    let setup = Setup::new(&db, &square);
    setup.report("sync").await;
    let file = recorded(&square);
    told(&setup, &["replay", file.path().to_str().unwrap()], 0).await;
    bury(&db, "'E1', 'E2'");
    let alone = Setup::bare(&db);

    let list = told(&alone, &["dead", "list", "--json"], 0).await.object();
    let words = told(&alone, &["dead", "list"], 0).await.stdout;
    let of = |id: &str| {
        let mut events = list["events"].as_array().unwrap().iter();
        events.find(|event| event["event_id"] == id).unwrap()["number"].to_string()
    };
    assert_eq!(list["events"].as_array().unwrap().len(), 3);
    assert!(words.contains("E1") && words.contains("too new"), "{words}");
    assert_eq!(alone.report("status").await["inbox"]["dead"], 3);
    for word in ["dead list", "dead retry --all"] {
        assert!(told(&alone, &["status"], 0).await.stdout.contains(word));
    }
    for json in [&["--json"][..], &[]] {
        let number = of("E1");
        let arguments = [&["dead", "show", &number][..], json].concat();
        let shown = alone.run(&arguments).await;
        assert!(shown.code == Some(0) && shown.stdout.contains(CANARY));
        assert!(!shown.stderr.contains(CANARY));
    }

    let one = told(&alone, &["dead", "retry", &of("E1"), "--json"], 0)
        .await
        .object();
    assert_eq!(one["events"][0]["state"], "superseded");
    let all = told(&alone, &["dead", "retry", "--all", "--json"], 1)
        .await
        .object();
    assert_eq!(
        (all["events"].as_array().unwrap().len(), &all["still_dead"]),
        (2, &json!(1))
    );
    let words = told(&alone, &["dead", "retry", &of("E0")], 1).await.stdout;
    assert!(
        words.contains("still dead") && words.contains("data is not an object"),
        "{words}"
    );
    for command in ["show", "retry", "drop"] {
        for (number, reason) in [
            ("999", "there is no event 999"),
            (&*of("E1"), "is not dead"),
        ] {
            let refused = told(&alone, &["dead", command, number], 1).await;
            assert!(refused.stderr.contains(reason), "{}", refused.stderr);
        }
    }
    told(&alone, &["dead", "drop", &of("E0")], 0).await;
    let words = told(&alone, &["dead", "list"], 0).await.stdout;
    assert_eq!(words, "No event is dead.\n");
    told(&alone, &["dead", "retry", "--all"], 0).await;
    told(&alone, &["dead", "drop", "--all"], 0).await;
}

async fn a_retry_works_beside_a_running_service(db: TestDb) {
    let square = square();
    let setup = Setup::new(&db, &square);
    let (serve, address) = setup.serve().await;
    rows(&db, "marks WHERE name = 'updated'", 1).await;
    let customer = json!({"id": "OFNOBODY", "version": 0, "given_name": CANARY});
    let body = event(&square, "E1", "customer.created", &customer);
    let poisoned = body.replace("\"version\":0", "\"version\":\"none\"");
    assert_ne!(body, poisoned);
    assert_eq!(ask(address, &signed(&poisoned)).await.status, 200);
    rows(&db, "inbox WHERE state = 'dead'", 1).await;
    told(&setup, &["dead", "retry", "--all"], 1).await;
    // As if this program could not read what it can.
    let hex: String = body.bytes().map(|byte| format!("{byte:02x}")).collect();
    let bytes = match db.kind() {
        Kind::Sqlite => format!("X'{hex}'"),
        Kind::Postgres => format!("decode('{hex}', 'hex')"),
    };
    let mut other = OtherProgram::new(&db);
    other
        .run(&format!("UPDATE inbox SET body = {bytes}"))
        .unwrap();

    told(&setup, &["dead", "retry", "--all"], 0).await;

    assert_eq!(other.count("customers WHERE square_id = 'OFNOBODY'"), 1);
    assert_eq!(other.count("inbox WHERE state = 'applied'"), 1);
    assert!(!serve.stderr().contains(CANARY));
}

/// A conflict about the only customer, as a rule decided it. Gives its number.
fn entered(db: &TestDb) -> String {
    let mut other = OtherProgram::new(db);
    let enter = format!(
        "INSERT INTO conflicts (merchant_id, customer_id, square_id, field, base_value, square_value, local_value, \
         rule, candidates, taken, state, found_at) SELECT merchant_id, id, square_id, 'nickname', '{CANARY}', 'Bee', \
         '{CANARY}', 'square', '[]', 'square', 'decided', '2026-01-02 03:04:05' FROM customers"
    );
    other.run(&enter).unwrap();
    let number = other.values("SELECT seq AS value FROM conflicts");
    number[0].clone().unwrap()
}

async fn conflicts_are_listed_shown_and_resolved_beside_a_running_service(db: TestDb) {
    let square = square();
    let id = square.create(&json!({"given_name": "Ann", "nickname": "Bee"}));
    let setup = Setup::new(&db, &square);
    let (serve, _) = setup.serve().await;
    rows(&db, "customers WHERE sync_state = 'synced'", 1).await;
    let number = entered(&db);

    let open = told(&setup, &["conflicts", "list"], 0).await.stdout;
    assert_eq!(open, "No conflict waits for a person.\n");
    let all = told(&setup, &["conflicts", "list", "--all", "--json"], 0)
        .await
        .object();
    assert_eq!(all["conflicts"][0]["field"], "nickname");
    let words = told(&setup, &["conflicts", "list", "--all"], 0)
        .await
        .stdout;
    assert!(words.contains("rule square"), "{words}");
    assert_eq!(
        setup.report("status").await["conflicts"],
        json!({"open": 0})
    );
    for json in [&["--json"][..], &[]] {
        let arguments = [&["conflicts", "show", &number][..], json].concat();
        let shown = setup.run(&arguments).await;
        assert!(shown.code == Some(0) && shown.stdout.contains(CANARY));
    }
    let resolve = ["conflicts", "resolve", &number, "--take", "local", "--json"];
    let resolved: Value = told(&setup, &resolve, 0).await.object();
    assert_eq!(
        (&resolved["taken"], &resolved["written"]),
        (&json!("local"), &json!(true))
    );

    settled(&db, &square).await;
    rows(&db, "customers WHERE sync_state = 'synced'", 1).await;
    assert_eq!(square.customer(&id).unwrap()["nickname"], CANARY);
    let again = told(&setup, &resolve, 1).await;
    assert!(
        again.stderr.contains("is resolved already"),
        "{}",
        again.stderr
    );
    for arguments in [&["show", "999"][..], &["resolve", "999", "--take", "local"]] {
        let arguments = [&["conflicts"], arguments].concat();
        let unknown = told(&setup, &arguments, 1).await;
        assert!(
            unknown.stderr.contains("there is no conflict 999"),
            "{}",
            unknown.stderr
        );
    }
    for canary in [CANARY, NAME, KEY] {
        assert!(!serve.stderr().contains(canary));
    }
}

async fn without_a_database_nothing_is_made(db: TestDb) {
    if db.kind() == Kind::Postgres {
        return;
    }
    let setup = Setup::bare(&db);
    for arguments in [&["dead", "list"], &["conflicts", "list"]] {
        let refused = told(&setup, arguments, 1).await;
        assert!(
            refused.stderr.contains("there is no database"),
            "{}",
            refused.stderr
        );
    }
}
