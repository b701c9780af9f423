//! What the commands that make one pass have in common: the seller found, the
//! flows driven until nothing is left, and what they did in words.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cli::progress::Bar;
use crate::domain::id::MerchantId;
use crate::flows::Step;
use crate::flows::backfill::Backfill;
use crate::flows::census::{Census, Found};
use crate::flows::error::FlowError;
use crate::flows::events::Events;
use crate::flows::push::{Push, Pushed};
use crate::flows::reading::Progress;
use crate::flows::reconcile::Reconcile;
use crate::service::{Flow, Parts, Patience, Watch, clock, fill_the_gap, until_idle};
use crate::store::{customers, outbox};

/// How long calls that Square did not answer are made again before a command gives up.
const UNANSWERED: Duration = Duration::from_secs(30);
/// How often it is looked whether they are due.
const LOOK: Duration = Duration::from_millis(250);

/// What the bar counts while a directory is read.
const READ: &str = "customers read";

/// What was pulled.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Pulled {
    read: u64,
    changed: u64,
}

/// What was pushed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Sent {
    sent: u64,
    refused: u64,
    /// Calls whose outcome is not known; they are made again.
    unanswered: u64,
    /// Deletions that wait for a person.
    held: u64,
}

impl Sent {
    /// Whether Square has all that it was to have.
    pub(super) fn is_complete(self) -> bool {
        self.unanswered == 0 && self.held == 0
    }
}

/// Says whose directory it is, waiting for Square if need be.
pub(super) async fn identify(parts: &Parts) -> Result<MerchantId, FlowError> {
    let mut asking = Identifying {
        parts,
        merchant: None,
    };
    let mut bar = Bar::new("asked");
    until_idle(&mut asking, Patience::COMMAND, &mut bar).await?;
    bar.finish();
    match asking.merchant {
        Some(merchant) => Ok(merchant),
        None => parts.identify().await,
    }
}

struct Identifying<'a> {
    parts: &'a Parts,
    merchant: Option<MerchantId>,
}

impl Flow for Identifying<'_> {
    async fn step(&mut self) -> Result<Step, FlowError> {
        self.merchant = Some(self.parts.identify().await?);
        Ok(Step::Idle)
    }
}

/// Pulls what changed since the last pass; the first time, everything.
pub(super) async fn pull(parts: &Parts, merchant: &MerchantId) -> Result<Pulled, FlowError> {
    while parts.receive().take_waiting(clock()).await? != 0 {}
    let mut events = parts.events(merchant);
    let mut bar = Bar::new("missed events read");
    fill_the_gap(&mut events, &mut bar).await;
    bar.finish();
    // After trouble a pass may be under way; a lease that is not given back runs out.
    drop(events.give_back().await);
    if parts.backfill(merchant).is_due().await? {
        return pull_all(parts, merchant).await;
    }
    let mut reconcile = parts.reconcile(merchant);
    let mut bar = Bar::new(READ);
    until_idle(&mut reconcile, Patience::COMMAND, &mut bar).await?;
    bar.finish();
    Ok(pulled(reconcile.progress()))
}

/// Learns what was made at Square since the last pass, so that the pusher need
/// not ask for each row. Where another process reads just now, it asks.
pub(super) async fn catch_up(parts: &Parts, merchant: &MerchantId) -> Result<(), FlowError> {
    if parts.backfill(merchant).is_due().await? {
        return Ok(());
    }
    let mut bar = Bar::new(READ);
    let patience = Patience {
        held: Duration::ZERO,
        ..Patience::COMMAND
    };
    let read = until_idle(&mut parts.reconcile(merchant), patience, &mut bar).await;
    bar.finish();
    read.or_else(|error| if error.is_held() { Ok(()) } else { Err(error) })
}

/// Pulls the whole directory.
pub(super) async fn pull_all(parts: &Parts, merchant: &MerchantId) -> Result<Pulled, FlowError> {
    let mut backfill = parts.backfill(merchant);
    let mut bar = Bar::new(READ);
    until_idle(&mut backfill, Patience::COMMAND, &mut bar).await?;
    bar.finish();
    Ok(pulled(backfill.progress()))
}

