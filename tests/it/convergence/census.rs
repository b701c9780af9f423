//! The acts of the census, and what it may do without a person: end a few, or
//! nobody (I20).

use serde_json::json;
use squaresync::square::simulator::Fault;

use super::play::Flow;
use super::world::World;

/// So many may always end.
const FEW: usize = 25;
/// Of more, one in so many.
const SHARE: usize = 50;

/// What was there before a step of a census that nobody has approved.
pub(super) struct Before {
    ended: usize,
    live: usize,
}

impl World<'_> {
    /// Takes steps of the census, which may be told nothing, or not all.
    pub(super) async fn count(&mut self, a: u32, b: u32) {
        if b.is_multiple_of(8) {
            self.next_reads(Fault::EmptyIndex, 1);
        }
        // Those whom the list left out are asked for in one call.
        if b.is_multiple_of(4) {
            self.next_reads(Fault::MissingBulkKey, 1);
        }
        self.steps(Flow::Census, 1 + a % 12).await;
    }

    /// The directory becomes large, is read, and loses more than may end unseen.
    pub(super) async fn empties(&mut self, a: u32, b: u32) {
        for _ in self.square.customers().len()..2 * FEW {
            let name = self.value("given_name", 1);
            self.square.create(&json!({ "given_name": name }));
        }
        self.advance(std::time::Duration::from_secs(65)).await;
        self.steps(Flow::Backfill, 40).await;
        self.steps(Flow::Reconcile, 20).await;
        self.look_for_events();
        let heard = self.underway.split_off(0);
        for customer in self.square.customers().into_iter().skip(a as usize % 8) {
            self.square.delete(customer["id"].as_str().unwrap());
            self.ledger.count("event dropped");
        }
        self.look_for_events();
        self.underway = heard;
        self.ledger.count("directory emptied");
        if b.is_multiple_of(2) {
            self.steps(Flow::Census, 40).await;
        }
    }

    pub(super) fn before_ends(&mut self, flow: Flow) -> Option<Before> {
        if flow != Flow::Census || self.is_approved {
            return None;
        }
        if !self.process.census.is_under_way() {
            self.ends_of_pass = 0;
        }
        let live = "images WHERE tombstone_cause IS NULL";
        Some(Before {
            ended: self.ended(),
            live: self.stage.other.count(live),
        })
    }

    pub(super) fn after_ends(&mut self, before: &Before) {
        self.ends_of_pass += self.ended().saturating_sub(before.ended);
        if FEW.max(before.live / SHARE) < self.ends_of_pass {
            let words = format!("a census ended {} of {}", self.ends_of_pass, before.live);
            self.ledger.beyond_the_cap.push(words);
        }
    }

    fn ended(&mut self) -> usize {
        self.stage
            .other
            .count("images WHERE tombstone_cause IS NOT NULL")
    }
}
