//! The acts of applications: plain SQL on the table, as in any language.

use std::time::Duration;

use diesel::QueryResult;
use serde_json::json;

use super::ledger::LocalEdit;
use super::people::{FIELDS, quoted};
use super::world::World;

impl World<'_> {
    /// An application adds a row. Its nickname is there once among all rows ever.
    pub(super) fn inserts(&mut self, a: u32, b: u32, id: Option<String>) {
        let tag = format!("T{}", self.ledger.tick());
        let id = id.unwrap_or_else(|| format!("row-{tag}"));
        let name = self.value("given_name", b);
        let mut columns = vec![
            ("id", id.clone()),
            ("nickname", tag.clone()),
            ("given_name", name),
        ];
        if a.is_multiple_of(3) {
            columns.push(("note", self.value("note", b / 4)));
        }
        match a % 8 {
            0 => columns.push(("reference_id", format!("own-{tag}"))),
            // Shared with others.
            1 => columns.push(("reference_id", format!("shared-{}", a / 8 % 2))),
            _ => {}
        }
        if a.is_multiple_of(5) {
            columns.push(("email_address", self.value("email_address", b / 4)));
        }
        self.insert(id, tag, &columns);
    }

    /// An application adds several rows at once, which go out together; that may fail.
    pub(super) fn inserts_more(&mut self, a: u32, b: u32, c: u32) {
        for number in 1..2 + c % 5 {
            self.inserts(a.wrapping_add(number), b, None);
        }
        self.next_bulk_fails(c / 5);
    }

    /// An application edits several rows at once, which go out together; that may fail.
    pub(super) fn edits_more(&mut self, a: u32, b: u32, c: u32) {
        let field = FIELDS[b as usize % 6];
        for number in 1..2 + c % 5 {
            let value = self.value(field, c);
            self.edits(a.wrapping_add(number), field, Some(value));
        }
        self.next_bulk_fails(c / 5);
    }

    /// A row for somebody whom Square has: by the same reference.
    pub(super) fn inserts_twin(&mut self, a: u32, b: u32) {
        let Some(square_id) = self.customer(a) else {
            return;
        };
        let reference = format!("known-{}", self.ledger.tick());
        self.square
            .update(&square_id, &json!({ "reference_id": reference }));
        let tag = format!("T{}", self.ledger.tick());
        let id = format!("row-{tag}");
        let mut columns = vec![
            ("id", id.clone()),
            ("nickname", tag.clone()),
            ("reference_id", reference),
        ];
        if b.is_multiple_of(2) {
            columns.push(("given_name", self.value("given_name", b)));
        }
        self.insert(id, tag, &columns);
        self.ledger.count("row with the reference of a profile");
    }

    pub(super) fn inserts_bad(&mut self, a: u32) {
        let tag = format!("T{}", self.ledger.tick());
        let id = format!("row-{tag}");
        let columns = match a % 3 {
            0 => vec![("email_address", "nobody at all".to_owned())],
            1 => vec![("note", "says nothing of who it is".to_owned())],
            _ => vec![
                ("given_name", "Long".to_owned()),
                ("phone_number", "12".to_owned()),
            ],
        };
        let mut all = vec![("id", id.clone()), ("nickname", tag.clone())];
        all.extend(columns);
        self.insert(id, tag, &all);
    }

    fn insert(&mut self, id: String, tag: String, columns: &[(&'static str, String)]) {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let values: Vec<String> = columns
            .iter()
            .map(|(_, value)| quoted(Some(value)))
            .collect();
        let statement = format!(
            "INSERT INTO customers ({}) VALUES ({})",
            names.join(", "),
            values.join(", ")
        );
        if self.runs(&statement).is_err() {
            return;
        }
        let at = self.ledger.tick();
        for (name, value) in columns {
            let field = FIELDS.into_iter().find(|field| field == name);
            self.ledger.edits.extend(field.map(|field| LocalEdit {
                at,
                row: id.clone(),
                field,
                old: None,
                new: Some(value.clone()),
            }));
        }
        self.ledger.inserts.push((at, id, tag));
    }

    /// Runs an application's statement; no two come at the same moment.
    fn runs(&mut self, statement: &str) -> QueryResult<()> {
        self.square.advance(Duration::from_millis(1));
        self.stage.application(self.now(), statement)
    }

    fn row(&mut self, pick: u32) -> Option<String> {
        let mut rows = self.stage.other.values("SELECT id AS value FROM customers");
        rows.sort_unstable();
        rows.get(pick as usize % rows.len().max(1))?.clone()
    }

    pub(super) fn edits(&mut self, pick: u32, field: &'static str, value: Option<String>) {
        if let Some(row) = self.row(pick) {
            self.edits_row(row, field, value);
        }
    }

    fn edits_row(&mut self, row: String, field: &'static str, value: Option<String>) {
        let id = quoted(Some(&row));
        let held = format!("SELECT {field} AS value FROM customers WHERE id = {id}");
        let old = self.stage.other.values(&held).remove(0);
        let new = quoted(value.as_deref());
        let statement = format!("UPDATE customers SET {field} = {new} WHERE id = {id}");
        self.runs(&statement).unwrap();
        if old != value {
            let at = self.ledger.tick();
            self.ledger.edits.push(LocalEdit {
                at,
                row,
                field,
                old,
                new: value,
            });
        }
    }

    /// An application edits the rows of which Square is not known to have anybody.
    pub(super) fn edits_unsent(&mut self, a: u32) {
        let rows = "SELECT id AS value FROM customers WHERE square_id IS NULL ORDER BY id";
        for row in self.stage.other.values(rows).into_iter().flatten() {
            let value = self.value("note", a);
            self.edits_row(row, "note", Some(value));
        }
    }

    /// Both sides come to the same value, each by itself.
    pub(super) fn edits_same(&mut self, pick: u32, b: u32) {
        let Some(edit) = self.ledger.seller.last().cloned() else {
            return;
        };
        let its = format!(
            "SELECT id AS value FROM customers WHERE square_id = {}",
            quoted(Some(&edit.square_id))
        );
        let row = match b.is_multiple_of(4) {
            true => self.row(pick),
            false => self.stage.other.values(&its).pop().flatten(),
        };
        if let Some(row) = row {
            self.edits_row(row, edit.field, edit.new);
        }
    }

    pub(super) fn deletes(&mut self, pick: u32) {
        let Some(row) = self.row(pick) else {
            return;
        };
        let id = quoted(Some(&row));
        let profile = format!("SELECT square_id AS value FROM customers WHERE id = {id}");
        let profile = self.stage.other.values(&profile).remove(0);
        self.runs(&format!("DELETE FROM customers WHERE id = {id}"))
            .unwrap();
        let at = self.ledger.tick();
        self.ledger.deletes.push((at, row.clone(), profile));
        self.deleted_rows.insert(row);
    }
}
