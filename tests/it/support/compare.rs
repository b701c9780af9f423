//! Both sides held against each other, field by field.

use serde_json::Value;

use super::App;

impl App {
    /// Fails unless both sides hold the same live customers, field by field.
    #[track_caller]
    pub(crate) fn assert_equal(&self) {
        let mut theirs: Vec<String> = self.square.customers().iter().map(line).collect();
        theirs.sort();
        let mut ours: Vec<String> = self
            .other()
            .values("SELECT profile AS value FROM images WHERE customer_id IN (SELECT id FROM live_customers)")
            .into_iter()
            .flatten()
            .map(|profile| line(&serde_json::from_str(&profile).unwrap()))
            .collect();
        ours.sort();
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
