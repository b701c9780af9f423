//! Calls: one body for one key, on disk before it is sent; only what differs is
//! written, on top of a version (I27-I29, I31, I35, I38).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use squaresync::square::simulator::Call;

use super::{Evidence, Violation, fields, same, text};

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
            if asked.path != "/v2/customers/search" || !has_failed || !is_create {
                continue;
            }
            let mut earlier = self.calls[..place].iter().flat_map(Call::each);
            if earlier.any(|call| call.idempotency_key == made.idempotency_key) {
                continue;
            }
            let read = |call: &Call| serde_json::from_str::<Value>(&call.body).unwrap_or_default();
            let (filter, body) = (read(asked)["query"]["filter"].take(), read(made));
            let is_about = |field: &str| {
                let value = filter[field]["exact"].as_str();
                let has_it = |body: &Value| same(field, value, body[field].as_str());
                // Another row with the same reference may be the one that was asked about.
                let mut others = self.creates().map(|(_, _, body)| body);
                let is_anothers =
                    others.any(|other| other["nickname"] != body["nickname"] && has_it(&other));
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
