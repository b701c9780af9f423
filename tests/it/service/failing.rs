//! A disk that fails for a while under webhooks: nothing is answered 200 that
//! is not stored, and once the disk works the service does, without anybody.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use squaresync::square::simulator::Simulator;

use super::disk::skip;
use super::sender::Sender;
use super::strace::Injected;
use super::{options, ready, settled};
use crate::support::process::{LONG, Setup, passed, until};
use crate::support::{Kind, OtherProgram, TestDb, each};

/// How soon a service is ready again once its disk works.
const RECOVERY: Duration = Duration::from_secs(5);

/// What cannot be written down any more.
const SYNCS: &str = "fsync,fdatasync";
const WRITES: &str = "write,pwrite64";

#[test]
fn a_sync_that_fails_is_no_commit() {
    fail(SYNCS, "EIO");
}

#[test]
fn a_write_that_fails_is_no_commit() {
    fail(WRITES, "EIO");
}

#[test]
fn a_disk_that_is_read_only_for_a_while_is_waited_for() {
    fail(WRITES, "EROFS");
}

#[test]
fn a_disk_without_space_for_a_while_is_waited_for() {
    fail(WRITES, "ENOSPC");
}

fn fail(calls: &'static str, error: &'static str) {
    if let Err(reason) = Injected::is_possible() {
        return skip(&format!("{error} of {calls} needs strace"), &reason);
    }
    each::run(Kind::Sqlite, move |db| fail_for_a_while(db, calls, error));
}

async fn fail_for_a_while(db: TestDb, calls: &str, error: &str) {
    let square = Arc::new(Simulator::start(options()).unwrap());
    let (mut serve, address) = Setup::new(&db, &square).serve().await;
    let sender = Sender::start(&square);
    sender.send_to(address);
    sender.has_sent(100).await;

    // Only what is written to the database, and not what is said to the network.
    let paths = if calls == WRITES { files(&db) } else { vec![] };
    let injected = Injected::start(&serve, calls, error, &paths).await;
    let told = || format!("{} hits, {}", injected.hits(), serve.stderr());
    until(LONG, told, || (3 < injected.hits()).then_some(())).await;
    nothing_is_kept(&sender, address).await;
    let hits = injected.stop();

    let recovery = recovery(&sender, address).await;
    let answers = sender.stop().await;
    eprintln!(
        "{error}: {hits} calls failed, {} events turned away, {} answered 200, ready after {recovery:?}",
        answers.later,
        answers.kept.len()
    );
    assert!(!serve.has_ended());
    if error == "EIO" {
        // Before anything was answered again.
        assert!(serve.stderr().contains("was checked after the disk failed"));
    }
    assert_eq!(answers.lost(&db), [""; 0]);
    assert_whole(&db);
    settled(&db, &square).await;
}

fn files(db: &TestDb) -> Vec<PathBuf> {
    let url = db.url();
    let path = url.trim_start_matches("sqlite:");
    ["", "-wal"].map(|end| format!("{path}{end}").into()).into()
}

/// While no commit works, no answer says that one did.
pub(super) async fn nothing_is_kept(sender: &Sender, address: SocketAddr) {
    // Answers to what was committed just before are on their way until the first that are not 200.
    refused_more(sender, 12).await;
    let kept = sender.answers().kept.len();
    refused_more(sender, 20).await;
    // What was asked a moment ago is answered once more.
    passed(Duration::from_millis(600)).await;
    assert_eq!(ready(address).await.0, 503);
    assert_eq!(sender.answers().kept.len(), kept, "answered 200 meanwhile");
}

/// Waits until so many more webhooks were turned away.
async fn refused_more(sender: &Sender, count: usize) {
    let later = sender.answers().later;
    let told = || {
        let answers = sender.answers();
        let (now, kept) = (answers.later, answers.kept.len());
        format!("{now} webhooks were turned away, {later} before; {kept} are kept")
    };
    let look = || (later + count < sender.answers().later).then_some(());
    until(LONG, told, look).await;
}

/// How long it takes until commits work again.
pub(super) async fn recovery(sender: &Sender, address: SocketAddr) -> Duration {
    let (began, kept) = (Instant::now(), sender.answers().kept.len());
    while ready(address).await.0 != 200 {
        assert!(began.elapsed() < RECOVERY, "it is not ready again");
        passed(Duration::from_millis(50)).await;
    }
    let took = began.elapsed();
    sender.has_sent(kept + 100).await;
    took
}

pub(super) fn assert_whole(db: &TestDb) {
    let check = "SELECT integrity_check AS value FROM pragma_integrity_check";
    let found = OtherProgram::new(db).values(check);
    assert_eq!(found, [Some("ok".to_owned())]);
}
