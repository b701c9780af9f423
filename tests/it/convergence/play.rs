//! The acts of the flows, of time and of the process.

use std::time::Duration;

use chrono::TimeDelta;
use squaresync::flows::Step;
use squaresync::flows::error::FlowError;
use squaresync::square::simulator::{Access, Fault, Strikes};

use super::act::{Act, Kind};
use super::door::CrashPoint;
use super::world::{OVERLAP, World};

/// Which flow takes steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Push,
    Reconcile,
    Backfill,
    Census,
    Events,
}

/// Faults of calls, as a story draws them.
pub(super) const CALL_FAULTS: [Fault; 14] = [
    Fault::RateLimited,
    Fault::RateLimitedThoughApplied,
    Fault::InternalError,
    Fault::HtmlUnavailable,
    Fault::OldStyleError,
    Fault::LostAnswer,
    Fault::LostAnswer,
    Fault::Reset,
    Fault::ShortPage,
    Fault::EmptyPage,
    Fault::ExpiredCursor,
    Fault::EmptyIndex,
    Fault::HalfIndex,
    Fault::MissingBulkKey,
];

/// Faults of bulk calls.
pub(super) const BULK_FAULTS: [Fault; 5] = [
    Fault::MissingBulkKey,
    Fault::StrangeBulkKey,
    Fault::BulkRefused,
    Fault::BulkHalfDone,
    Fault::BulkItemLimited,
];

