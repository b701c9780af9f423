//! Events on their way to the subscriber.
//!
//! In come events as they happen, out go posts that are due, signed; in comes
//! again how each post ended. An event is due at once, then after each wait of
//! Square's table, and is given up after the last. A crash loses what waits,
//! which for a subscriber is as if Square had given up.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::Timestamp;

use super::clock::seconds;
use super::event;
use super::fault::Fault;
use super::faults::Faults;
use super::options::Webhook;

/// Minutes from a failed attempt to the next.
const WAITS: [f64; 11] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 120.0, 240.0, 480.0, 480.0,
];

/// An event as it is, or would be, posted.
#[derive(Clone, Debug)]
pub struct Event {
    /// Stays the same when the event is sent again.
    pub event_id: String,
    /// Such as `customer.created`.
    pub event_type: String,
    /// The very bytes that are signed.
    pub body: Arc<str>,
    /// The value of `x-square-hmacsha256-signature`.
    pub signature: String,
    /// All headers, the signature among them.
    pub headers: Vec<(&'static str, String)>,
}

/// How a post ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Taken,
    /// Why it has to be repeated, in the words of `square-retry-reason`.
    Failed(&'static str),
}

/// An event to be posted now.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) number: usize,
    pub(super) address: String,
    pub(super) event: Event,
    pub(super) is_doubled: bool,
}

#[derive(Debug)]
struct Delivery {
    event_id: String,
    event_type: String,
    body: Arc<str>,
    signature: String,
    /// The time of the first attempt, or of the event until then.
    first: Timestamp,
    attempts: u32,
    reason: &'static str,
    was_delayed: bool,
}

/// The queue of events.
#[derive(Debug)]
pub(super) struct Outgoing {
    webhook: Option<Webhook>,
    retry_scale: f64,
    deliveries: Vec<Delivery>,
    /// When each waiting delivery is due, in milliseconds, and its number.
    waiting: BTreeSet<(i64, usize)>,
    under_way: usize,
}

impl Outgoing {
    pub(super) fn new(webhook: Option<Webhook>, retry_scale: f64) -> Self {
        Self {
            webhook,
            retry_scale,
            deliveries: Vec::new(),
            waiting: BTreeSet::new(),
            under_way: 0,
        }
    }

    pub(super) fn post_to(&mut self, address: Option<String>) {
        if let Some(webhook) = &mut self.webhook {
            webhook.post_to = address;
        }
    }

    /// Puts a new key before the present one.
    pub(super) fn rotate(&mut self, key: String) {
        if let Some(webhook) = &mut self.webhook {
            webhook.keys.insert(0, key);
        }
    }

    pub(super) fn is_rotated(&self) -> bool {
        self.webhook.as_ref().is_some_and(|it| 1 < it.keys.len())
    }

    /// Events that are neither taken nor given up nor dropped.
    pub(super) fn outstanding(&self) -> usize {
        self.waiting.len() + self.under_way
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    pub(super) fn emitted(&self) -> usize {
        self.deliveries.len()
    }

    /// All events, in the order they happened.
    pub(super) fn events(&self, square_version: &str) -> Vec<Event> {
        self.deliveries
            .iter()
            .map(|delivery| delivery.event(square_version))
            .collect()
    }

    pub(super) fn emit(
        &mut self,
        event_type: &str,
        event_id: String,
        body: String,
        now: Timestamp,
        uses_old_key: bool,
    ) {
        let Some(webhook) = &self.webhook else {
            return;
        };
        let key = webhook.keys.get(usize::from(uses_old_key));
        let key = key.map_or("", String::as_str);
        let signature = event::signature(key, &webhook.notification_url, &body);
        self.waiting
            .insert((now.timestamp_millis(), self.deliveries.len()));
        self.deliveries.push(Delivery {
            event_id,
            event_type: event_type.to_owned(),
            body: Arc::from(body),
            signature,
            first: now,
            attempts: 0,
            reason: "",
            was_delayed: false,
        });
    }

    /// Takes up to `limit` events that are due; each has to be settled.
    pub(super) fn claim(
        &mut self,
        limit: usize,
        now: Timestamp,
        square_version: &str,
        faults: &mut Faults,
        rng: &mut fastrand::Rng,
    ) -> Vec<Post> {
        let Some(address) = self.webhook.as_ref().and_then(|it| it.post_to.clone()) else {
            return Vec::new();
        };
        let end = (now.timestamp_millis(), usize::MAX);
        let due: Vec<_> = self.waiting.range(..=end).take(limit).copied().collect();
        let mut posts = Vec::new();
        for entry in due {
            self.waiting.remove(&entry);
            let Some(delivery) = self.deliveries.get_mut(entry.1) else {
                continue;
            };
            if delivery.attempts == 0 {
                if faults.fires(Fault::WebhookDropped, true, rng) {
                    continue;
                }
                if !delivery.was_delayed && faults.fires(Fault::WebhookDelayed, true, rng) {
                    delivery.was_delayed = true;
                    let due = now + TimeDelta::from_std(faults.webhook_delay).unwrap_or_default();
                    self.waiting.insert((due.timestamp_millis(), entry.1));
                    continue;
                }
                delivery.first = now;
            }
            posts.push(Post {
                number: entry.1,
                address: address.clone(),
                event: delivery.event(square_version),
                is_doubled: faults.fires(Fault::WebhookDoubled, true, rng),
            });
        }
        self.under_way += posts.len();
        reorder(&mut posts, faults, rng);
        posts
    }

    /// Notes how a claimed post ended.
    pub(super) fn settle(&mut self, number: usize, ending: Ending, now: Timestamp) {
        self.under_way = self.under_way.saturating_sub(1);
        let (Some(delivery), Ending::Failed(reason)) = (self.deliveries.get_mut(number), ending)
        else {
            return;
        };
        delivery.reason = reason;
        let attempts = usize::try_from(delivery.attempts).unwrap_or(usize::MAX);
        delivery.attempts += 1;
        let Some(minutes) = WAITS.get(attempts) else {
            return;
        };
        let wait = std::time::Duration::from_secs(60).mul_f64(minutes * self.retry_scale);
        let due = now + TimeDelta::from_std(wait).unwrap_or_default();
        self.waiting.insert((due.timestamp_millis(), number));
    }
}

impl Delivery {
    fn event(&self, square_version: &str) -> Event {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", "Square Connect v2".to_owned()),
            ("square-environment", "Sandbox".to_owned()),
            ("square-version", square_version.to_owned()),
            ("square-subscription-id", "wbhk_simulator".to_owned()),
            ("square-initial-delivery-timestamp", seconds(self.first)),
            ("x-square-hmacsha256-signature", self.signature.clone()),
        ];
        if 0 < self.attempts {
            headers.push(("square-retry-number", self.attempts.to_string()));
            headers.push(("square-retry-reason", self.reason.to_owned()));
        }
        Event {
            event_id: self.event_id.clone(),
            event_type: self.event_type.clone(),
            body: Arc::clone(&self.body),
            signature: self.signature.clone(),
            headers,
        }
    }
}

fn reorder(posts: &mut [Post], faults: &mut Faults, rng: &mut fastrand::Rng) {
    if posts.len() < 2 {
        return;
    }
    for place in 0..posts.len() {
        if faults.fires(Fault::WebhookReordered, true, rng) {
            // Any place but its own.
            let other = (place + rng.usize(1..posts.len())) % posts.len();
            posts.swap(place, other);
        }
    }
}
