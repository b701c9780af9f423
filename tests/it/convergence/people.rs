//! The acts of people: the seller at Square; what applications do is in
//! `application`.

use serde_json::{Value, json};

use super::act::{Act, Kind};
use super::ledger::SellerEdit;
use super::world::World;

/// The fields that stories edit, each with its key in Square's profile.
pub(super) const FIELDS: [&str; 6] = [
    "given_name",
    "note",
    "phone_number",
    "birthday",
    "address_line_1",
    "email_address",
];

impl World<'_> {
    pub(super) async fn play_people(&mut self, act: Act) {
        let [a, b, c] = act.picks;
        match act.kind {
            Kind::SquareCreates => self.seller_creates(a),
            Kind::SquareEdits => {
                let value = self.value(FIELDS[b as usize % 6], c);
                self.seller_sets(a, FIELDS[b as usize % 6], Some(value));
            }
            // Not the name: a profile without any is not shown.
            Kind::SquareClears => self.seller_sets(a, FIELDS[1 + b as usize % 5], None),
            Kind::SquareDeletes => {
                if let Some(id) = self.customer(a) {
                    self.square.delete(&id);
                }
            }
            Kind::SquareMerges => self.seller_merges(a, b, c),
            Kind::SquareHides => {
                if let Some(id) = self.customer(a) {
                    for field in ["given_name", "phone_number", "email_address"] {
                        self.seller_sets_of(&id, field, None);
                    }
                    self.ledger.count("hidden");
                }
            }
            Kind::SquareEmpties if a.is_multiple_of(3) => self.empties(a / 3, b).await,
            Kind::SquareRestores => self.square_restores(a, b),
            Kind::SquareSegments => {
                if let Some(id) = self.customer(a) {
                    self.square
                        .update(&id, &json!({ "segment_ids": [format!("S{b}")] }));
                    self.ledger.segmented.push(id);
                }
            }
            Kind::Inserts => {
                self.inserts(a, b, None);
                if c.is_multiple_of(4) {
                    self.inserts_more(a, b, c / 4);
                }
            }
            Kind::InsertsTwin => self.inserts_twin(a, b),
            Kind::InsertsBad => self.inserts_bad(a),
            Kind::Edits => {
                let value = self.value(FIELDS[b as usize % 6], c);
                self.edits(a, FIELDS[b as usize % 6], Some(value));
                if c.is_multiple_of(5) {
                    self.edits_more(a, b, c / 5);
                }
            }
            Kind::EditsSame => self.edits_same(a, b),
            Kind::Clears => self.edits(a, FIELDS[1 + b as usize % 5], None),
            Kind::Deletes => self.deletes(a),
            Kind::InsertsAgain => {
                if let Some(id) = self.deleted_rows.pop_first() {
                    self.inserts(a, b, Some(id));
                }
            }
            _ => self.play_events(act).await,
        }
    }

    /// A customer that is at Square now.
    pub(super) fn customer(&self, pick: u32) -> Option<String> {
        let customers = self.square.customers();
        let customer = customers.get(pick as usize % customers.len().max(1))?;
        Some(customer["id"].as_str()?.to_owned())
    }

    /// A value that no field had before, in one of several spellings.
    pub(super) fn value(&mut self, field: &str, spelling: u32) -> String {
        self.values += 1;
        let number = self.values;
        let odd = spelling.is_multiple_of(4);
        match field {
            "phone_number" if odd => format!("+1 (212) 555-{number:04}"),
            "phone_number" => format!("+1212555{number:04}"),
            "birthday" if odd && number < 300 => {
                format!("{:02}-{:02}", 1 + number / 28 % 12, 1 + number % 28)
            }
            "birthday" => format!("19{:02}-{:02}-11", number / 12 % 100, 1 + number % 12),
            "email_address" if odd => format!("Person{number}@Example.com"),
            "email_address" => format!("person{number}@example.com"),
            _ if odd => format!(" {field} of D'Arcy {number} "),
            _ => format!("{field} {number}"),
        }
    }

    fn seller_creates(&mut self, a: u32) {
        let name = self.value("given_name", 1);
        let mut profile = json!({ "given_name": name });
        if a.is_multiple_of(3) {
            profile["note"] = json!(self.value("note", a / 3));
        }
        if a.is_multiple_of(4) {
            profile["segment_ids"] = json!(["FIRST"]);
        }
        self.square.create(&profile);
    }

    pub(super) fn seller_sets(&mut self, pick: u32, field: &'static str, value: Option<String>) {
        if let Some(id) = self.customer(pick) {
            self.seller_sets_of(&id, field, value);
        }
    }

    fn seller_sets_of(&mut self, id: &str, field: &'static str, value: Option<String>) {
        let change = match field {
            "address_line_1" => json!({ "address": { field: value } }),
            _ => json!({ field: value }),
        };
        if self.square.update(id, &change) {
            let at = self.ledger.tick();
            let version = self.square.customer(id).unwrap()["version"].as_i64();
            self.ledger.seller.push(SellerEdit {
                at,
                square_id: id.to_owned(),
                version: version.unwrap(),
                field,
                new: value,
            });
        }
    }

    fn seller_merges(&mut self, a: u32, b: u32, c: u32) {
        let mut ids: Vec<String> = [a, b, c]
            .into_iter()
            .take(2 + c as usize % 2)
            .filter_map(|pick| self.customer(pick))
            .collect();
        ids.dedup();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        if self.square.merge(&ids).is_some() {
            self.ledger.count("merge");
        }
    }

    fn square_restores(&mut self, a: u32, b: u32) {
        let gone: Vec<String> = self
            .square_ids()
            .into_iter()
            .filter(|id| self.square.customer(id).is_none())
            .collect();
        if let Some(id) = gone.get(a as usize % gone.len().max(1))
            && self.square.restore(id, b.is_multiple_of(2))
        {
            self.ledger.count("deleted profile restored");
        }
    }

    /// Every id that an event told of.
    fn square_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .square
            .events()
            .iter()
            .filter_map(|event| {
                let body: Value = serde_json::from_str(&event.body).ok()?;
                Some(body["data"]["id"].as_str()?.to_owned())
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// A value as SQL has it.
pub(super) fn quoted(value: Option<&str>) -> String {
    value.map_or_else(
        || "NULL".to_owned(),
        |text| format!("'{}'", text.replace('\'', "''")),
    )
}
