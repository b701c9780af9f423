//! The acts of events: on time, late, twice, never, forged and unreadable.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use squaresync::flows::receive::Delivery;
use squaresync::square::simulator::{Event, sign};

use super::act::{Act, Kind};
use super::ledger::Sent;
use super::world::{KEY, URL, World};

/// Signed by Square, and not to be read or stored as a customer.
const POISON: [&str; 6] = [
    r#"{"merchant_id":"SIMULATEDSELLER","type":"customer.updated","event_id":"poison-N","created_at":"2026-03-02T10:15:30Z","data":{"type":"customer","id":"P","object":{"customer":{"id":"P","version":3,"given_name":"a\u0000b"}}}}"#,
    r#"{"merchant_id":"SIMULATEDSELLER","type":"customer.updated","event_id":"poison-N","created_at":"2026-03-02T10:15:30Z","data":{"type":"customer","id":"P","object":{"customer":{"id":"Q","version":1}}}}"#,
    r#"{"merchant_id":"SIMULATEDSELLER","type":"customer.updated","event_id":"poison-N","data":{"type":"customer","id":"P","object":{"customer":{"id":"P","version":-1}}}}"#,
    r#"{"merchant_id":"SIMULATEDSELLER","type":"customer.updated","event_id":"poison-N","data":[["#,
    r#"{"merchant_id":"SIMULATEDSELLER","type":"customer.deleted","event_id":["poison-N"],"data":{"type":"customer","id":7}}"#,
    "poison-N, and no JSON at all",
];

