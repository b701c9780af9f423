//! What Square accepts in a field.
//!
//! In comes the body of a create or an update, out goes the same body as
//! Square would keep it, or the refusal that names the field.

use chrono::NaiveDate;
use serde_json::Value;

use super::profile::Profile;
use super::refusal::Refusal;

/// The plain fields that callers may write, with their limits in characters.
const LIMITS: [(&str, usize); 9] = [
    ("given_name", 300),
    ("family_name", 300),
    ("nickname", 100),
    ("company_name", 500),
    ("email_address", 254),
    ("phone_number", usize::MAX),
    ("birthday", usize::MAX),
    ("reference_id", 100),
    ("note", usize::MAX),
];

/// The parts of an address that are kept.
const ADDRESS: [&str; 12] = [
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

/// The parts of an address that are accepted and ignored.
const IGNORED_ADDRESS: [&str; 2] = ["first_name", "last_name"];

/// Checks what a caller wants written.
pub(super) fn fields(body: &Profile) -> Result<Profile, Refusal> {
    let mut kept = Profile::new();
    for (key, value) in body {
        let value = match key.as_str() {
            "address" => address(value)?,
            "tax_ids" => tax_ids(value)?,
            _ => plain(key, value)?,
        };
        kept.insert(key.clone(), value);
    }
    Ok(kept)
}

/// Another spelling of the same values, as Square may keep them.
pub(super) fn respelt(mut body: Profile) -> Profile {
    for (key, value) in &mut body {
        let Some(text) = value.as_str().filter(|text| !text.is_empty()) else {
            continue;
        };
        let text = text.trim();
        *value = Value::from(match key.as_str() {
            "email_address" => text.to_lowercase(),
            "phone_number" => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                format!("+{digits}")
            }
            _ => text.to_owned(),
        });
    }
    body
}

fn plain(key: &str, value: &Value) -> Result<Value, Refusal> {
    let Some((_, limit)) = LIMITS.iter().find(|(name, _)| *name == key) else {
        return Err(Refusal::invalid("UNKNOWN_BODY_PARAMETER").at(key));
    };
    let Some(text) = string(key, value)? else {
        return Ok(Value::Null);
    };
    within(key, text, *limit)?;
    match key {
        "email_address" if !is_email(text) => Err(Refusal::invalid("INVALID_EMAIL_ADDRESS")
            .because("Expected email_address to be a valid email address")
            .at(key)),
        "phone_number" if !is_phone(text) => Err(Refusal::invalid("INVALID_PHONE_NUMBER")
            .because("Expected phone_number to be a valid phone number")
            .at(key)),
        "birthday" => birthday(text).map(Value::from),
        _ => Ok(Value::from(text)),
    }
}

fn address(value: &Value) -> Result<Value, Refusal> {
    let Some(parts) = object("address", value)? else {
        return Ok(Value::Null);
    };
    let mut kept = Profile::new();
    for (key, value) in parts {
        let field = format!("address.{key}");
        if IGNORED_ADDRESS.contains(&key.as_str()) {
            continue;
        }
        if !ADDRESS.contains(&key.as_str()) {
            return Err(Refusal::invalid("UNKNOWN_BODY_PARAMETER").at(&field));
        }
        if let Some(text) = string(&field, value)? {
            within(&field, text, 500)?;
            let is_code = text.len() == 2 && text.chars().all(|it| it.is_ascii_uppercase());
            if key == "country" && !is_code {
                return Err(Refusal::invalid("INVALID_ENUM_VALUE").at(&field));
            }
        }
        kept.insert(key.clone(), value.clone());
    }
    Ok(Value::Object(kept))
}

fn tax_ids(value: &Value) -> Result<Value, Refusal> {
    let Some(parts) = object("tax_ids", value)? else {
        return Ok(Value::Null);
    };
    for (key, value) in parts {
        let field = format!("tax_ids.{key}");
        if key != "eu_vat" {
            return Err(Refusal::invalid("UNKNOWN_BODY_PARAMETER").at(&field));
        }
        if let Some(text) = string(&field, value)? {
            within(&field, text, 20)?;
            if !text.chars().all(|it| it.is_ascii_alphanumeric()) {
                return Err(Refusal::invalid("INVALID_VALUE").at(&field));
            }
        }
    }
    Ok(value.clone())
}

/// Text, or none where the field is to be removed (null, or empty text).
fn string<'a>(field: &str, value: &'a Value) -> Result<Option<&'a str>, Refusal> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(Refusal::invalid("EXPECTED_STRING").at(field)),
    }
}

fn object<'a>(field: &str, value: &'a Value) -> Result<Option<&'a Profile>, Refusal> {
    match value {
        Value::Null => Ok(None),
        Value::Object(object) => Ok(Some(object)),
        _ => Err(Refusal::invalid("EXPECTED_OBJECT").at(field)),
    }
}

fn within(field: &str, text: &str, limit: usize) -> Result<(), Refusal> {
    if text.chars().count() <= limit {
        return Ok(());
    }
    Err(Refusal::invalid("VALUE_TOO_LONG")
        .because(&format!("Field must not be greater than {limit} in length"))
        .at(field))
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_clean = !text.chars().any(|it| it.is_whitespace() || it.is_control());
    let labels: Vec<&str> = domain.split('.').collect();
    let is_domain = 1 < labels.len() && labels.iter().all(|label| !label.is_empty());
    is_clean && !local.is_empty() && is_domain && !domain.contains('@')
}

fn is_phone(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    let is_clean = rest
        .chars()
        .all(|it| it.is_ascii_digit() || " -().".contains(it));
    is_clean && (9..=16).contains(&digits)
}

/// `MM-DD` gets the year 0000, which is a leap year.
fn birthday(text: &str) -> Result<String, Refusal> {
    let whole = match text.len() {
        5 => format!("0000-{text}"),
        _ => text.to_owned(),
    };
    let is_date = whole.len() == 10
        && !whole.starts_with(['+', '-'])
        && NaiveDate::parse_from_str(&whole, "%Y-%m-%d").is_ok();
    if is_date {
        return Ok(whole);
    }
    Err(Refusal::invalid("INVALID_TIME")
        .because("Expected birthday to be YYYY-MM-DD or MM-DD")
        .at("birthday"))
}
