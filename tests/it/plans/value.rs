//! Bound values, read back from the words in which diesel shows a query: the
//! comment `-- binds: [..]` at its end in, values out that a plan can be asked with.

use std::iter::Peekable;
use std::str::Chars;

/// A bound value, as far as a plan hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Text(String),
    Number(i64),
    List(Vec<Value>),
}

/// A query as diesel shows it: its text, and what is bound to it.
pub(super) fn split(shown: &str) -> (String, Vec<Value>) {
    let (sql, binds) = shown.rsplit_once(" -- binds: ").unwrap_or((shown, "[]"));
    let Value::List(values) = value(&mut binds.chars().peekable()) else {
        panic!("no list: {binds}");
    };
    (sql.trim().to_owned(), values)
}

fn value(rest: &mut Peekable<Chars<'_>>) -> Value {
    match rest.peek() {
        Some('"') => Value::Text(text(rest)),
        Some('[') => Value::List(list(rest)),
        _ => word(rest),
    }
}

fn text(rest: &mut Peekable<Chars<'_>>) -> String {
    rest.next();
    let mut text = String::new();
    while let Some(character) = rest.next().filter(|character| *character != '"') {
        text.extend(match character {
            '\\' => rest.next(),
            other => Some(other),
        });
    }
    text
}

fn list(rest: &mut Peekable<Chars<'_>>) -> Vec<Value> {
    rest.next();
    let mut values = Vec::new();
    loop {
        match rest.peek() {
            Some(']') | None => {
                rest.next();
                return values;
            }
            Some(',' | ' ' | ')') => {
                rest.next();
            }
            Some(_) => values.push(value(rest)),
        }
    }
}

/// A number, a moment, nothing, or a name with a value in brackets.
fn word(rest: &mut Peekable<Chars<'_>>) -> Value {
    let mut word = String::new();
    while let Some(character) = rest.next_if(|next| !",()]{".contains(*next)) {
        word.push(character);
    }
    if rest.next_if_eq(&'(').is_some() {
        let inner = value(rest);
        rest.next();
        return inner;
    }
    if rest.next_if_eq(&'{').is_some() {
        skip_fields(rest);
        return Value::Text(word);
    }
    match (word.as_str(), word.parse()) {
        ("None", _) => Value::Null,
        ("false", _) => Value::Number(0),
        ("true", _) => Value::Number(1),
        (_, Ok(number)) => Value::Number(number),
        _ => Value::Text(word),
    }
}

/// No plan hangs on what a struct holds.
fn skip_fields(rest: &mut Peekable<Chars<'_>>) {
    while let Some(next) = rest.peek() {
        if *next == '"' {
            text(rest);
        } else if rest.next() == Some('}') {
            return;
        }
    }
}

impl Value {
    /// As it stands in a statement of PostgreSQL.
    pub(super) fn literal(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Number(number) => number.to_string(),
            Self::List(values) if values.is_empty() => "'{}'".to_owned(),
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(Self::literal).collect();
                format!("ARRAY[{}]", values.join(", "))
            }
        }
    }
}

#[test]
fn values_are_read_back() {
    let shown = r#"SELECT $1 -- binds: ["a \"b\"", Some(7), None, ["c", "d"], S { a: "}", b: None }, 2026-01-02T03:04:05.6, true]"#;

    let (sql, values) = split(shown);

    assert_eq!(sql, "SELECT $1");
    let literals: Vec<String> = values.iter().map(Value::literal).collect();
    let expected = [
        "'a \"b\"'",
        "7",
        "NULL",
        "ARRAY['c', 'd']",
        "'S '",
        "'2026-01-02T03:04:05.6'",
        "1",
    ];
    assert_eq!(literals, expected);
}
