//! Metrics: a scrape in, every number in Prometheus' text format out. Counters
//! are since the start, gauges are of now. The promise: no personal data, and a
//! database that fails takes only its own numbers away.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::domain::Timestamp;
use crate::flows::counters::{Counters, Label};
use crate::flows::status::Status;
use crate::square::client::Square;
use crate::store::{Store, alarms, marks};
use crate::web::look::Look;

/// Where the numbers come from.
pub(super) struct Metrics {
    store: Store,
    square: Option<Square>,
    counters: Arc<Counters>,
    clock: fn() -> Timestamp,
    look: Look<Status>,
}

impl Metrics {
    pub(super) fn new(
        store: Store,
        square: Option<Square>,
        counters: Arc<Counters>,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self {
            store,
            square,
            counters,
            clock,
            look: Look::sparing(),
        }
    }
}

/// Answers with all of them.
pub(super) async fn scrape(metrics: web::Data<Metrics>) -> HttpResponse {
    let (store, now) = (metrics.store.clone(), (metrics.clock)());
    let status = metrics
        .look
        .at(|| async move { Status::read(&store, now).await })
        .await;
    let mut registry = Registry::with_prefix("squaresync");
    metrics.counters.register(&mut registry);
    calls(&mut registry, metrics.square.as_ref());
    gauge(
        &mut registry,
        "database_up",
        "Whether the database answered this scrape",
        i64::from(status.is_some()),
    );
    if let Some(status) = status {
        rows(&mut registry, &status);
        passes(&mut registry, &status, metrics.counters.read_up_to.get());
        raised(&mut registry, &status);
    }
    let mut text = String::new();
    match prometheus_text::encode(&mut text, &registry) {
        Ok(()) => HttpResponse::Ok()
            .insert_header(("cache-control", "no-store"))
            .content_type("text/plain; version=0.0.4; charset=utf-8")
            .body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            super::text(HttpResponse::InternalServerError(), "no metrics")
        }
    }
}

fn calls(registry: &mut Registry, square: Option<&Square>) {
    let calls = Family::<Label, Counter>::default();
    for (label, count) in square.map(Square::calls).unwrap_or_default() {
        calls.get_or_create(&[("outcome", label)]).inc_by(count);
    }
    let help = "Calls to Square by how they ended";
    registry.register("square_calls", help, calls);
}

/// How many rows the tables hold.
fn rows(registry: &mut Registry, status: &Status) {
    let (customers, inbox) = (&status.customers, &status.inbox);
    registry.register(
        "customers",
        "Customers that are not gone at Square, by sync_state",
        by_state(&customers.states),
    );
    registry.register(
        "inbox",
        "Events kept, by what became of them",
        by_state(&inbox.states),
    );
    let mut add = |name, help, value| gauge(registry, name, help, value);
    add(
        "customers_deleted",
        "Customers that are gone at Square",
        customers.deleted,
    );
    add(
        "conflicts_open",
        "Conflicts that wait for a person",
        status.conflicts.open,
    );
    add(
        "outbox_rows",
        "Calls that Square has to take",
        status.outbox.waiting,
    );
    add(
        "outbox_oldest_seconds",
        "How long the oldest of them has waited",
        status
            .outbox
            .oldest
            .map_or(0, |oldest| age(status.at - oldest)),
    );
    add(
        "local_edits",
        "Edits by applications that were not noticed yet",
        status.local_edits,
    );
    if let Some(newest) = inbox.newest {
        add(
            "last_event_seconds",
            "When the newest event was received, in Unix time",
            newest.timestamp(),
        );
    }
}

fn by_state(counts: &BTreeMap<&'static str, i64>) -> Family<Label, Gauge> {
    let states = Family::<Label, Gauge>::default();
    for (state, count) in counts {
        states.get_or_create(&[("state", *state)]).set(*count);
    }
    states
}

/// How far the passes over each seller's directory have come.
fn passes(registry: &mut Registry, status: &Status, read_up_to: i64) {
    let [refused, lag] = [(); 2].map(|()| Family::<Vec<(&str, String)>, Gauge>::default());
    let reached = Family::<Vec<(&str, String)>, Gauge>::default();
    for seller in &status.sellers {
        let label = || vec![("merchant_id", seller.merchant_id.clone())];
        refused
            .get_or_create(&label())
            .set(i64::from(seller.refusal.is_some()));
        for (name, mark) in &seller.marks {
            let mut labels = label();
            labels.push(("name", name.clone()));
            reached.get_or_create(&labels).set(mark.timestamp());
            if name == marks::UPDATED {
                let read_up_to = read_up_to.max(mark.timestamp());
                lag.get_or_create(&label())
                    .set(status.at.timestamp().saturating_sub(read_up_to).max(0));
            }
        }
    }
    registry.register(
        "square_token_refused",
        "Whether Square refuses the seller's token",
        refused,
    );
    registry.register(
        "mark_seconds",
        "How far each pass has come, in Unix time",
        reached,
    );
    registry.register(
        "reconcile_lag_seconds",
        "How far the newest pass over changes lies back",
        lag,
    );
}

/// Which alarms of each seller are raised.
fn raised(registry: &mut Registry, status: &Status) {
    let raised = Family::<Vec<(&str, String)>, Gauge>::default();
    for seller in &status.sellers {
        for name in alarms::ALL {
            let is_raised = status
                .alarms
                .iter()
                .any(|alarm| alarm.merchant_id == seller.merchant_id && alarm.name == name);
            let labels = vec![
                ("merchant_id", seller.merchant_id.clone()),
                ("name", name.to_owned()),
            ];
            raised.get_or_create(&labels).set(i64::from(is_raised));
        }
    }
    let help = "Whether a person should look: at `squaresync status`, which says what to do";
    registry.register("alarm", help, raised);
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: i64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

/// Clocks differ, so what is younger than now is new.
fn age(age: TimeDelta) -> i64 {
    age.num_seconds().max(0)
}
