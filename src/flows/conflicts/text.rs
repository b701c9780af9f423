//! The ledger in words: the reports in, lines for a person out.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::Timestamp;
use crate::flows::conflicts::{Candidate, Line, List, Now, Shown};
use crate::flows::table;

/// What stands for the field where there is none.
const WHICH: &str = "which profile";

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.conflicts.is_empty() {
            return f.write_str(if self.all {
                "There never was a conflict."
            } else {
                "No conflict waits for a person."
            });
        }
        let heads = ["number", "row", "field", "how it stands", "since"];
        let cells = |line: &Line| {
            [
                line.number.to_string(),
                line.customer_id.clone(),
                line.field.unwrap_or(WHICH).to_owned(),
                line.standing(),
                table::moment(line.resolved_at.unwrap_or(line.found_at)),
            ]
        };
        let rows: Vec<_> = self.conflicts.iter().map(cells).collect();
        f.write_str(&table::lines(heads, &rows))
    }
}

impl Line {
    /// What decided, if anything did, in a few words.
    fn standing(&self) -> String {
        let taken = match self.taken {
            Some("square") => "Square's stands",
            Some("local") if self.field.is_none() => "a new profile",
            Some("local") => "the application's stands",
            Some(_) => "another value stands",
            None => "nothing taken",
        };
        match (self.state, self.rule) {
            ("open", _) => "open".to_owned(),
            ("outdated", _) => "outdated: the row was written since".to_owned(),
            ("decided", Some("deleted")) => format!("{taken}: the profile has ended"),
            ("decided", Some(rule)) => format!("{taken}: rule {rule}"),
            _ => format!("{taken}: a person decided"),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = &self.line;
        let mut pairs = vec![
            ("number", Some(line.number.to_string())),
            ("row", Some(line.customer_id.clone())),
            ("profile", line.square_id.clone()),
            ("seller", Some(line.merchant_id.clone())),
            ("field", Some(line.field.unwrap_or(WHICH).to_owned())),
            ("how it stands", Some(line.standing())),
            ("found", Some(table::moment(line.found_at))),
            ("resolved", line.resolved_at.map(table::moment)),
        ];
        if line.field.is_some() {
            pairs.extend([
                ("agreed before", Some(valued(&self.base, None))),
                ("square", Some(valued(&self.square, self.square_at))),
                ("local", Some(valued(&self.local, self.local_at))),
            ]);
        }
        let row = match &self.row {
            Some(row) => row.words(),
            None => "it is not in the table any more".to_owned(),
        };
        pairs.push(("row now", Some(row)));
        pairs.extend(
            self.profiles
                .iter()
                .map(|profile| ("it may be", Some(profile.words()))),
        );
        f.write_str(&table::pairs(&pairs))
    }
}

impl Now {
    fn words(&self) -> String {
        let state = if self.deleted {
            "gone at Square"
        } else {
            self.sync_state
        };
        format!("{} ({state}) {}", self.customer_id, spelled(&self.fields))
    }
}

impl Candidate {
    fn words(&self) -> String {
        let mut words = self.square_id.clone();
        if self.deleted {
            words += ", gone at Square";
        }
        if let Some(at) = self.updated_at {
            words += &format!(", changed {}", table::moment(at));
        }
        if let Some(row) = &self.customer_id {
            words += &format!(", row {row} now");
        }
        format!("{words}: {}", spelled(&self.fields))
    }
}

/// A value, and when it was written where that is known.
fn valued(value: &Option<String>, at: Option<Timestamp>) -> String {
    let value = value
        .as_ref()
        .map_or_else(|| "nothing".to_owned(), |value| format!("'{value}'"));
    match at {
        Some(at) => format!("{value}, written {}", table::moment(at)),
        None => value,
    }
}

fn spelled(fields: &BTreeMap<&'static str, String>) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(column, value)| format!("{column} '{value}'"))
        .collect();
    match fields.as_slice() {
        [] => "holds nothing of this".to_owned(),
        fields => fields.join(", "),
    }
}
