//! Refusals in words: the faults of an answer in, a sentence out that somebody
//! in a shop can act on. The promise: it names columns of `customers`, and never
//! repeats a value or Square's own text, which may hold one.

use std::fmt::Write;

use crate::domain::field::{Field, PUBLIC};
use crate::square::error::Fault;

/// What Square will not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Square's code for the first fault.
    pub code: String,
    /// The column it is about, or the place in Square's request where no column stands for it.
    pub field: Option<String>,
    sentence: String,
}

impl Refusal {
    /// The refusal of a call that is not worth making, by a code of our own.
    pub fn unasked(code: &str) -> Self {
        Self::of(&[Fault {
            category: "",
            code,
            field: None,
            detail: "",
        }])
    }

    /// What is said of a row by which nobody could be told, which is not worth asking Square about.
    pub fn of_nobody() -> String {
        format!("Square needs at least one of {}", public_columns())
    }

    /// The refusal that `faults` together are.
    pub(super) fn of(faults: &[Fault<'_>]) -> Self {
        let sentences: Vec<String> = faults.iter().map(sentence).collect();
        let first = faults.first();
        Self {
            code: first.map(|fault| plain(fault.code)).unwrap_or_default(),
            field: first.and_then(column),
            sentence: sentences.join("; "),
        }
    }

    /// What to do about it, in words.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

/// One fault in words.
fn sentence(fault: &Fault<'_>) -> String {
    let code = plain(fault.code);
    let column = column(fault);
    match (fault.code, column.as_deref()) {
        ("INVALID_EMAIL_ADDRESS", _) => {
            "Square refuses the e-mail address; correct email_address".to_owned()
        }
        ("INVALID_PHONE_NUMBER", _) => {
            "Square refuses the phone number; correct phone_number".to_owned()
        }
        ("INVALID_TIME", None) | (_, Some("birthday")) => {
            "Square refuses the birthday; write birthday as YYYY-MM-DD or MM-DD".to_owned()
        }
        ("INVALID_ENUM_VALUE" | "INVALID_VALUE", Some("country")) => {
            "Square does not know the country; write country as two capital letters such as US"
                .to_owned()
        }
        ("BAD_REQUEST", None) if asks_for_a_name(fault.detail) => Refusal::of_nobody(),
        ("VALUE_TOO_LONG", Some(column)) => too_long(column),
        ("VALUE_TOO_SHORT", Some(column)) => format!("{column} is shorter than Square takes"),
        ("VALUE_EMPTY", Some(column)) => format!("{column} must not be empty at Square"),
        ("MISSING_REQUIRED_PARAMETER", Some(column)) => format!("Square needs {column}"),
        (_, Some(column)) => format!("Square refuses {column} ({code})"),
        (_, None) => format!("Square refuses the customer ({code})"),
    }
}

fn too_long(column: &str) -> String {
    let mut text = format!("{column} is longer than Square takes");
    if let Some(limit) = Field::of_column(column).and_then(Field::limit) {
        // Writing to a text cannot fail.
        write!(text, ", which is {limit} characters").unwrap_or_default();
    }
    text
}

/// Square gives this fault no field, so its own text has to tell it from other bad requests.
fn asks_for_a_name(detail: &str) -> bool {
    detail.to_ascii_lowercase().contains("at least one of")
}

fn public_columns() -> String {
    PUBLIC.map(Field::column).join(", ")
}

/// The column behind Square's dotted path.
fn column(fault: &Fault<'_>) -> Option<String> {
    let path = fault.field?;
    let path = path.strip_prefix("customer.").unwrap_or(path);
    let field = Field::ALL
        .into_iter()
        .find(|field| match field.parent().key() {
            Some(parent) => path.split_once('.') == Some((parent, field.key())),
            None => path == field.key(),
        });
    match field {
        Some(field) => Some(field.column().to_owned()),
        None => Some(plain(path)).filter(|text| !text.is_empty()),
    }
}

/// The longest code or path that is repeated.
const LONGEST: usize = 80;

/// What of a code or path may be repeated: the characters that Square uses in them.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .filter(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.' | '[' | ']'))
        .take(LONGEST)
        .collect()
}
