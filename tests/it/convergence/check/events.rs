//! Events: what was acked is kept, byte for byte and once; nothing else is
//! (I1, I3-I9, I62).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Evidence, Violation, is_true, text};

impl Evidence<'_> {
    /// What Square said in the events that were kept, byte for byte or as it lists them.
    pub(super) fn told(&self) -> Vec<Value> {
        let genuine = self.ledger.sent.iter().filter(|sent| sent.genuine);
        let genuine: BTreeSet<(Option<&str>, &str)> = genuine
            .map(|sent| (sent.event_id.as_deref(), sent.sha256.as_str()))
            .collect();
        let is_square = |event: &&super::Row| {
            let (id, hash) = (text(event, "event_id"), text(event, "body_sha256"));
            let is_ours = text(event, "merchant_id") == Some(&self.square.merchant_id);
            is_ours
                && (is_true(event, "listed") || genuine.contains(&(id, hash.unwrap_or_default())))
        };
        let kept: BTreeSet<&str> = self
            .table("inbox")
            .iter()
            .filter(is_square)
            .filter_map(|event| text(event, "event_id"))
            .collect();
        let events = self.square.events().into_iter();
        events
            .filter(|event| kept.contains(event.event_id.as_str()))
            .map(|event| serde_json::from_str(&event.body).unwrap())
            .collect()
    }

    pub(super) fn check_events(&self, found: &mut Vec<Violation>) {
        let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
        for event in self.table("inbox") {
            *kept
                .entry(text(event, "body_sha256").unwrap_or_default())
                .or_default() += 1;
            let state = text(event, "state").unwrap_or_default();
            if state == "waiting" {
                found.push(Violation::new("I9", format!("an event waits: {event:?}")));
            }
            if state != "applied" && state != "superseded" && text(event, "reason").is_none() {
                found.push(Violation::new(
                    "I9",
                    format!("an event is {state} for no reason: {event:?}"),
                ));
            }
        }
        for (hash, times) in &kept {
            if 1 < *times {
                found.push(Violation::new(
                    "I5",
                    format!("event {hash} is there {times} times"),
                ));
            }
        }
        self.check_acks(&kept, found);
        self.check_origins(found);
        if 0 < self.ledger.false_acks {
            found.push(Violation::new(
                "I4",
                format!("{} events acked and not committed", self.ledger.false_acks),
            ));
        }
    }

    /// What was acked is kept, unless it went with a copy that was put back.
    fn check_acks(&self, kept: &BTreeMap<&str, usize>, found: &mut Vec<Violation>) {
        for (number, sent) in self.ledger.sent.iter().enumerate() {
            let gone_with_a_copy = self
                .ledger
                .restored
                .iter()
                .any(|it| (it.copied.sent..it.sent).contains(&number));
            let is_listed = |event: &&super::Row| {
                is_true(event, "listed") && text(event, "event_id") == sent.event_id.as_deref()
            };
            let is_kept = kept.contains_key(sent.sha256.as_str())
                || self.table("inbox").iter().any(|event| is_listed(&event));
            if sent.acked && !is_kept && !gone_with_a_copy {
                let is_genuine = sent.genuine;
                found.push(Violation::new(
                    "I1",
                    format!("acked and lost: {:?}, genuine: {is_genuine}", sent.event_id),
                ));
            }
            if !sent.genuine && (sent.acked || is_kept) {
                found.push(Violation::new("I3", "a forged event got in".to_owned()));
            }
        }
    }

    /// Nothing is kept that nobody sent, and nothing of another seller's took effect.
    fn check_origins(&self, found: &mut Vec<Violation>) {
        let genuine: BTreeSet<&str> = self
            .ledger
            .sent
            .iter()
            .filter(|sent| sent.genuine)
            .map(|sent| sent.sha256.as_str())
            .collect();
        let happened: BTreeSet<String> = self
            .square
            .events()
            .into_iter()
            .map(|event| event.event_id)
            .collect();
        for event in self.table("inbox") {
            let is_known = if is_true(event, "listed") {
                happened.contains(text(event, "event_id").unwrap_or_default())
            } else {
                genuine.contains(text(event, "body_sha256").unwrap_or_default())
            };
            if !is_known {
                found.push(Violation::new("I6", format!("never sent: {event:?}")));
            }
        }
        for event in self.table("inbox") {
            let is_ours = text(event, "merchant_id") == Some(&self.square.merchant_id);
            if !is_ours && matches!(text(event, "state"), Some("applied" | "superseded")) {
                found.push(Violation::new(
                    "I62",
                    format!("another seller's event was taken: {event:?}"),
                ));
            }
        }
        for change in self.table("changes") {
            let seller = text(change, "merchant_id").unwrap_or_default();
            if seller != self.square.merchant_id {
                found.push(Violation::new(
                    "I62",
                    format!("a change of another seller's: {seller}"),
                ));
            }
        }
    }
}
