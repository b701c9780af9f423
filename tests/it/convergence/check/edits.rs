//! Edits: none vanishes without a word, on either side (I30, I31, I36).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Evidence, Row, Violation, fields, same, text};
use crate::convergence::ledger::{LocalEdit, Restored, SellerEdit};

impl Evidence<'_> {
    pub(super) fn check_edits(&self, found: &mut Vec<Violation>) {
        let histories = self.histories();
        for edit in &self.ledger.edits {
            if !self.is_local_edit_kept(edit, &histories) {
                found.push(Violation::new(
                    "I30",
                    format!("an application's edit is gone: {edit:?}"),
                ));
            }
        }
        for edit in &self.ledger.seller {
            if let Some(value) = self.replacement(edit) {
                found.push(Violation::new(
                    "I31",
                    format!(
                        "the seller's {edit:?} was replaced by {value:?}, which did not know it"
                    ),
                ));
            }
        }
    }

    /// Every state of every profile that we know of, or that went into one of those
    /// before anybody told of it.
    fn histories(&self) -> Vec<Vec<Value>> {
        let images = self.table("images").iter();
        let mut known: BTreeSet<String> = images
            .filter_map(|image| text(image, "square_id").map(str::to_owned))
            .collect();
        let aliases = self.square.aliases();
        while let Some((old, _)) = aliases
            .iter()
            .find(|(old, new)| known.contains(*new) && !known.contains(*old))
        {
            known.insert(old.clone());
        }
        known.iter().map(|id| self.square.history(id)).collect()
    }

    fn row(&self, id: &str) -> Option<&Row> {
        self.table("customers")
            .iter()
            .find(|row| text(row, "id") == Some(id))
    }

    /// The row, and those that it went into one after the other.
    fn standing_for(&self, id: &str) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.row(id).into_iter().collect();
        while let Some(next) = rows
            .last()
            .and_then(|row| self.row(text(row, "merged_into")?))
        {
            rows.push(next);
        }
        rows
    }

    /// The row's profile, and those that it went into one after the other.
    fn profiles_of(&self, row: &str) -> Vec<String> {
        let aliases = self.square.aliases();
        let first = self.row(row).and_then(|row| text(row, "square_id"));
        let mut profiles: Vec<String> = first.map(str::to_owned).into_iter().collect();
        while let Some(next) = profiles.last().and_then(|last| aliases.get(last)) {
            profiles.push(next.clone());
        }
        profiles
    }

    fn is_local_edit_kept(&self, edit: &LocalEdit, histories: &[Vec<Value>]) -> bool {
        let field = edit.field;
        let new = edit.new.as_deref();
        let profiles = self.profiles_of(&edit.row);
        let went_there = |row: &str| {
            let its = self.row(row).and_then(|row| text(row, "square_id"));
            its.is_some_and(|its| profiles.iter().any(|profile| profile == its))
        };
        let is_overwritten = self.ledger.edits.iter().any(|later| {
            let is_seen = went_there(&later.row) && same(field, later.old.as_deref(), new);
            edit.at < later.at && later.field == field && (later.row == edit.row || is_seen)
        });
        let is_deleted = self.ledger.deletes.iter().any(|(at, row, profile)| {
            let was_its = profile.as_ref().is_some_and(|it| profiles.contains(it));
            edit.at < *at && (*row == edit.row || was_its)
        });
        if is_overwritten || is_deleted || self.ledger.may_be_lost(edit.at) {
            return true;
        }
        let is_at_square = histories.iter().flatten().any(|state| {
            !state.is_null() && same(field, fields(state).get(field).map(String::as_str), new)
        });
        let is_in_ledger = self.table("conflicts").iter().any(|entry| {
            // Of two rows that were merged, one's edit may be what the other's met.
            let values = ["local_value", "square_value"];
            text(entry, "field") == Some(field)
                && values
                    .iter()
                    .any(|value| same(field, text(entry, value), new))
        });
        let is_listed = self.standing_for(&edit.row).into_iter().any(|row| {
            matches!(text(row, "sync_state"), Some("failed" | "conflict"))
                && same(field, text(row, field), new)
        });
        is_at_square || is_in_ledger || is_listed
    }

    /// What a call of ours put in the place of the seller's value, unless an
    /// application had seen that value, or the ledger tells of it.
    fn replacement(&self, edit: &SellerEdit) -> Option<String> {
        let field = edit.field;
        let seen = |value: &Option<String>| same(field, value.as_deref(), edit.new.as_deref());
        let states = self.square.history(&edit.square_id);
        let values: Vec<(Option<i64>, Option<String>)> = states
            .iter()
            .map(|state| (state["version"].as_i64(), state))
            .filter(|(version, _)| Some(edit.version) <= *version)
            .map(|(version, state)| (version, fields(state).get(field).cloned()))
            .collect();
        let place = values.iter().position(|(_, value)| !seen(value))?;
        let (next, replaced) = (&values[place].1, values[place.checked_sub(1)?].0);
        let is_sellers = self.ledger.seller.iter().any(|later| {
            edit.at < later.at
                && later.square_id == edit.square_id
                && later.field == field
                && same(field, later.new.as_deref(), next.as_deref())
        });
        let is_known = self.led_from(edit, next.as_deref());
        let is_in_ledger = self.table("conflicts").iter().any(|entry| {
            let lost = text(entry, "square_value").map(str::to_owned);
            text(entry, "field") == Some(field) && seen(&lost)
        });
        // Who deletes a row and makes it anew has seen what it held.
        let is_made_anew = self.ledger.deletes.iter().any(|(at, row, profile)| {
            let inserts = &mut self.ledger.inserts.iter();
            edit.at < *at
                && profile.as_ref() == Some(&edit.square_id)
                && inserts.any(|(later, id, _)| at < later && id == row)
        });
        // What was written down of it is gone where a copy of before was put back after.
        let call = self.update_on(&edit.square_id, replaced);
        let is_forgotten =
            |it: &Restored| call.is_some_and(|call| it.copied.calls <= call && call < it.calls);
        let may_be_forgotten = self.ledger.restored.iter().any(is_forgotten);
        (!is_sellers && !is_known && !is_in_ledger && !is_made_anew && !may_be_forgotten)
            .then(|| next.clone().unwrap_or_default())
    }

    /// The number of the call that updated this version of a profile.
    fn update_on(&self, id: &str, version: Option<i64>) -> Option<usize> {
        self.calls.iter().position(|call| {
            call.each().iter().any(|call| {
                let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
                let is_update = call.method == "PUT" && call.path.ends_with(id);
                is_update && call.applied && body["version"].as_i64() == version
            })
        })
    }

    /// Whether an application that saw the seller's value came, by one edit or
    /// several, to this one. What met an edit that came from another row may be
    /// an edit, too, and the ledger tells of it.
    fn led_from(&self, edit: &SellerEdit, last: Option<&str>) -> bool {
        let mut reached: Vec<Option<String>> = vec![last.map(str::to_owned)];
        let mut place = 0;
        while let Some(value) = reached.get(place).cloned() {
            place += 1;
            for before in self.led_to(edit, value.as_deref()) {
                if same(edit.field, before.as_deref(), edit.new.as_deref()) {
                    return true;
                }
                if !reached.contains(&before) {
                    reached.push(before);
                }
            }
        }
        false
    }

    /// What was in the place of this value before.
    fn led_to(&self, edit: &SellerEdit, value: Option<&str>) -> Vec<Option<String>> {
        let (field, mut before) = (edit.field, Vec::new());
        for entry in self.table("conflicts") {
            let is_won = same(field, text(entry, "local_value"), value);
            if text(entry, "field") == Some(field) && is_won {
                before.push(text(entry, "square_value").map(str::to_owned));
            }
        }
        for local in &self.ledger.edits {
            if local.field == field && same(field, local.new.as_deref(), value) {
                before.push(local.old.clone());
                // An edit of a row that was merged away goes where nothing is.
                let was_merged = self.standing_for(&local.row).len() > 1;
                if was_merged && self.profiles_of(&local.row).contains(&edit.square_id) {
                    before.push(None);
                }
            }
        }
        before
    }
}