/// Looks for customers that are gone at Square, if that is due or a person approves
/// of what it finds. None where it is not, or where another process does it.
pub(super) async fn census(
    parts: &Parts,
    merchant: &MerchantId,
) -> Result<Option<Found>, FlowError> {
    let mut census = parts.census(merchant);
    if !parts.approved && !census.is_due(parts.census_every).await? {
        return Ok(None);
    }
    let patience = if parts.approved {
        Patience::COMMAND
    } else {
        Patience {
            held: Duration::ZERO,
            ..Patience::COMMAND
        }
    };
    let mut bar = Bar::new(READ);
    let taken = until_idle(&mut census, patience, &mut bar).await;
    bar.finish();
    match taken {
        Err(error) if error.is_held() && !parts.approved => Ok(None),
        taken => taken.map(|()| Some(census.found().clone())),
    }
}

/// Sends what is owed. Calls that Square does not answer are made again for a while.
pub(super) async fn push(parts: &Parts, merchant: &MerchantId) -> Result<Sent, FlowError> {
    let mut push = parts.push(merchant);
    let mut bar = Bar::new("rows sent");
    let began = Instant::now();
    loop {
        until_idle(&mut push, Patience::COMMAND, &mut bar).await?;
        let held = push.held().await?;
        let waiting = parts.store.read(outbox::backlog).await?.0 - held;
        if waiting <= 0 || UNANSWERED < began.elapsed() {
            bar.finish();
            let Pushed { taken, refused, .. } = push.pushed();
            return Ok(Sent {
                sent: taken,
                refused,
                unanswered: u64::try_from(waiting).unwrap_or_default(),
                held: u64::try_from(held).unwrap_or_default(),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A flow whose progress can be shown.
pub(super) trait Counted {
    /// How many are done, and of how many.
    fn counted(&self) -> (u64, Option<u64>);
}

impl Counted for Identifying<'_> {
    fn counted(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

impl Counted for Backfill {
    fn counted(&self) -> (u64, Option<u64>) {
        (self.progress().read, self.progress().total)
    }
}

impl Counted for Events {
    fn counted(&self) -> (u64, Option<u64>) {
        (self.progress().read, self.progress().total)
    }
}

impl Counted for Reconcile {
    fn counted(&self) -> (u64, Option<u64>) {
        (self.progress().read, self.progress().total)
    }
}

impl Counted for Census {
    fn counted(&self) -> (u64, Option<u64>) {
        (self.progress().read, self.progress().total)
    }
}

impl Counted for Push {
    fn counted(&self) -> (u64, Option<u64>) {
        (self.pushed().taken + self.pushed().refused, None)
    }
}

impl<F: Counted> Watch<F> for Bar {
    fn stepped(&mut self, flow: &F) -> bool {
        let (done, total) = flow.counted();
        self.show(done, total);
        true
    }

    fn waits(&mut self, error: &FlowError, wait: Duration) {
        self.say_once(words(error, wait));
    }
}

/// What was pulled, in words.
pub(super) fn pulled_words(pulled: &Pulled) -> String {
    format!(
        "Pulled: {} customers read, {} of them new or changed.",
        pulled.read, pulled.changed
    )
}

/// What was pushed, in words.
pub(super) fn sent_words(sent: &Sent) -> String {
    let mut words = format!("Pushed: {} sent.", sent.sent);
    if 0 < sent.refused {
        words += &format!(
            " {} refused; this says why: {} 'failed'",
            sent.refused,
            customers::LIST_BY_STATE
        );
    }
    if 0 < sent.unanswered {
        words += &format!(
            " {} without an answer yet; run this again.",
            sent.unanswered
        );
    }
    if 0 < sent.held {
        words += &format!(
            " {} deletions wait, since they are many: squaresync push --approve deletes these \
             customers at Square, SQUARESYNC_PUSH_DELETES=false puts the rows back.",
            sent.held
        );
    }
    words
}

fn pulled(progress: Progress) -> Pulled {
    Pulled {
        read: progress.read,
        changed: progress.news,
    }
}

fn words(error: &FlowError, wait: Duration) -> String {
    if error.is_held() {
        return format!("{error}; waiting for it");
    }
    format!("{error}; trying again in {:.1} s", wait.as_secs_f64())
}
