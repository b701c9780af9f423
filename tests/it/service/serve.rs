//! `serve` at work: changes go both ways, and it ends as it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::sender::Sender;
use super::{ready, rows, settled, square, webhooks};
use crate::support::process::{LONG, NAME, Setup, until};
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    what_square_tells_is_a_row,
    what_another_program_inserts_is_at_square_within_two_seconds,
    there_is_a_worker_for_each_core,
    sigterm_ends_it_and_what_was_answered_is_kept,
    sigint_ends_it_too,
    it_ends_while_square_is_silent,
    it_is_private_whatever_the_umask,
}

/// How long a service may take to end.
const END: Duration = Duration::from_secs(10);

async fn what_square_tells_is_a_row(db: TestDb) {
    let square = square();
    // Nothing but webhooks may bring the row.
    let setup = Setup::new(&db, &square).with("SQUARESYNC_RECONCILE_EVERY", "1h");
    let (_serve, address) = setup.serve().await;
    rows(&db, "marks WHERE name = 'updated'", 1).await;
    square.post_to(webhooks(address));

    let id = square.create(&json!({"given_name": NAME}));
    rows(&db, &format!("customers WHERE square_id = '{id}'"), 1).await;
    assert!(square.update(&id, &json!({"given_name": format!("{NAME} II")})));

    settled(&db, &square).await;
    let (status, report) = ready(address).await;
    assert_eq!((status, &report["seller"]), (200, &json!("known")));
}

async fn what_another_program_inserts_is_at_square_within_two_seconds(db: TestDb) {
    let square = square();
    let (_serve, _) = Setup::new(&db, &square).serve().await;
    rows(&db, "sellers", 1).await;
    let mut other = OtherProgram::new(&db);

    other
        .run(&format!(
            "INSERT INTO customers (given_name) VALUES ('{NAME}')"
        ))
        .unwrap();

    let told = || "it is not at Square".to_owned();
    until(Duration::from_secs(2), told, || {
        (square.len() == 1).then_some(())
    })
    .await;
    settled(&db, &square).await;
}

/// The threads of actix that verify and read webhooks.
async fn there_is_a_worker_for_each_core(db: TestDb) {
    let square = square();
    let (serve, _) = Setup::new(&db, &square).serve().await;
    let cores = std::thread::available_parallelism().unwrap().get();

    let workers = || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", serve.process())).unwrap();
        // One that has ended meanwhile has no name.
        let names =
            threads.filter_map(|it| std::fs::read_to_string(it.ok()?.path().join("comm")).ok());
        names
            .filter(|name| name.starts_with("actix-server wo"))
            .count()
    };
    let told = || format!("{} workers", workers());
    until(LONG, told, || (workers() == cores).then_some(())).await;
}

async fn sigterm_ends_it_and_what_was_answered_is_kept(db: TestDb) {
    let square = Arc::new(square());
    let (serve, address) = Setup::new(&db, &square).serve().await;
    let sender = Sender::start(&square);
    sender.send_to(address);
    sender.has_sent(100).await;

    serve.signal("TERM");

    let began = Instant::now();
    let ended = serve.end(END).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    eprintln!("ended {:?} after SIGTERM", began.elapsed());
    let answers = sender.stop().await;
    assert_eq!(answers.lost(&db), [""; 0]);
}

async fn sigint_ends_it_too(db: TestDb) {
    let square = square();
    let (serve, _) = Setup::new(&db, &square).serve().await;

    serve.signal("INT");

    assert_eq!(serve.end(END).await.code, Some(0));
}

async fn it_ends_while_square_is_silent(db: TestDb) {
    let square = square();
    square.faults(|faults| faults.latency = Duration::from_secs(3600));
    let (serve, address) = Setup::new(&db, &square).serve().await;
    assert_eq!(ready(address).await.0, 200);

    serve.signal("TERM");

    assert_eq!(serve.end(END / 2).await.code, Some(0));
}

async fn it_is_private_whatever_the_umask(db: TestDb) {
    let url = db.url();
    let Some(path) = url.strip_prefix("sqlite:") else {
        return;
    };
    let square = square();
    let serve = Setup::new(&db, &square).start_after("umask 000", &["serve"]);
    serve.address().await;
    rows(&db, "sellers", 1).await;

    for file in ["", "-wal", "-shm"].map(|end| format!("{path}{end}")) {
        let found = std::fs::metadata(&file).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions());
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
