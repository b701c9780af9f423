//! What the flows count, for `/metrics`. A counter here moves where the thing
//! it counts is committed, so that it agrees with the tables.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// One label and its value.
pub type Label = [(&'static str, &'static str); 1];

/// Everything that is counted since the start.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Deliveries that a current key signed.
    pub received: Counter,
    /// Deliveries refused, by reason.
    pub rejected: Family<Label, Counter>,
    /// Events by what became of them.
    pub events: Family<Label, Counter>,
    /// Events that carry the id of an earlier one, but another body.
    pub event_id_collisions: Counter,
    /// Commits by which events became durable; events share them.
    pub event_commits: Counter,
    /// Profiles read from pages, by whether they told something new.
    pub profiles_read: Family<Label, Counter>,
    /// Profiles on pages that could not be read.
    pub profiles_unreadable: Counter,
    /// Customers that were missing in Square's list, and what became of them.
    pub census: Family<Label, Counter>,
    /// Calls that Square took, by operation.
    pub pushed: Family<Label, Counter>,
    /// Rows that Square refused.
    pub push_refused: Counter,
    /// Rows put back that an application deleted.
    pub restored: Counter,
    /// The time up to which the last pass read all changes, by Square's clock,
    /// in Unix time. A pass that finds nothing moves no mark, but it moves this.
    pub read_up_to: Gauge,
}

impl Counters {
    /// Puts every counter into `registry`, under its public name.
    pub fn register(&self, registry: &mut Registry) {
        let mut add = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone())
        };
        add(
            "events_received",
            "Deliveries that a current key signed",
            &self.received,
        );
        add(
            "event_id_collisions",
            "Events with an earlier one's id and another body",
            &self.event_id_collisions,
        );
        add(
            "event_commits",
            "Commits by which events became durable",
            &self.event_commits,
        );
        add(
            "profiles_unreadable",
            "Profiles on pages that could not be read",
            &self.profiles_unreadable,
        );
        add(
            "push_refused",
            "Rows that Square refused",
            &self.push_refused,
        );
        add(
            "rows_restored",
            "Rows put back that an application deleted",
            &self.restored,
        );
        registry.register(
            "read_up_to_seconds",
            "Up to when the last pass has read all changes, in Unix time; 0 before the first",
            self.read_up_to.clone(),
        );
        self.register_families(registry);
    }

    fn register_families(&self, registry: &mut Registry) {
        let mut add = |name: &str, help: &str, family: &Family<Label, Counter>| {
            registry.register(name, help, family.clone());
        };
        add(
            "events_rejected",
            "Deliveries refused, by reason",
            &self.rejected,
        );
        add("events", "Events by what became of them", &self.events);
        add(
            "profiles_read",
            "Profiles read from pages, by whether they told something new",
            &self.profiles_read,
        );
        add(
            "census",
            "Customers missing in Square's whole list, and what Square said of them",
            &self.census,
        );
        add(
            "pushed",
            "Calls that Square took, by operation",
            &self.pushed,
        );
    }
}
