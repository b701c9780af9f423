//! The power is cut while webhooks and another program's rows come in: whatever
//! was answered before that is on the disk. A killed process cannot show this,
//! since the system writes what the process left behind.
//!
//! `SQUARESYNC_POWER_CUTS` makes it longer.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use squaresync::square::simulator::{Options, Simulator};

use super::disk::{Disk, skip};
use super::failing::assert_whole;
use super::inserter::{Inserted, Inserter};
use super::sender::{Answers, Sender};
use super::{options, ready, settled_within};
use crate::support::process::{LONG, Setup, passed, until};
use crate::support::{Kind, OtherProgram, TestDb, each};

/// More than one cut ever takes.
const CUT: Duration = Duration::from_secs(30);
/// How often another program inserts a row.
const INSERT: Duration = Duration::from_millis(10);

#[test]
fn a_power_cut_takes_nothing_that_was_answered() {
    let asked = std::env::var("SQUARESYNC_POWER_CUTS").ok();
    let cuts: u32 = asked.map_or(3, |text| text.parse().unwrap());
    each::run_within(2 * (CUT * cuts + LONG), Kind::Sqlite, move |_| async move {
        match Disk::new() {
            Ok(disk) => cut_often(&disk, cuts).await,
            Err(reason) => skip("a power cut needs a disk of its own", &reason),
        }
    });
}

/// What the cuts came to.
#[derive(Debug, Default)]
struct Totals {
    answered: usize,
    /// Answered 200 while the power went, and not judged.
    racing: usize,
    lost: usize,
    inserted: usize,
    lost_rows: usize,
}

async fn cut_often(disk: &Disk, cuts: u32) {
    let options = Options {
        deliver: false,
        keep_calls: false,
        ..options()
    };
    let square = Arc::new(Simulator::start(options).unwrap());
    let db = TestDb::in_folder(&disk.mounted());
    let setup = Setup::new(&db, &square);
    let sender = Sender::start(&square);
    let mut totals = Totals::default();
    for cut in 0..cuts {
        let (serve, address) = setup.serve().await;
        sender.send_to(address);
        let inserter = Inserter::start(&db, &format!("before cut {cut}"), INSERT);
        let more = sender.answers().kept.len() + 20;
        sender.has_sent(more).await;
        passed(Duration::from_millis(fastrand::u64(50..600))).await;
        let began = cut_power(disk, address, &sender).await;
        serve.kill();
        let inserted = inserter.stop();
        disk.restart();
        totals.count(&db, &mut sender.answers(), &inserted, began);
    }
    eprintln!("{cuts} power cuts: {totals:?}");
    assert!(0 < totals.answered && 0 < totals.inserted);
    assert_eq!((totals.lost, totals.lost_rows), (0, 0));
    drop(sender.stop().await);
    let (_serve, _) = setup.serve().await;
    // One row after the other is sent, each with two commits on a slow disk.
    settled_within(LONG + CUT * cuts, &db, &square).await;
}

/// Cuts the power under a service at work, and gives when that began. What is
/// answered while it goes may be lost: the kernel tells a sync that races with
/// it that all is well.
async fn cut_power(disk: &Disk, address: SocketAddr, sender: &Sender) -> Instant {
    let began = Instant::now();
    disk.cut();

    assert_eq!(ready(address).await.0, 503);
    let later = sender.answers().later;
    let told = || "no webhook was turned away".to_owned();
    let look = || (later < sender.answers().later).then_some(());
    until(LONG, told, look).await;
    began
}

impl Totals {
    /// Counts what a cut took, of all that was answered before it and before earlier ones.
    fn count(&mut self, db: &TestDb, answers: &mut Answers, inserted: &Inserted, cut: Instant) {
        let before = answers.kept.len();
        answers.kept.retain(|_, at| *at < cut);
        self.racing += before - answers.kept.len();
        self.answered = answers.kept.len();
        self.lost += answers.lost(db).len();
        self.inserted += inserted.taken.len();
        self.lost_rows += lost_rows(db, inserted, cut);
        assert_whole(db);
    }
}

/// How many rows that were taken before `end` are not there.
fn lost_rows(db: &TestDb, inserted: &Inserted, end: Instant) -> usize {
    let there = OtherProgram::new(db).values("SELECT given_name AS value FROM customers");
    let there: HashSet<String> = there.into_iter().flatten().collect();
    let taken = inserted.taken.iter().filter(|(_, at)| *at < end);
    taken.filter(|(name, _)| !there.contains(name)).count()
}