impl World<'_> {
    pub(super) async fn play_events(&mut self, act: Act) {
        let [a, b, _] = act.picks;
        self.look_for_events();
        match act.kind {
            Kind::Delivers => {
                let events = self.some(a, b);
                self.deliver(events, true).await;
            }
            Kind::DeliversUnheard => {
                let events = self.some(a, b);
                self.ledger.count("answer to an event lost");
                self.deliver(events, false).await;
            }
            Kind::Drops => {
                for _ in self.some(a, b) {
                    self.ledger.count("event dropped");
                }
            }
            Kind::Replays => {
                if let Some(event) = self.came.get(a as usize % self.came.len().max(1)).cloned() {
                    self.ledger.count("event replayed");
                    self.deliver(vec![event.clone(), event], true).await;
                }
            }
            Kind::Forges => self.forge(b).await,
            Kind::Poisons => {
                let number = self.ledger.tick();
                let body = POISON[a as usize % 6].replace("poison-N", &format!("poison-{number}"));
                self.ledger.count("poison");
                self.deliver(vec![signed(&body)], true).await;
            }
            Kind::Strangers => {
                self.send_changed(a, "\"SIMULATEDSELLER\"", "\"ANOTHERSELLER\"")
                    .await
            }
            Kind::Collides => {
                self.send_changed(a, "\"created_at\"", " \"created_at\"")
                    .await
            }
            _ => {}
        }
    }

    /// Takes note of the events that Square has sent off since.
    pub(super) fn look_for_events(&mut self) {
        let events = self.square.events().split_off(self.seen_events);
        self.seen_events += events.len();
        self.underway.extend(events);
    }

    /// Takes a few of the events that are underway, from anywhere among them.
    fn some(&mut self, a: u32, b: u32) -> Vec<Event> {
        let number = 1 + a as usize % 5;
        let mut taken = Vec::new();
        for turn in 0..number {
            if self.underway.is_empty() {
                break;
            }
            let place = if b.is_multiple_of(3) {
                0
            } else {
                (b as usize / 3 + turn) % self.underway.len()
            };
            if place != 0 {
                self.ledger.count("event overtaken");
            }
            taken.push(self.underway.remove(place));
        }
        taken
    }

    /// Delivers genuine events, which share a commit.
    pub(super) async fn deliver(&mut self, events: Vec<Event>, is_heard: bool) {
        let taken = match self.wire.take() {
            Some(wire) => {
                let mut taken = Vec::new();
                for event in &events {
                    taken.push(wire.post(&event.body, &[event.signature.as_bytes()]).await);
                }
                self.wire = Some(wire);
                taken
            }
            None => self.hand_over(&events).await,
        };
        for (event, is_taken) in events.into_iter().zip(taken) {
            if is_taken && self.inbox_fails && !self.is_kept(&event) {
                self.ledger.false_acks += 1;
            }
            if self.inbox_fails {
                self.ledger.count("event while the database fails");
            }
            self.ledger
                .sent
                .push(sent(&event, is_taken && is_heard, true));
            if is_taken && is_heard {
                self.came.push(event);
            } else {
                self.underway.push(event);
            }
        }
    }

    /// Gives events to the flow, past the server. Gives for each whether it was taken.
    async fn hand_over(&mut self, events: &[Event]) -> Vec<bool> {
        let mut deliveries = Vec::new();
        for event in events {
            let body = Bytes::copy_from_slice(event.body.as_bytes());
            match self.verifier.verify(&[event.signature.as_bytes()], body) {
                Ok(verified) => deliveries.push(Delivery::read(&verified)),
                Err(error) => self.ledger.strange.push(format!("genuine event: {error}")),
            }
        }
        if deliveries.len() < events.len() {
            return vec![false; events.len()];
        }
        let taken = self.process.receive.take(deliveries, self.now()).await;
        taken.iter().map(Result::is_ok).collect()
    }

    fn is_kept(&mut self, event: &Event) -> bool {
        let sha = hex(&event.body);
        // The same id with other bytes is another event, unless Square's list told of it.
        0 < self.stage.other.count(&format!(
            "inbox WHERE body_sha256 = '{sha}' OR (event_id = '{}' AND listed)",
            event.event_id
        ))
    }

    /// Somebody without the key sends an event.
    async fn forge(&mut self, b: u32) {
        let body = format!(
            r#"{{"merchant_id":"SIMULATEDSELLER","type":"customer.created","event_id":"forged-{b}","created_at":"2026-03-02T10:15:30Z","data":{{"type":"customer","id":"FORGED","object":{{"customer":{{"id":"FORGED","version":9,"given_name":"Mallory"}}}}}}}}"#
        );
        let good = sign(KEY, URL, &body);
        let bad = sign("another-key", URL, &body);
        let last = good.as_bytes()[42];
        let lenient = if last == b'z' { last - 1 } else { last + 1 };
        let lenient = String::from_utf8([&good.as_bytes()[..42], &[lenient], b"="].concat());
        let elsewhere = "http://example.com/webhooks/square";
        let forged = [
            vec![bad.clone()],
            vec![good[..8].to_owned()],
            vec![String::new()],
            vec![good.clone(), bad],
            vec![lenient.unwrap()],
            vec![sign(KEY, elsewhere, &body)],
            vec![sign("", URL, &body)],
        ];
        self.ledger.count("forged event");
        for headers in forged {
            self.send_forged(&body, &headers).await;
        }
    }

    async fn send_forged(&mut self, body: &str, signatures: &[String]) {
        let headers: Vec<&[u8]> = signatures.iter().map(|it| it.as_bytes()).collect();
        let acked = match &self.wire {
            Some(wire) => wire.post(body, &headers).await,
            None => match self.verifier.verify(&headers, Bytes::from(body.to_owned())) {
                Ok(verified) => {
                    let delivery = vec![Delivery::read(&verified)];
                    let taken = self.process.receive.take(delivery, self.now()).await;
                    taken.iter().all(Result::is_ok)
                }
                Err(_) => false,
            },
        };
        self.ledger.sent.push(Sent {
            event_id: None,
            sha256: hex(body),
            acked,
            genuine: false,
        });
    }

    /// Sends an event that came, with something in it changed and signed again.
    async fn send_changed(&mut self, a: u32, from: &str, to: &str) {
        if let Some(event) = self.came.get(a as usize % self.came.len().max(1)) {
            let body = event.body.replacen(from, to, 1);
            self.ledger.count(if to.starts_with(' ') {
                "event id used twice"
            } else {
                "event of another seller"
            });
            self.deliver(vec![signed(&body)], true).await;
        }
    }
}

/// A body as Square would send it.
fn signed(body: &str) -> Event {
    let read: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    Event {
        event_id: read["event_id"].as_str().unwrap_or_default().to_owned(),
        event_type: String::new(),
        body: body.into(),
        signature: sign(KEY, URL, body),
        headers: Vec::new(),
    }
}

fn sent(event: &Event, acked: bool, genuine: bool) -> Sent {
    let body: Option<serde_json::Value> = serde_json::from_str(&event.body).ok();
    Sent {
        event_id: body.and_then(|body| Some(body["event_id"].as_str()?.to_owned())),
        sha256: hex(&event.body),
        acked,
        genuine,
    }
}

/// SHA-256 as hexadecimal digits.
pub(super) fn hex(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
