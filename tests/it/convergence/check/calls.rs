//! Calls: one profile for one row, one body for one key, on disk before it is
//! sent; only what differs is written, on top of a version (I26-I29, I31, I35, I38).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use squaresync::square::simulator::{Call, Fault};

use super::{Evidence, Violation, fields, is_hidden, same, text};

/// A create that made a profile.
struct Made {
    /// The number of its call.
    number: usize,
    key: Option<String>,
    reference: String,
}

impl Evidence<'_> {
    pub(super) fn check_calls(&self, found: &mut Vec<Violation>) {
        self.check_creates(found);
        self.check_keys(found);
        self.check_lookups(found);
        for call in self.calls.iter().flat_map(Call::each) {
            let call = &call;
            match call.method.as_str() {
                "PUT" => self.check_update(call, found),
                "DELETE" => self.check_delete(call, found),
                _ => {}
            }
        }
        for body in &self.undurable {
            found.push(Violation::new(
                "I29",
                format!("sent before it was on disk: {body}"),
            ));
        }
    }

    /// Every create, those in bulk calls too, with the number of its call.
    fn creates(&self) -> impl Iterator<Item = (usize, Call, Value)> {
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
    fn check_creates(&self, found: &mut Vec<Violation>) {
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
                let is_edited = self.ledger.seller.iter().any(|edit| edit.square_id == **id);
                history.iter().any(|state| {
                    let has_contact = ["email_address", "phone_number"]
                        .iter()
                        .any(|key| state[*key].is_string());
                    let was_renamed = state["reference_id"] != *first;
                    let cannot_tell = is_hidden(state)
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
        let fired = self.square.all_fired();
        let has_lied = [Fault::EmptyIndex, Fault::HalfIndex]
            .iter()
            .any(|fault| fired.contains_key(fault));
        let is_asked = |pair: &[Made]| {
            let between = &self.calls[pair[0].number..pair[1].number];
            between.iter().any(|call| {
                let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
                let asked = body["query"]["filter"]["reference_id"]["exact"].as_str();
                asked == Some(&pair[1].reference)
            })
        };
        has_lied && (!self.ledger.restored.is_empty() || made.windows(2).any(is_asked))
    }

    /// One body a key, by one way, and another key or way only after a definite
    /// answer. A copy that was put back knows neither, and begins anew.
    fn check_keys(&self, found: &mut Vec<Violation>) {
        let mut bodies: BTreeMap<(usize, String), String> = BTreeMap::new();
        let mut last: BTreeMap<(usize, String), (String, bool, bool)> = BTreeMap::new();
        for (number, call, mut body) in self.creates() {
            let restored = self.ledger.restored.iter();
            let epoch = restored.filter(|it| it.calls <= number).count();
            let Some(key) = call.idempotency_key.clone() else {
                let words = format!("a create without a key: {}", call.body);
                found.push(Violation::new("I26", words));
                continue;
            };
            let tag = body["nickname"].as_str().unwrap_or_default().trim();
            let tag = tag.to_owned();
            let is_alone = body
                .as_object_mut()
                .is_some_and(|body| body.remove("idempotency_key").is_some());
            let body = body.to_string();
            let first = bodies.entry((epoch, key.clone())).or_insert(body.clone());
            if *first != body {
                let words = format!("key {key} came with another body: {body}");
                found.push(Violation::new("I27", words));
            }
            let is_definite = matches!(call.status, Some(400..=404 | 409..=428));
            let before = last.insert((epoch, tag), (key.clone(), is_alone, is_definite));
            if let Some((old, was_alone, false)) = before
                && (&old, was_alone) != (&key, is_alone)
            {
                let words = format!("a second key, or way, for one row: {old}, {key}");
                found.push(Violation::new("I28", words));
            }
        }
    }

    /// A question about somebody that failed is asked again before that one is made (I38).
    fn check_lookups(&self, found: &mut Vec<Violation>) {
        for (place, pair) in self.calls.windows(2).enumerate() {
            let each = pair[1].each();
            let [made] = each.as_slice() else {
                continue;
            };
            let asked = &pair[0];
            let has_failed = matches!(
                asked.status,
                None | Some(307 | 401 | 403 | 408 | 429 | 500..)
            );
            let is_create = made.method == "POST" && made.path == "/v2/customers";
            let earlier: Vec<Call> = self.calls[..place].iter().flat_map(Call::each).collect();
            let is_repeated = earlier
                .iter()
                .any(|call| call.idempotency_key == made.idempotency_key);
            if is_repeated {
                continue;
            }
            if asked.path != "/v2/customers/search" || !has_failed || !is_create {
                continue;
            }
            let read = |call: &Call| serde_json::from_str::<Value>(&call.body).unwrap_or_default();
            let (filter, body) = (read(asked)["query"]["filter"].take(), read(made));
            let is_about = |field: &str| {
                let value = filter[field]["exact"].as_str();
                let has_it = |body: &Value| same(field, value, body[field].as_str());
                // Another row with the same reference may be the one that was asked about.
                let others = earlier.iter().filter(|call| call.idempotency_key.is_some());
                let is_anothers = others
                    .map(read)
                    .any(|other| other["nickname"] != body["nickname"] && has_it(&other));
                value.is_some() && has_it(&body) && !is_anothers
            };
            if ["reference_id", "email_address", "phone_number"]
                .into_iter()
                .any(is_about)
            {
                found.push(Violation::new(
                    "I38",
                    format!("a failed lookup was taken for an empty one: {}", made.body),
                ));
            }
        }
    }

    fn check_update(&self, call: &Call, found: &mut Vec<Violation>) {
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let id = call.path.rsplit('/').next().unwrap_or_default();
        let Some(version) = body["version"].as_i64() else {
            found.push(Violation::new(
                "I31",
                format!("an update without version: {}", call.body),
            ));
            return;
        };
        let history = self.square.history(id);
        let Some(base) = history
            .iter()
            .find(|state| state["version"].as_i64() == Some(version))
        else {
            found.push(Violation::new(
                "I31",
                format!("an update on a version that never was: {}", call.body),
            ));
            return;
        };
        let (base, sent) = (fields(base), fields(&body));
        for (field, value) in &sent {
            if base.get(field) == Some(value) {
                found.push(Violation::new(
                    "I31",
                    format!("an update of what is so already: {field} of {id}"),
                ));
            }
        }
    }

    fn check_delete(&self, call: &Call, found: &mut Vec<Violation>) {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let id = path.rsplit('/').next().unwrap_or_default();
        if !query.starts_with("version=") {
            found.push(Violation::new(
                "I31",
                format!("a delete without version: {}", call.path),
            ));
        }
        let rows: BTreeSet<&str> = self
            .table("images")
            .iter()
            .filter(|image| text(image, "square_id") == Some(id))
            .filter_map(|image| text(image, "customer_id"))
            .collect();
        // A copy that was put back does not know whose row it was; its tag does.
        let history = self.square.history(id);
        let has_tag = |row: &str| {
            let inserts = &mut self.ledger.inserts.iter();
            inserts.any(|(_, id, tag)| id == row && history.iter().any(|it| it["nickname"] == *tag))
        };
        let is_asked = self.ledger.deletes.iter().any(|(_, row, profile)| {
            rows.contains(row.as_str()) || profile.as_deref() == Some(id) || has_tag(row)
        });
        if !is_asked || !self.setting.push_deletes {
            found.push(Violation::new(
                "I35",
                format!("nobody asked to delete {id}"),
            ));
        }
    }
}
