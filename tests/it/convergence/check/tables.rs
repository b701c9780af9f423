//! Both sides at the end: the same customers, the same values, every end with
//! its cause, every merged id with its survivor (I11-I13, I16-I19, I22, I25, I43).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Evidence, Row, Violation, fields, is_true, number, text};

impl Evidence<'_> {
    pub(super) fn check_tables(&self, found: &mut Vec<Violation>) {
        self.check_live(found);
        self.check_images(found);
        self.check_rows(found);
        self.check_merges(found);
        self.check_versions(found);
        self.check_segments(found);
        for (table, rows) in [
            ("outbox", self.table("outbox")),
            ("local_edits", self.table("local_edits")),
        ] {
            if !rows.is_empty() {
                found.push(Violation::new(
                    "I43",
                    format!("{} rows in {table}", rows.len()),
                ));
            }
        }
        for mark in self.table("marks") {
            let reached = moment(text(mark, "reached_at").unwrap_or_default());
            let now = self.square.now().naive_utc() + chrono::TimeDelta::seconds(3);
            if reached.is_none_or(|reached| now < reached) {
                found.push(Violation::new(
                    "I22",
                    format!("a mark beyond Square's time: {mark:?}"),
                ));
            }
        }
        for words in &self.ledger.strange {
            found.push(Violation::new("I66", words.clone()));
        }
    }

    /// The customers at Square, by id.
    fn theirs(&self) -> BTreeMap<String, Value> {
        let customers = self.square.customers().into_iter();
        customers
            .map(|customer| (customer["id"].as_str().unwrap().to_owned(), customer))
            .collect()
    }

    fn check_live(&self, found: &mut Vec<Violation>) {
        let theirs = self.theirs();
        let mut ours: BTreeSet<String> = BTreeSet::new();
        for row in self.live_rows() {
            let Some(id) = text(row, "square_id") else {
                if text(row, "sync_state") == Some("synced") {
                    found.push(Violation::new(
                        "I11",
                        format!("synced without a profile: {row:?}"),
                    ));
                }
                continue;
            };
            if !ours.insert(id.to_owned()) {
                found.push(Violation::new(
                    "I11",
                    format!("two rows of one profile: {id}"),
                ));
            }
            if !theirs.contains_key(id) {
                found.push(Violation::new(
                    "I11",
                    format!("a live row of a profile that is gone: {id}"),
                ));
            }
        }
        for (id, customer) in theirs.iter().filter(|(id, _)| !ours.contains(*id)) {
            if self.cannot_show(customer) {
                continue;
            }
            found.push(Violation::new(
                "I11",
                format!("no live row of profile {id}"),
            ));
        }
    }

    /// No list shows a profile without any public field, and nobody asks for one that
    /// is not known, or known to have ended: only an event could have told of it.
    fn cannot_show(&self, customer: &Value) -> bool {
        let id = &customer["id"];
        let is_held = |image: &&Row| image.get("square_id") == Some(id);
        let image = self.table("images").iter().find(is_held);
        let has_ended = image.is_none_or(|image| text(image, "tombstone_cause").is_some());
        let ended_at = image.and_then(|image| number(image, "version"));
        let tells = |event: &Value| {
            let shown = &event["data"]["object"]["customer"];
            let version = shown["version"].as_i64();
            let is_end = event["type"] == "customer.deleted";
            shown["id"] == *id && !is_end && ended_at < version
        };
        super::is_hidden(customer) && has_ended && !self.told().iter().any(tells)
    }

    fn live_rows(&self) -> impl Iterator<Item = &Row> {
        self.table("customers")
            .iter()
            .filter(|row| text(row, "deleted_at").is_none())
    }

    fn check_images(&self, found: &mut Vec<Violation>) {
        let theirs = self.theirs();
        for image in self.table("images") {
            let id = text(image, "square_id").unwrap_or_default();
            let history = self.square.history(id);
            if history.is_empty() {
                found.push(Violation::new("I6", format!("an image of nobody: {id}")));
                continue;
            }
            let profile: Value =
                serde_json::from_str(text(image, "profile").unwrap_or("null")).unwrap();
            let version = number(image, "version");
            let same = history
                .iter()
                .filter(|state| !state.is_null() && state["version"].as_i64() == version)
                .any(|state| fields(state) == fields(&profile));
            if version.is_some() && !same {
                found.push(Violation::new(
                    "I13",
                    format!("{id} never was as its image: {profile}"),
                ));
            }
            if is_true(image, "unmerged") {
                found.push(Violation::new("I43", format!("the row of {id} waits")));
            }
            match (theirs.get(id), text(image, "tombstone_cause")) {
                (Some(customer), _)
                    if customer["version"].as_i64() != version && !self.cannot_show(customer) =>
                {
                    found.push(Violation::new(
                        "I11",
                        format!(
                            "{id} is at version {}, its image at {version:?}",
                            customer["version"]
                        ),
                    ));
                }
                (None, None) => {
                    found.push(Violation::new(
                        "I19",
                        format!("{id} is gone, without a cause"),
                    ));
                }
                _ => {}
            }
        }
    }

    fn check_rows(&self, found: &mut Vec<Violation>) {
        let theirs = self.theirs();
        for row in self.live_rows() {
            let state = text(row, "sync_state").unwrap_or_default();
            if state == "pending" {
                found.push(Violation::new(
                    "I43",
                    format!("a row stays pending: {row:?}"),
                ));
            }
            if state != "synced" && text(row, "sync_error").is_none() {
                found.push(Violation::new(
                    "I30",
                    format!("a row is {state} without a word: {row:?}"),
                ));
            }
            let Some(customer) = text(row, "square_id").and_then(|id| theirs.get(id)) else {
                continue;
            };
            let held: BTreeMap<String, String> = super::PLAIN
                .iter()
                .chain(&super::ADDRESS)
                .filter_map(|column| Some(((*column).to_owned(), text(row, column)?.to_owned())))
                .collect();
            if state == "synced" && held != fields(customer) {
                found.push(Violation::new(
                    "I11",
                    format!("row {held:?} differs from {customer}"),
                ));
            }
            if number(row, "square_version") != customer["version"].as_i64() {
                found.push(Violation::new(
                    "I11",
                    format!("row of another version: {row:?}"),
                ));
            }
        }
    }

    /// Versions never go down in the log.
    fn check_versions(&self, found: &mut Vec<Violation>) {
        let mut last: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        let mut changes: Vec<&Row> = self.table("changes").iter().collect();
        changes.sort_by_key(|change| number(change, "seq"));
        for change in changes {
            let (Some(id), Some(version)) = (text(change, "square_id"), number(change, "version"))
            else {
                continue;
            };
            // A row that gave its profile up stays as it was then.
            let row = text(change, "customer_id").unwrap_or_default();
            let before = last.insert((id, row), version).unwrap_or(version);
            if version < before {
                found.push(Violation::new(
                    "I12",
                    format!("{id} went from version {before} to {version}"),
                ));
            }
        }
    }

    /// What no event carries is not cleared by one.
    fn check_segments(&self, found: &mut Vec<Violation>) {
        for change in self.table("changes") {
            let id = text(change, "square_id").unwrap_or_default();
            let fields: Value =
                serde_json::from_str(text(change, "fields").unwrap_or("null")).unwrap();
            let (old, new) = (&fields["segment_ids"][0], &fields["segment_ids"][1]);
            let is_plain = !self.ledger.segmented.iter().any(|it| it == id);
            if is_plain && !old.is_null() && new.is_null() {
                found.push(Violation::new(
                    "I25",
                    format!("the segments of {id} were cleared"),
                ));
            }
        }
    }
}

/// A time as either database writes it.
fn moment(text: &str) -> Option<chrono::NaiveDateTime> {
    let text = text.replace('T', " ");
    chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok()
}
