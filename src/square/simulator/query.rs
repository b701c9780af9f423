//! Queries: what a list or a search asks for.
//!
//! In come a JSON body or URL parameters, out goes one query for both, or the
//! refusal of it.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use super::filter::Filter;
use super::profile::Profile;
use super::refusal::Refusal;

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) limit: usize,
    pub(super) count: bool,
    pub(super) cursor: Option<String>,
    pub(super) filter: Filter,
    /// By name, as the default is; else by `created_at`.
    pub(super) by_name: bool,
    pub(super) descending: bool,
    /// All of it but the cursor, which is bound to the rest.
    pub(super) fingerprint: u64,
}

impl Query {
    /// The body of a search.
    pub(super) fn from_search(mut body: Profile, closed: bool) -> Result<Self, Refusal> {
        let cursor = match body.remove("cursor") {
            None | Some(Value::Null) => None,
            Some(Value::String(cursor)) => Some(cursor).filter(|it| !it.is_empty()),
            Some(_) => return Err(Refusal::invalid("EXPECTED_STRING").at("cursor")),
        };
        for key in body.keys() {
            if !["limit", "query", "count"].contains(&key.as_str()) {
                return Err(Refusal::invalid("UNKNOWN_BODY_PARAMETER").at(key));
            }
        }
        let query = object(body.get("query"), "query")?;
        let filter = object(query.get("filter"), "query.filter")?;
        let sort = object(query.get("sort"), "query.sort")?;
        let text = |key| sort.get(key).and_then(Value::as_str);
        let (by_name, descending) = sorting("query.sort.", text("field"), text("order"))?;
        Ok(Self {
            limit: limit(body.get("limit"))?,
            count: body.get("count").and_then(Value::as_bool).unwrap_or(false),
            filter: Filter::parse(&filter, closed)?,
            by_name,
            descending,
            fingerprint: fingerprint(&Value::Object(body)),
            cursor,
        })
    }

    /// The parameters of a list.
    pub(super) fn from_list(parameters: &Profile) -> Result<Self, Refusal> {
        let text = |key| parameters.get(key).and_then(Value::as_str);
        let asked = text("limit").map(|limit| match limit.parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) => json!(limit),
        });
        let (by_name, descending) = sorting("", text("sort_field"), text("sort_order"))?;
        let mut rest = parameters.clone();
        rest.remove("cursor");
        Ok(Self {
            limit: limit(asked.as_ref())?,
            count: text("count") == Some("true"),
            cursor: text("cursor")
                .filter(|it| !it.is_empty())
                .map(str::to_owned),
            filter: Filter::all(),
            by_name,
            descending,
            fingerprint: fingerprint(&json!({ "list": rest })),
        })
    }
}

pub(super) fn object(value: Option<&Value>, field: &str) -> Result<Profile, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(Profile::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(_) => Err(Refusal::invalid("EXPECTED_OBJECT").at(field)),
    }
}

pub(super) fn limit(value: Option<&Value>) -> Result<usize, Refusal> {
    let Some(value) = value.filter(|it| !it.is_null()) else {
        return Ok(100);
    };
    let Some(number) = value.as_i64() else {
        return Err(Refusal::invalid("EXPECTED_INTEGER").at("limit"));
    };
    match usize::try_from(number) {
        Ok(limit @ 1..=100) => Ok(limit),
        Ok(0) | Err(_) => Err(Refusal::invalid("VALUE_TOO_LOW").at("limit")),
        Ok(_) => Err(Refusal::invalid("VALUE_TOO_HIGH").at("limit")),
    }
}

fn sorting(at: &str, field: Option<&str>, order: Option<&str>) -> Result<(bool, bool), Refusal> {
    let (field_name, order_name) = match at {
        "" => ("sort_field".to_owned(), "sort_order".to_owned()),
        _ => (format!("{at}field"), format!("{at}order")),
    };
    let by_name = match field {
        None | Some("DEFAULT") => true,
        Some("CREATED_AT") => false,
        Some(_) => return Err(Refusal::invalid("INVALID_ENUM_VALUE").at(&field_name)),
    };
    let descending = match order {
        None | Some("ASC") => false,
        Some("DESC") => true,
        Some(_) => return Err(Refusal::invalid("INVALID_ENUM_VALUE").at(&order_name)),
    };
    Ok((by_name, descending))
}

pub(super) fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}
