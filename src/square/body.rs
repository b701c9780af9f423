//! Bodies of writes: fields in, the exact text that is sent out. The promise: the
//! same arguments give the same text, byte for byte, so that a write which has
//! to be repeated under its idempotency key is the same write.

use serde_json::{Map, Value, json};

use crate::domain::field::{Field, Fields};
use crate::domain::seeded::{self, Bug};

/// The body that creates a customer under `key`. `reference_id` is for a customer
/// whose fields leave its own free.
pub fn create_body(fields: &Fields, reference_id: Option<&str>, key: &str) -> String {
    let mut body = Map::new();
    for field in Field::ALL {
        if let Some(text) = fields.get(field) {
            put(&mut body, field, Value::from(text));
        }
    }
    if let (None, Some(id)) = (fields.get(Field::ReferenceId), reference_id) {
        put(&mut body, Field::ReferenceId, Value::from(id));
    }
    body.insert("idempotency_key".to_owned(), Value::from(key));
    Value::Object(body).to_string()
}

/// The same body without its key, as a bulk call carries it under that key.
pub fn bulk_body(create_body: &str) -> String {
    edited(create_body, |body| drop(body.remove("idempotency_key")))
}

/// The same body with its key, as a call of its own carries it.
pub fn with_key(bulk_body: &str, key: &str) -> String {
    edited(bulk_body, |body| {
        body.insert("idempotency_key".to_owned(), Value::from(key));
    })
}

fn edited(body: &str, edit: impl FnOnce(&mut Map<String, Value>)) -> String {
    match serde_json::from_str(body) {
        Ok(Value::Object(mut object)) => {
            edit(&mut object);
            Value::Object(object).to_string()
        }
        _ => body.to_owned(),
    }
}

/// Whether a create's body carries its key itself, so that it is a call of its own.
pub fn has_key(create_body: &str) -> bool {
    let body: Value = serde_json::from_str(create_body).unwrap_or_default();
    body.get("idempotency_key").is_some()
}

/// The body that makes `fields_changed` what they are in `wanted`, on top of
/// `version`; null clears. Square refuses a body without any field.
pub fn update_body(wanted: &Fields, fields_changed: &[Field], version: i64) -> String {
    let mut body = Map::new();
    let carried = if seeded::is_on(Bug::UpdateSendsAll) {
        &Field::ALL
    } else {
        fields_changed
    };
    for field in carried {
        put(&mut body, *field, Value::from(wanted.get(*field)));
    }
    if !seeded::is_on(Bug::UpdateWithoutVersion) {
        body.insert("version".to_owned(), Value::from(version));
    }
    Value::Object(body).to_string()
}

/// The version that an update's body was made on.
pub fn version(body: &str) -> Option<i64> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body.get("version").and_then(Value::as_i64)
}

/// The fields that an update's body carries.
pub fn carried(body: &str) -> Vec<Field> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let holds = |field: &Field| {
        let parent = field
            .parent()
            .key()
            .map_or(Some(&body), |key| body.get(key));
        parent.is_some_and(|object| object.get(field.key()).is_some())
    };
    Field::ALL.into_iter().filter(holds).collect()
}

/// Puts `value` where Square has `field`.
fn put(body: &mut Map<String, Value>, field: Field, value: Value) {
    let Some(parent) = field.parent().key() else {
        body.insert(field.key().to_owned(), value);
        return;
    };
    let inner = body.entry(parent).or_insert_with(|| json!({}));
    if let Some(object) = inner.as_object_mut() {
        object.insert(field.key().to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_create_carries_what_there_is_and_nothing_else() {
        let fields = Fields::default()
            .with(Field::GivenName, "Ann")
            .with(Field::Locality, "Springfield")
            .with(Field::TaxIdEuVat, "IE3426675K");

        let body = create_body(&fields, Some("row-1"), "key-1");

        assert_eq!(
            body,
            r#"{"address":{"locality":"Springfield"},"given_name":"Ann","idempotency_key":"key-1","reference_id":"row-1","tax_ids":{"eu_vat":"IE3426675K"}}"#
        );
    }

    #[test]
    fn a_bulk_call_carries_the_same_without_the_key() {
        let body = create_body(&Fields::default().with(Field::GivenName, "Ann"), None, "k");

        let item = bulk_body(&body);

        assert_eq!(item, r#"{"given_name":"Ann"}"#);
        assert_eq!(bulk_body(&item), item);
        assert!(has_key(&body) && !has_key(&item));
        assert_eq!(with_key(&item, "k"), body);
    }

    #[test]
    fn a_reference_id_of_the_application_stays() {
        let fields = Fields::default().with(Field::ReferenceId, "theirs");

        let body = create_body(&fields, Some("ours"), "k");

        assert_eq!(body, r#"{"idempotency_key":"k","reference_id":"theirs"}"#);
    }

    #[test]
    fn an_update_names_changed_fields_alone_and_clears_with_null() {
        let wanted = Fields::default()
            .with(Field::GivenName, "Ann")
            .with(Field::Note, "<\"é\">")
            .with(Field::PostalCode, "10001");
        let changed = [
            Field::Note,
            Field::PostalCode,
            Field::Locality,
            Field::TaxIdEuVat,
        ];

        let body = update_body(&wanted, &changed, 7);
        let mut sorted = changed;
        sorted.sort_unstable();

        assert_eq!(carried(&body), sorted);
        assert_eq!(
            body,
            r#"{"address":{"locality":null,"postal_code":"10001"},"note":"<\"é\">","tax_ids":{"eu_vat":null},"version":7}"#
        );
    }
}
