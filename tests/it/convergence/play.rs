//! The acts of the flows and of the process.

use std::time::Duration;

use squaresync::flows::Step;
use squaresync::flows::error::FlowError;
use squaresync::square::simulator::{Call, Fault};

use super::act::{Act, Kind};
use super::door::CrashPoint;
use super::ledger::{Copied, Restored};
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
            Kind::Crashes => self.restart(a.is_multiple_of(16)).await,
            Kind::CrashesAtCall => self.crash_at_call(a, b, c).await,
            Kind::BacksUp => {
                if b.is_multiple_of(2) {
                    self.inserts(a, b, None);
                }
                self.stage.back_up();
                self.copied = Some(Copied {
                    at: self.ledger.tick(),
                    calls: self.square.asked(),
                    sent: self.ledger.sent.len(),
                });
            }
            Kind::RestoresBackup => self.restore(a).await,
            Kind::Counts => self.count(a, b).await,
            Kind::AsksForEvents => self.steps(Flow::Events, 1 + a % 4).await,
            _ => self.play_trouble(act).await,
        }
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
        let (changes, asked) = (self.square.changes(), self.square.asked());
        let before = self.before_ends(flow);
        let done = self.step_alone(flow).await;
        if let Some(before) = before {
            self.after_ends(&before);
        }
        if flow == Flow::Reconcile {
            let goes_on = |call: &Call| call.body.contains("\"cursor\"");
            if self.read_at.is_some_and(|before| before < changes)
                && self.square.calls().iter().skip(asked).any(goes_on)
            {
                self.ledger.count("change between pages");
            }
            let is_under_way = matches!(done, Some(Ok(Step::Worked)));
            self.read_at = is_under_way.then_some(changes);
        }
        done
    }

    async fn step_alone(&mut self, flow: Flow) -> Option<Result<Step, FlowError>> {
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
        let Some(copied) = self.copied else {
            return;
        };
        self.stage.refuse_events(false);
        self.inbox_fails = false;
        self.stage.put_back();
        let restored = Restored {
            copied,
            back: self.ledger.tick(),
            calls: self.square.asked(),
            sent: self.ledger.sent.len(),
        };
        self.ledger.restored.push(restored);
        self.ledger.count("backup restored");
        if a.is_multiple_of(2) {
            self.advance(Duration::from_secs(120)).await;
        }
        self.restart(false).await;
        if !a.is_multiple_of(4) {
            // The copy knows nothing of the creates since, and the rows change.
            self.edits_unsent(a);
        }
    }
}
