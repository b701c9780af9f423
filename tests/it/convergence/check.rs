//! The checker: holds what squaresync has on disk, and what it asked of Square,
//! against the ledgers of a story. It shares no code with the flows: it reads
//! tables as JSON, profiles as JSON, and calls as they arrived.

mod calls;
mod creates;
mod edits;
mod ends;
mod events;
mod merges;
mod tables;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use squaresync::square::simulator::{Call, Simulator};

use super::ledger::Ledger;
use super::stage::Stage;
use super::world::Setting;

/// A row of a table, or a profile.
pub(super) type Row = Map<String, Value>;

/// Something that must hold and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The invariant, by its number.
    pub(crate) invariant: &'static str,
    /// What is wrong, and with what.
    pub(crate) words: String,
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, words: String) -> Self {
        Self { invariant, words }
    }
}

/// Everything that is held against each other.
pub(super) struct Evidence<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) square: &'a Simulator,
    pub(super) calls: Vec<Call>,
    pub(super) tables: BTreeMap<&'static str, Vec<Row>>,
    /// Creates that were sent before they were on disk.
    pub(super) undurable: Vec<String>,
    pub(super) setting: Setting,
}

impl<'a> Evidence<'a> {
    pub(super) fn gather(
        ledger: &'a Ledger,
        square: &'a Simulator,
        stage: &mut Stage,
        undurable: Vec<String>,
        setting: Setting,
    ) -> Self {
        let names = [
            "customers",
            "images",
            "inbox",
            "outbox",
            "changes",
            "conflicts",
            "marks",
            "local_edits",
        ];
        Self {
            ledger,
            square,
            calls: square.calls(),
            tables: names
                .into_iter()
                .map(|name| (name, stage.table(name)))
                .collect(),
            undurable,
            setting,
        }
    }

    pub(super) fn table(&self, name: &str) -> &[Row] {
        &self.tables[name]
    }

    /// Everything that is wrong.
    pub(super) fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        self.check_tables(&mut found);
        self.check_ends(&mut found);
        self.check_events(&mut found);
        self.check_calls(&mut found);
        self.check_edits(&mut found);
        found
    }
}

/// The text under a key; none where it is null or absent.
pub(super) fn text<'a>(row: &'a Row, key: &str) -> Option<&'a str> {
    row.get(key)?.as_str()
}

/// The number under a key.
pub(super) fn number(row: &Row, key: &str) -> Option<i64> {
    row.get(key)?.as_i64()
}

/// Whether a column is true: SQLite has numbers for it.
pub(super) fn is_true(row: &Row, key: &str) -> bool {
    matches!(row.get(key), Some(Value::Bool(true))) || number(row, key) == Some(1)
}

/// A profile's fields, by the columns that hold them.
pub(super) fn fields(profile: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut take = |object: Option<&Value>, keys: &[&str]| {
        for key in keys {
            if let Some(text) = object.and_then(|object| object[*key].as_str()) {
                let column = if *key == "eu_vat" {
                    "tax_id_eu_vat"
                } else {
                    key
                };
                fields.insert(column.to_owned(), text.to_owned());
            }
        }
    };
    take(Some(profile), &PLAIN);
    take(profile.get("address"), &ADDRESS);
    take(profile.get("tax_ids"), &["eu_vat"]);
    fields
}

/// Fields at the top of a profile.
pub(super) const PLAIN: [&str; 9] = [
    "given_name",
    "family_name",
    "company_name",
    "nickname",
    "email_address",
    "phone_number",
    "birthday",
    "reference_id",
    "note",
];

/// Fields within its address.
pub(super) const ADDRESS: [&str; 12] = [
    "address_line_1",
    "address_line_2",
    "address_line_3",
    "locality",
    "sublocality",
    "sublocality_2",
    "sublocality_3",
    "administrative_district_level_1",
    "administrative_district_level_2",
    "administrative_district_level_3",
    "postal_code",
    "country",
];

/// Whether Square takes two values for the same.
pub(super) fn same(field: &str, one: Option<&str>, other: Option<&str>) -> bool {
    let plain = |text: Option<&str>| {
        let text = text.unwrap_or_default().trim().to_owned();
        match field {
            "phone_number" => text.chars().filter(char::is_ascii_digit).collect(),
            "email_address" => text.to_lowercase(),
            "birthday" => text.trim_start_matches("0000-").to_owned(),
            _ => text,
        }
    };
    plain(one) == plain(other)
}

/// Whether a profile is on no list, since nobody could be told by it.
pub(super) fn is_hidden(profile: &Value) -> bool {
    let public = [
        "given_name",
        "family_name",
        "company_name",
        "email_address",
        "phone_number",
    ];
    public.iter().all(|key| profile.get(*key).is_none())
}
