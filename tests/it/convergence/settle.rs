//! The end of a story: faults off, everything that was not lost for ever comes
//! in, the flows run until nobody owes anything. What then still moves, or does
//! not come to an end, is a violation.

use std::time::Duration;

use chrono::TimeDelta;
use squaresync::flows::Step;
use squaresync::square::simulator::Fault;

use super::check::{self, Violation};
use super::play::Flow;
use super::world::World;

/// By how much a clock may be off so that nobody can tell.
const ENDLESS: Duration = Duration::from_secs(3600);
/// How many rounds of everything a story may need to settle.
const ROUNDS: u32 = 12;
/// How many steps a flow may take in one round.
const STEPS: u32 = 400;

impl World<'_> {
    /// Runs until nothing moves any more.
    pub(super) async fn settle(&mut self) -> Result<(), Violation> {
        self.square.faults(|faults| faults.clear());
        self.square.set_index_lag(Duration::from_secs(2));
        self.stage.refuse_events(false);
        self.inbox_fails = false;
        self.passage.crash_at(None);
        let was_skewed = self.ledger.happened.contains_key("clock skew");
        if self.rng.bool() && was_skewed {
            self.skew = TimeDelta::zero();
        }
        self.pass_alone().await?;
        self.look_for_events();
        if was_skewed {
            // What a clock that was far ahead set counts for nothing, and what one that
            // was a little ahead set is due once that time has come.
            self.round().await?;
            self.advance(ENDLESS).await;
        }
        let mut before = String::new();
        for _ in 0..ROUNDS {
            let writes = self.api_writes();
            self.round().await?;
            let after = self.state();
            let is_quiet = writes == self.api_writes() && before == after;
            if is_quiet && self.owes_nothing() {
                return Ok(());
            }
            before = after;
        }
        Err(Violation::new(
            "I33",
            "nobody comes to rest: the two sides keep writing".to_owned(),
        ))
    }

    /// Lets the reconciler make a pass before anything else happens: alone it
    /// finds whatever changed, but for what it was not shown.
    async fn pass_alone(&mut self) -> Result<(), Violation> {
        self.give_back().await?;
        self.advance(Duration::from_secs(65)).await;
        self.until_idle(Flow::Reconcile).await?;
        let has_begun = 0 < self.stage.other.count("marks WHERE name = 'updated'");
        let was_deceived = [Fault::EmptyIndex, Fault::HalfIndex]
            .into_iter()
            .any(|fault| 0 < self.square.fired(fault));
        if !has_begun || was_deceived {
            return Ok(());
        }
        for customer in self.square.customers() {
            let (id, version) = (customer["id"].as_str().unwrap(), &customer["version"]);
            let is_hidden = check::is_hidden(&customer);
            // One that Square restored has the times that it had before.
            let was_gone = self
                .square
                .history(id)
                .iter()
                .any(serde_json::Value::is_null);
            let held = format!("images WHERE square_id = '{id}' AND version = {version}");
            if !is_hidden && !was_gone && self.stage.other.count(&held) == 0 {
                let words = format!("a pass did not find version {version} of {id}");
                return Err(Violation::new("I21", words));
            }
        }
        Ok(())
    }

    /// Everything once: events, passes, pushes.
    async fn round(&mut self) -> Result<(), Violation> {
        self.give_back().await?;
        self.look_for_events();
        for _ in 0..STEPS {
            if self.underway.is_empty() {
                break;
            }
            let number = self.underway.len().min(7);
            let events: Vec<_> = self.underway.drain(..number).collect();
            self.deliver(events, true).await;
            self.look_for_events();
        }
        if !self.underway.is_empty() {
            let words = "genuine events are turned away for ever".to_owned();
            return Err(Violation::new("I45", words));
        }
        self.advance(Duration::from_secs(65)).await;
        self.until_idle(Flow::Backfill).await?;
        self.until_idle(Flow::Events).await?;
        self.until_idle(Flow::Reconcile).await?;
        self.until_idle(Flow::Census).await?;
        if 0 < self.stage.other.count("alarms WHERE name = 'census'") {
            // Square's list is whole now, so that many are gone indeed.
            self.approve_census();
            self.until_idle(Flow::Census).await?;
        }
        for _ in 0..STEPS {
            self.until_idle(Flow::Push).await?;
            if self.stage.other.count("outbox") == 0 {
                return Ok(());
            }
            self.advance(Duration::from_secs(30)).await;
        }
        Err(Violation::new("I43", "calls stay in the outbox".to_owned()))
    }

    /// What a flow was in the middle of another one must not wait for.
    async fn give_back(&mut self) -> Result<(), Violation> {
        let process = &mut self.process;
        let given_back = async {
            process.reconcile.give_back().await?;
            process.backfill.give_back().await?;
            process.census.give_back().await?;
            process.events.give_back().await
        };
        let refused = |error| Violation::new("I41", format!("a lease is kept: {error}"));
        given_back.await.map_err(refused)
    }

    async fn until_idle(&mut self, flow: Flow) -> Result<(), Violation> {
        for _ in 0..STEPS {
            match self.step(flow).await {
                Some(Ok(Step::Worked)) => {}
                Some(Ok(Step::Idle)) => return Ok(()),
                // Another flow of this process had begun to read; this one begins anew.
                Some(Err(error)) if error.is_held() => {}
                Some(Err(error)) => {
                    return Err(Violation::new(
                        "I43",
                        format!("{flow:?} without faults: {error}"),
                    ));
                }
                None => return Err(Violation::new("I43", format!("{flow:?} stopped"))),
            }
        }
        Err(Violation::new(
            "I33",
            format!("{flow:?} takes steps without end"),
        ))
    }

    /// The profiles that no list shows, as SQL has them; nobody's is among them.
    fn hidden(&self) -> Vec<String> {
        let customers = self.square.customers().into_iter();
        let hidden = customers.filter(check::is_hidden);
        let ids = hidden.map(|customer| format!("'{}'", customer["id"].as_str().unwrap()));
        ids.chain(["''".to_owned()]).collect()
    }

    /// Nothing may happen any more, whatever is asked again.
    pub(super) async fn stay_quiet(&mut self) -> Result<(), Violation> {
        if !self.ledger.restored.is_empty() {
            // An old copy may not know of what was told since.
            let came = self.came.split_off(0);
            self.deliver(came, true).await;
            self.round().await?;
        }
        if 0 < self.stage.other.count("marks WHERE name = 'events'") {
            // What Square's list tells for the first time has its effect first.
            self.round().await?;
        }
        // What was acked long ago is not kept for ever, and may come again all the same.
        self.stage.other.run("DELETE FROM inbox").unwrap();
        let hidden = self.hidden();
        let others = format!(
            "changes WHERE square_id IS NULL OR square_id NOT IN ({})",
            hidden.join(", ")
        );
        let effects = self.stage.other.count(&others);
        if 1 < hidden.len() {
            // The list begins anew then, and may tell of one whose events were lost and whom nothing else shows.
            self.round().await?;
        }
        let (state, writes) = (self.state(), self.api_writes());
        let mut again = self.came.clone();
        self.rng.shuffle(&mut again);
        self.deliver(again, true).await;
        self.restart(false).await;
        self.round().await?;
        if self.stage.other.count(&others) != effects {
            return Err(Violation::new(
                "I15",
                "events that came before have an effect again".to_owned(),
            ));
        }
        if self.api_writes() != writes {
            return Err(Violation::new(
                "I33",
                "writes at Square while idle".to_owned(),
            ));
        }
        if self.state() != state {
            return Err(Violation::new(
                "I50",
                "the tables change while idle".to_owned(),
            ));
        }
        Ok(())
    }

    fn api_writes(&self) -> usize {
        self.square
            .calls()
            .iter()
            .filter(|call| call.applied)
            .count()
    }

    fn owes_nothing(&mut self) -> bool {
        ["outbox", "local_edits", "images WHERE unmerged"]
            .iter()
            .all(|rows| self.stage.other.count(rows) == 0)
    }

    /// Everything that is about customers, as text.
    pub(super) fn state(&mut self) -> String {
        let mut lines = Vec::new();
        for table in ["customers", "images", "outbox", "local_edits", "conflicts"] {
            for row in self.stage.table(table) {
                lines.push(format!("{table} {}", serde_json::Value::Object(row)));
            }
        }
        lines.sort_unstable();
        lines.join("\n")
    }
}
