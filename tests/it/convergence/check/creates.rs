//! Creates: one profile for one row, unless none could find the first (I6, I26).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use squaresync::square::simulator::Call;

use super::{Evidence, Violation, is_hidden};

/// A create that made a profile.
struct Made {
    /// The number of its call.
    number: usize,
    at: DateTime<Utc>,
    key: Option<String>,
    reference: String,
}

impl Evidence<'_> {
    /// Every create, those in bulk calls too, with the number of its call.
    pub(super) fn creates(&self) -> impl Iterator<Item = (usize, Call, Value)> {
        let calls = self.calls.iter().enumerate();
        let each = calls.flat_map(|(number, call)| {
            let each = call.each().into_iter();
            each.map(move |call| (number, call))
        });
        each.filter_map(|(number, call)| {
            let is_create = call.method == "POST" && call.path == "/v2/customers";
            let body = serde_json::from_str(&call.body).ok()?;
            is_create.then_some((number, call, body))
        })
    }

    /// The nickname of a row is there once among all rows, and no story edits it.
    pub(super) fn check_creates(&self, found: &mut Vec<Violation>) {
        let mut made: BTreeMap<String, Vec<Made>> = BTreeMap::new();
        for (number, call, body) in self.creates() {
            let text = |key: &str| body[key].as_str().unwrap_or_default().trim().to_owned();
            let tag = text("nickname");
            let mut inserts = self.ledger.inserts.iter();
            if !inserts.any(|(_, _, known)| *known == tag) {
                found.push(Violation::new(
                    "I6",
                    format!("a create for no row: {}", call.body),
                ));
            }
            if call.applied {
                made.entry(tag).or_default().push(Made {
                    number,
                    at: call.at,
                    key: call.idempotency_key.clone(),
                    reference: text("reference_id"),
                });
            }
        }
        for (tag, made) in made {
            if 1 + self.unfindable(&tag, &made) + usize::from(self.was_denied(&made)) < made.len() {
                found.push(Violation::new(
                    "I26",
                    format!("row {tag} was created {} times", made.len()),
                ));
            }
        }
    }

    /// How many profiles of a row no question could find any more: Square has them
    /// no more; or, once it had forgotten the key that made them or a copy was put
    /// back that knew nothing of them, it hides them from its lists, or the seller
    /// gave them another reference and nothing else tells them, or the reference that
    /// the application gave them is others' too and the seller changed the rest.
    fn unfindable(&self, tag: &str, made: &[Made]) -> usize {
        let was_restored = !self.ledger.restored.is_empty();
        let keys: BTreeSet<&Option<String>> = made.iter().map(|made| &made.key).collect();
        let was_forgotten = was_restored || keys.len() < made.len();
        let is_shared = |state: &Value| {
            let reference = state["reference_id"].as_str().unwrap_or_default();
            reference.starts_with("known-") || reference.starts_with("shared-")
        };
        let events = self.square.events().into_iter();
        let ids: BTreeSet<String> = events
            .filter_map(|event| serde_json::from_str::<Value>(&event.body).ok())
            .filter_map(|event| Some(event["data"]["id"].as_str()?.to_owned()))
            .collect();
        ids.iter()
            .map(|id| (id, self.square.history(id)))
            .filter(|(_, history)| history.iter().any(|state| state["nickname"] == tag))
            .filter(|(id, history)| {
                let first = &history[0]["reference_id"];
                // Another row has claimed it by the reference that the seller gave it.
                let is_claimed = |state: &Value| {
                    let reference = state["reference_id"].as_str().unwrap_or_default();
                    reference.starts_with("known-") && state["reference_id"] != *first
                };
                // Square tells whole seconds.
                let until = made.last().map(|made| made.at + TimeDelta::seconds(1));
                let was_there = |state: &&Value| state.is_null() || changed(state) <= until;
                let shown = history.iter().filter(was_there);
                let last = shown
                    .clone()
                    .filter_map(|state| state["version"].as_i64())
                    .max();
                let is_edited = self
                    .ledger
                    .seller
                    .iter()
                    .any(|edit| edit.square_id == **id && Some(edit.version) <= last);
                shown.clone().any(|state| {
                    let has_contact = ["email_address", "phone_number"]
                        .iter()
                        .any(|key| state[*key].is_string());
                    let was_renamed = state["reference_id"] != *first;
                    let cannot_tell = is_hidden(state)
                        || is_claimed(state)
                        || (was_renamed && (!has_contact || is_edited || was_restored))
                        || (is_shared(state) && (is_edited || was_restored));
                    state.is_null() || (was_forgotten && cannot_tell)
                })
            })
            .count()
    }

    /// Whether Square's index said nothing of those who were there when it was asked
    /// for a row's profile, or when a copy that was put back caught up.
    fn was_denied(&self, made: &[Made]) -> bool {
        let is_denied = |pair: &[Made]| {
            let mut between = (pair[0].number..pair[1].number).map(|it| (it, &self.calls[it]));
            between.any(|(number, call)| {
                let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
                let asked = body["query"]["filter"]["reference_id"]["exact"].as_str();
                let mut restored = self.ledger.restored.iter();
                let catches_up = restored.any(|it| pair[0].number < it.calls && it.calls <= number);
                call.is_short && (asked == Some(&pair[1].reference) || catches_up)
            })
        };
        made.windows(2).any(is_denied)
    }
}

/// When this state of a profile began.
fn changed(state: &Value) -> Option<DateTime<Utc>> {
    let text = state["updated_at"].as_str()?;
    Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}
