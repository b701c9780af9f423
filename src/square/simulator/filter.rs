//! Filters of a search: which profiles it wants.
//!
//! In comes the JSON of `query.filter`, out goes a filter or the refusal of
//! it. Groups, segments and custom attributes are not played and refused, since
//! an ignored filter would answer with too much.

use std::ops::RangeInclusive;

use chrono::DateTime;
use serde_json::Value;

use super::directory::Exact;
use super::profile::{self, Profile};
use super::refusal::Refusal;

/// How a text is looked for.
#[derive(Clone, Debug)]
enum Wanted {
    /// The whole text, without regard to case.
    Whole(String),
    /// Words, all of which have to occur.
    Words(Vec<String>),
}

/// What a search wants.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// `created_at` in milliseconds, ends included.
    pub(super) created: RangeInclusive<i64>,
    /// `updated_at` in milliseconds, ends included; none wants all.
    pub(super) updated: Option<RangeInclusive<i64>>,
    email: Option<Wanted>,
    phone: Option<Wanted>,
    reference: Option<Wanted>,
    /// Sources, and whether they are wanted or unwanted.
    source: Option<(Vec<String>, bool)>,
}

impl Filter {
    /// Wants everything.
    pub(super) fn all() -> Self {
        Self {
            created: i64::MIN..=i64::MAX,
            updated: None,
            email: None,
            phone: None,
            reference: None,
            source: None,
        }
    }

    pub(super) fn parse(filter: &Profile, closed: bool) -> Result<Self, Refusal> {
        let mut parsed = Self::all();
        for (key, value) in filter {
            let field = format!("query.filter.{key}");
            match key.as_str() {
                "created_at" => parsed.created = window(value, &field, closed)?,
                "updated_at" => parsed.updated = Some(window(value, &field, closed)?),
                "email_address" => parsed.email = wanted(value, &field)?,
                "phone_number" => parsed.phone = wanted(value, &field)?,
                "reference_id" => parsed.reference = wanted(value, &field)?,
                "creation_source" => parsed.source = Some(source(value, &field)?),
                _ => {
                    return Err(
                        Refusal::bad_request("The simulator has no such filter.").at(&field)
                    );
                }
            }
        }
        if let Some(Wanted::Whole(number)) = &mut parsed.phone {
            if !number.starts_with('+') {
                return Err(Refusal::bad_request("Expected an E.164 phone number.")
                    .at("query.filter.phone_number.exact"));
            }
            *number = e164(number);
        }
        Ok(parsed)
    }

    /// A value of which the directory knows who has it.
    pub(super) fn exact(&self) -> Option<(Exact, &str)> {
        match (&self.email, &self.reference) {
            (Some(Wanted::Whole(text)), _) => Some((Exact::Email, text)),
            (_, Some(Wanted::Whole(text))) => Some((Exact::Reference, text)),
            _ => None,
        }
    }

    /// Is there a filter for which the profile has to be read?
    pub(super) fn reads_text(&self) -> bool {
        self.email.is_some()
            || self.phone.is_some()
            || self.reference.is_some()
            || self.source.is_some()
    }

    /// Does the text of a profile fit?
    pub(super) fn fits(&self, customer: &Profile) -> bool {
        let value = |key| profile::text(customer, key).unwrap_or_default();
        let phone = e164(value("phone_number"));
        let fits = |wanted: &Option<Wanted>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.fits(value))
        };
        let fits_phone = match &self.phone {
            Some(Wanted::Words(words)) => words.iter().all(|word| phone.contains(word.as_str())),
            whole => fits(whole, &phone),
        };
        let fits_source = self.source.as_ref().is_none_or(|(sources, is_wanted)| {
            sources.iter().any(|it| it == value("creation_source")) == *is_wanted
        });
        fits_phone
            && fits_source
            && fits(&self.email, value("email_address"))
            && fits(&self.reference, value("reference_id"))
    }
}

impl Wanted {
    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Whole(text) => !value.is_empty() && value.to_lowercase() == *text,
            Self::Words(wanted) => {
                let words = words(value);
                wanted.iter().all(|word| words.contains(word))
            }
        }
    }
}

pub(super) fn window(
    value: &Value,
    field: &str,
    closed: bool,
) -> Result<RangeInclusive<i64>, Refusal> {
    let end = |key: &str| match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(text) => text
            .as_str()
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map(Some)
            .ok_or_else(|| Refusal::invalid("INVALID_TIME").at(&format!("{field}.{key}"))),
    };
    let (start, end) = (end("start_at")?, end("end_at")?);
    if start.zip(end).is_some_and(|(start, end)| end < start) {
        return Err(Refusal::invalid("INVALID_TIME_RANGE").at(field));
    }
    // Square's own times have milliseconds: a start between two of them begins
    // with the later, and what is before the end ends one earlier.
    let first_at_or_after = |time: DateTime<_>| {
        let millis = time.timestamp_millis();
        let is_between = 0 < time.timestamp_subsec_nanos() % 1_000_000;
        millis + i64::from(is_between)
    };
    let start = start.map_or(i64::MIN, first_at_or_after);
    let end = end.map_or(i64::MAX, |end| match closed {
        true => end.timestamp_millis(),
        false => first_at_or_after(end) - 1,
    });
    Ok(start..=end)
}

fn wanted(value: &Value, field: &str) -> Result<Option<Wanted>, Refusal> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    match (text("exact"), text("fuzzy")) {
        (Some(_), Some(_)) | (None, None) => {
            Err(Refusal::bad_request("Expected one of exact and fuzzy.").at(field))
        }
        (Some(exact), None) => Ok(Some(Wanted::Whole(exact.to_lowercase()))),
        (None, Some(fuzzy)) => Ok(Some(Wanted::Words(words(fuzzy)))),
    }
}

fn source(value: &Value, field: &str) -> Result<(Vec<String>, bool), Refusal> {
    let values = value.get("values").and_then(Value::as_array);
    let values = values.map(Vec::as_slice).unwrap_or_default();
    let values = values.iter().filter_map(Value::as_str);
    let is_wanted = match value.get("rule").and_then(Value::as_str) {
        None | Some("INCLUDE") => true,
        Some("EXCLUDE") => false,
        Some(_) => {
            return Err(Refusal::invalid("INVALID_ENUM_VALUE").at(&format!("{field}.rule")));
        }
    };
    Ok((values.map(str::to_owned).collect(), is_wanted))
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// A phone number for comparing: a plus and digits. Ten digits, or eleven that
/// begin with 1, are North American.
fn e164(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        0 => String::new(),
        10 if !number.starts_with('+') => format!("+1{digits}"),
        _ => format!("+{digits}"),
    }
}
