//! A customer as Square shows it: the whole JSON object, unknown keys
//! included, and ways to read from it what the rest of the program needs.

use std::sync::Arc;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::Timestamp;
use crate::domain::field::{Field, Fields};
use crate::domain::id::SquareId;

/// A profile, kept whole. Two profiles are equal when their JSON values are. A copy
/// shares the object until one of the two is changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(Arc<Map<String, Value>>);

/// Why a JSON value is not a profile we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// It is not an object.
    #[error("the customer is not a JSON object")]
    NotAnObject,
    /// It has no usable `id`.
    #[error("the customer has no id")]
    NoId,
    /// `version` is missing, negative or not a whole number.
    #[error("the customer's version is missing or not a whole number")]
    NoVersion,
    /// A field holds something other than text.
    #[error("the customer's {0} is not text")]
    NotText(&'static str),
    /// PostgreSQL cannot hold it, so neither side does.
    #[error("the customer holds a NUL character, which no database column can")]
    Nul,
}

impl Profile {
    /// Takes a profile that carries an id, a version and text in every field.
    pub fn parse(value: Value) -> Result<Self, ProfileError> {
        let Value::Object(map) = value else {
            return Err(ProfileError::NotAnObject);
        };
        let profile = Self(Arc::new(map));
        profile
            .text("id")
            .filter(|id| !id.is_empty())
            .ok_or(ProfileError::NoId)?;
        profile
            .0
            .get("version")
            .and_then(Value::as_i64)
            .filter(|v| 0 <= *v)
            .ok_or(ProfileError::NoVersion)?;
        if profile
            .0
            .iter()
            .any(|(key, value)| key.contains('\0') || holds_nul(value))
        {
            return Err(ProfileError::Nul);
        }
        match Field::ALL
            .into_iter()
            .find(|field| !profile.is_text_or_absent(*field))
        {
            Some(field) => Err(ProfileError::NotText(field.column())),
            None => Ok(profile),
        }
    }

    /// Square's id; empty only for a profile that was never shown.
    pub fn id(&self) -> SquareId {
        SquareId::new(self.text("id").unwrap_or_default())
    }

    /// How often the profile was changed at Square; 0 when new.
    pub fn version(&self) -> i64 {
        self.0
            .get("version")
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// The fields that both sides can edit.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        for field in Field::ALL {
            fields.set(
                field,
                self.place(field).and_then(Value::as_str).map(str::to_owned),
            );
        }
        fields
    }

    /// The text under a top-level key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// The moment under a top-level key; none where it is missing or unreadable.
    pub fn moment(&self, key: &str) -> Option<Timestamp> {
        let moment = DateTime::parse_from_rfc3339(self.text(key)?).ok()?;
        Some(moment.to_utc())
    }

    /// When Square came by the profile. It stays the same.
    pub fn made(&self) -> Option<Timestamp> {
        self.moment("created_at")
    }

    /// Whether Square came by the profile, or changed it, at `moment` or later.
    pub fn is_touched_since(&self, moment: Timestamp) -> bool {
        ["created_at", "updated_at"]
            .into_iter()
            .any(|key| self.moment(key).is_some_and(|touched| moment <= touched))
    }

    /// Whether the person wants no marketing mail, where Square says.
    pub fn email_unsubscribed(&self) -> Option<bool> {
        self.0
            .get("preferences")?
            .get("email_unsubscribed")?
            .as_bool()
    }

    /// The value under a top-level key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Puts `value` under a top-level key; none takes the key away.
    pub fn put(&mut self, key: &str, value: Option<&Value>) {
        if self.get(key) == value {
            return;
        }
        let map = Arc::make_mut(&mut self.0);
        match value {
            Some(value) => map.insert(key.to_owned(), value.clone()),
            None => map.remove(key),
        };
    }

    fn place(&self, field: Field) -> Option<&Value> {
        match field.parent().key() {
            Some(parent) => self.0.get(parent)?.get(field.key()),
            None => self.0.get(field.key()),
        }
    }

    fn is_text_or_absent(&self, field: Field) -> bool {
        matches!(
            self.place(field),
            None | Some(Value::Null | Value::String(_))
        )
    }
}

/// Whether a NUL stands anywhere in `value`. Its depth is bounded by the parser's.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
