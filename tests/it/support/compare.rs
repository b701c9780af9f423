//! Both sides held against each other, field by field.

use serde_json::Value;
use squaresync::square::simulator::Simulator;

use super::{App, OtherProgram, TestDb};

/// The profiles of live rows as we hold them, a line each.
pub(crate) fn held(db: &TestDb) -> Vec<String> {
    let mut lines: Vec<String> = OtherProgram::new(db)
        .values("SELECT profile AS value FROM images WHERE customer_id IN (SELECT id FROM live_customers)")
        .into_iter()
        .flatten()
        .map(|profile| line(&serde_json::from_str(&profile).unwrap()))
        .collect();
    lines.sort();
    lines
}

/// The profiles as Square has them, a line each.
pub(crate) fn at_square(square: &Simulator) -> Vec<String> {
    let mut lines: Vec<String> = square.customers().iter().map(line).collect();
    lines.sort();
    lines
}

impl App {
    /// Fails unless both sides hold the same live customers, field by field.
    #[track_caller]
    pub(crate) fn assert_equal(&self) {
        let (ours, theirs) = (held(&self.db), at_square(&self.square));
        assert_eq!(ours, theirs, "the images differ from Square");
        let mut rows = self.other().values(
            "SELECT square_id || ' ' || square_version || ' ' || coalesce(given_name, '-') || ' ' || \
             coalesce(note, '-') || ' ' || sync_state AS value FROM live_customers",
        );
        rows.sort();
        let mut expected: Vec<Option<String>> = self
            .square
            .customers()
            .iter()
            .map(|customer| {
                let text = |key: &str| {
                    customer
                        .get(key)
                        .and_then(Value::as_str)
                        .unwrap_or("-")
                        .to_owned()
                };
                let version = customer["version"].as_i64().unwrap();
                Some(format!(
                    "{} {version} {} {} synced",
                    text("id"),
                    text("given_name"),
                    text("note")
                ))
            })
            .collect();
        expected.sort();
        assert_eq!(rows, expected, "the rows differ from Square");
    }
}

/// A customer in one line, but for what Square shows in some places only.
fn line(customer: &Value) -> String {
    let mut customer = customer.clone();
    customer.as_object_mut().unwrap().remove("segment_ids");
    customer.to_string()
}
