//! No space left for the database: webhooks are turned away, and once there is
//! space again the same process takes them, without anybody.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use squaresync::square::simulator::Simulator;

use super::disk::{Disk, run, skip};
use super::failing::{assert_whole, recovery};
use super::sender::Sender;
use super::{options, ready, rows, settled};
use crate::support::process::{LONG, Running, Setup, passed};
use crate::support::{Kind, TestDb, each};

/// The disk: several times what is written once there is space again.
const SIZE: &str = "64m";

/// How much is left on it when the webhooks begin.
const LEFT: u64 = 1024 * 1024;

#[test]
fn a_full_disk_is_waited_for() {
    let disk = match Disk::small(SIZE) {
        Ok(disk) => disk,
        Err(reason) => return skip("a full disk needs a small one of its own", &reason),
    };
    each::run(Kind::Sqlite, async move |_| {
        let square = Arc::new(Simulator::start(options()).unwrap());
        let db = TestDb::in_folder(&disk.mounted());
        let (serve, address) = Setup::new(&db, &square).serve().await;
        rows(&db, "marks WHERE name = 'updated'", 1).await;
        let filler = disk.mounted().join("filler");
        fill(&filler);
        let free = || std::fs::remove_file(&filler).unwrap();
        no_space(serve, address, &db, &square, free).await;
    });
}

#[test]
fn a_limit_on_the_size_of_files_is_waited_for() {
    each::run(Kind::Sqlite, async |db| {
        let square = Arc::new(Simulator::start(options()).unwrap());
        let setup = Setup::new(&db, &square);
        // In blocks of 512 bytes.
        let serve = setup.start_after("ulimit -S -f 1400", &["serve"]);
        let address = serve.address().await;
        let process = serve.process().to_string();
        let free = || run("prlimit", &["--pid", &process, "--fsize=unlimited:"]).unwrap();
        if let Err(reason) = run("prlimit", &["--pid", &process, "--fsize"]) {
            return skip("a limit on the size of files needs prlimit", &reason);
        }
        no_space(serve, address, &db, &square, free).await;
    });
}

/// Sends webhooks until there is no space for any, makes some, and looks at what was kept.
async fn no_space(
    mut serve: Running,
    address: SocketAddr,
    db: &TestDb,
    square: &Arc<Simulator>,
    free: impl FnOnce(),
) {
    let sender = Sender::start(square);
    sender.send_to(address);
    until_full(&sender, address).await;
    let (kept, later) = {
        let answers = sender.answers();
        (answers.kept.len(), answers.later)
    };

    free();

    let recovery = recovery(&sender, address).await;
    let answers = sender.stop().await;
    eprintln!(
        "no space: {kept} events answered 200, {later} turned away; ready {recovery:?} after there was some, \
         and {} more answered 200",
        answers.kept.len() - kept
    );
    assert!(!serve.has_ended());
    assert_eq!(answers.lost(db), [""; 0]);
    assert_whole(db);
    settled(db, square).await;
}

/// Until nothing is kept for a second and the service says so: what is left
/// may still be enough for a small commit when a large one failed.
async fn until_full(sender: &Sender, address: SocketAddr) {
    let began = Instant::now();
    loop {
        let before = sender.answers().clone();
        passed(Duration::from_secs(1)).await;
        let ready = ready(address).await.0;
        let now = sender.answers().clone();
        if now.kept.len() == before.kept.len() && before.later < now.later && ready == 503 {
            return;
        }
        let told = (now.kept.len(), now.later, ready);
        assert!(began.elapsed() < LONG, "there is still space: {told:?}");
    }
}

/// Takes all the space but what is to be left.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    let mut length = 0;
    while let Ok(written) = file.write(&[0; 4096]) {
        length += u64::try_from(written).unwrap();
    }
    file.set_len(length - LEFT).unwrap();
}