impl World<'_> {
    /// Lets one act happen.
    pub(super) async fn play(&mut self, act: Act) {
        let [a, b, c] = act.picks;
        match act.kind {
            Kind::Pushes => self.steps(Flow::Push, 1 + a % 6).await,
            Kind::Passes => {
                if b.is_multiple_of(3) {
                    self.before_a_long_pass().await;
                }
                if b.is_multiple_of(6) {
                    self.next_reads(Fault::ExpiredCursor, 1);
                }
                if b.is_multiple_of(4) {
                    self.before_a_late_index(a, b).await;
                }
                self.steps(Flow::Reconcile, 1 + a % 8).await;
            }
            Kind::Backfills => self.steps(Flow::Backfill, 1 + a % 8).await,
            Kind::Fails => self.fail(a, b, c),
            Kind::Recovers => self.square.faults(|faults| faults.clear()),
            Kind::Lags => {
                let lag = [0, 2, 30, 60].map(Duration::from_secs)[a as usize % 4];
                self.square.set_index_lag(lag);
                self.ledger.count("lag");
            }
            Kind::Forgets => {
                // Square is trusted to know a key for an hour.
                self.advance(Duration::from_secs(2 * 3600)).await;
                self.square.forget_keys();
                self.ledger.count("keys forgotten");
            }
            Kind::Waits => self.advance(Duration::from_secs(u64::from(a % 90))).await,
            Kind::WaitsLong => {
                let hours = u64::from(1 + a % 72);
                self.advance(Duration::from_secs(hours * 3600)).await;
            }
            Kind::Skews => {
                let days = [0, 0, 400, -3650, 1, -1][a as usize % 6];
                self.skew = TimeDelta::days(days) + TimeDelta::seconds(i64::from(b % 3600));
                self.ledger.count("clock skew");
            }
            Kind::Crashes => self.restart(a.is_multiple_of(16)).await,
            Kind::CrashesAtCall => self.crash_at_call(a, b, c).await,
            Kind::BacksUp => {
                self.stage.back_up();
                self.copied = Some((self.ledger.tick(), self.ledger.sent.len()));
            }
            Kind::RestoresBackup => self.restore(a).await,
            Kind::InboxFails => {
                self.inbox_fails = a.is_multiple_of(2);
                self.stage.refuse_events(self.inbox_fails);
            }
            Kind::Counts => self.count(a, b).await,
            Kind::AsksForEvents => self.steps(Flow::Events, 1 + a % 4).await,
            _ => self.play_people(act).await,
        }
    }

    /// Takes steps of the census, which may be told nothing, or not all.
    async fn count(&mut self, a: u32, b: u32) {
        if b.is_multiple_of(8) {
            self.next_reads(Fault::EmptyIndex, 1);
        }
        // Those whom the list left out are asked for in one call.
        if b.is_multiple_of(4) {
            self.next_reads(Fault::MissingBulkKey, 1);
        }
        self.steps(Flow::Census, 1 + a % 12).await;
    }

    /// Takes steps of one flow.
    pub(super) async fn steps(&mut self, flow: Flow, number: u32) {
        for _ in 0..number {
            match self.step(flow).await {
                Some(Ok(Step::Worked)) => {}
                Some(Ok(Step::Idle)) => break,
                Some(Err(error)) => self.note(flow, &error),
                None => {
                    self.ledger.count("crash at a call");
                    self.restart(false).await;
                    break;
                }
            }
        }
    }

    /// Takes one step; none if the process ended in it.
    pub(super) async fn step(&mut self, flow: Flow) -> Option<Result<Step, FlowError>> {
        let (now, random) = (self.now(), self.rng.f64());
        let passage = std::sync::Arc::clone(&self.passage);
        let process = &mut self.process;
        let step = async {
            match flow {
                Flow::Push => process.push.step(now, random).await,
                Flow::Reconcile => process.reconcile.step(now).await,
                Flow::Backfill => process.backfill.step(now).await,
                Flow::Census => process.census.step(now).await,
                Flow::Events => process.events.step(now).await,
            }
        };
        let end = async {
            passage.end().await;
            // What the process was writing is written or not before anything else happens:
            // time that stands still goes on only once no transaction is under way.
            let moment = tokio::time::Instant::now() + Duration::from_millis(1);
            tokio::time::sleep_until(moment).await;
        };
        let done = tokio::select! {
            biased;
            () = end => None,
            step = step => Some(step),
        };
        // It may come to its end before anybody looks.
        if passage.has_ended() { None } else { done }
    }

    /// An error that Square's faults explain is one of many; any other is a fault of ours.
    fn note(&mut self, flow: Flow, error: &FlowError) {
        if error.is_held() {
            return;
        }
        if let (FlowError::Store(error), false) = (error, self.inbox_fails) {
            self.ledger.strange.push(format!("{flow:?}: {error}"));
        }
    }

    fn fail(&mut self, a: u32, b: u32, c: u32) {
        if a % 13 == 12 {
            let access = [Access::Unknown, Access::Expired, Access::ReadOnly][b as usize % 3];
            self.square.faults(|faults| faults.access = access);
            return;
        }
        let mut fault = CALL_FAULTS[a as usize % CALL_FAULTS.len()];
        if fault == Fault::MissingBulkKey {
            fault = BULK_FAULTS[b as usize / 9 % BULK_FAULTS.len()];
        }
        let strikes = [Strikes::Any, Strikes::Writes, Strikes::Reads][c as usize % 3];
        self.square.faults(|faults| {
            faults.access = Access::Granted;
            faults.retry_after =
                (c.is_multiple_of(2)).then_some(Duration::from_secs(u64::from(c % 40)));
            faults.strikes(fault, strikes);
            faults.after(fault, b % 3, 1 + (b / 3) % 3);
            if fault == Fault::ExpiredCursor {
                // A directory of a few has a cursor where a page is short.
                faults.strikes(fault, Strikes::Reads);
                faults.after(Fault::ShortPage, 0, 2);
            }
        });
    }

    /// Lets the next bulk write fail, or not.
    pub(super) fn next_bulk_fails(&mut self, pick: u32) {
        if let Some(fault) = BULK_FAULTS.get(pick as usize % 8) {
            self.square.faults(|faults| {
                faults.strikes(*fault, Strikes::Writes);
                faults.next(*fault, 1 + pick / 8 % 2);
            });
        }
    }

    /// What changed lies further back than a pass would look again, and a
    /// directory of a few fills several pages.
    async fn before_a_long_pass(&mut self) {
        self.advance(OVERLAP.to_std().unwrap()).await;
        self.next_reads(Fault::ShortPage, 3);
    }

    /// The index shows one change, and not yet the one that was made just now.
    async fn before_a_late_index(&mut self, a: u32, b: u32) {
        let late = Duration::from_secs(30);
        self.square.set_index_lag(late);
        self.ledger.count("lag");
        for (number, age) in [(0, late), (1, late / 2)] {
            let value = self.value("note", b / 4 + number);
            self.seller_sets(a.wrapping_add(number), "note", Some(value));
            self.advance(age).await;
        }
    }

    /// Lets the next reads fail in this way.
    fn next_reads(&mut self, fault: Fault, times: u32) {
        self.square.faults(|faults| {
            faults.strikes(fault, Strikes::Reads);
            faults.next(fault, times);
        });
    }

    async fn crash_at_call(&mut self, a: u32, b: u32, c: u32) {
        let flow = [
            Flow::Push,
            Flow::Push,
            Flow::Push,
            Flow::Reconcile,
            Flow::Backfill,
            Flow::Census,
            Flow::Events,
        ][a as usize % 7];
        if flow == Flow::Reconcile {
            self.before_a_long_pass().await;
        }
        self.passage.crash_at(Some(CrashPoint {
            calls_left: b % 3,
            is_applied: c.is_multiple_of(2),
        }));
        self.steps(flow, 6).await;
        self.passage.crash_at(None);
    }

    /// Puts the copy back, as an operator would: the process is stopped meanwhile.
    async fn restore(&mut self, a: u32) {
        let Some((copied, sent_before)) = self.copied else {
            return;
        };
        self.stage.refuse_events(false);
        self.inbox_fails = false;
        self.stage.put_back();
        let restored = super::ledger::Restored {
            copied,
            back: self.ledger.tick(),
            calls: self.square.calls().len(),
            sent_before,
            sent: self.ledger.sent.len(),
        };
        self.ledger.restored.push(restored);
        self.ledger.count("backup restored");
        if a.is_multiple_of(2) {
            self.advance(Duration::from_secs(120)).await;
        }
        self.restart(false).await;
    }
}
