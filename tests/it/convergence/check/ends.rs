//! Ends of rows: none ends while its profile stays (I19), nor many unapproved (I20).

use serde_json::Value;

use super::{Evidence, Violation, text};

impl Evidence<'_> {
    pub(super) fn check_ends(&self, found: &mut Vec<Violation>) {
        for words in &self.ledger.beyond_the_cap {
            found.push(Violation::new("I20", words.clone()));
        }
        for change in self.table("changes") {
            let fields: Value =
                serde_json::from_str(text(change, "fields").unwrap_or("null")).unwrap();
            let becomes =
                |column: &str| fields[column][0].is_null() && fields[column][1].is_string();
            // A row that gives its profile up to another one ends alone.
            let is_given_up = becomes("merged_into");
            let id = text(change, "square_id").unwrap_or_default();
            let has_ended = self.square.history(id).iter().any(Value::is_null);
            if becomes("deleted_at") && !is_given_up && !has_ended {
                found.push(Violation::new(
                    "I19",
                    format!("a row ended, and {id} never did: {fields}"),
                ));
            }
        }
    }
}
