//! What befell calls, beside the faults that the simulator counts itself.

use std::collections::BTreeMap;

use squaresync::square::simulator::{Call, Simulator};

/// What befell these calls, a line for each time.
pub(super) fn in_calls(calls: &[Call], square: &Simulator) -> Vec<String> {
    let mut befell: Vec<String> = calls
        .iter()
        .filter_map(|call| call.path.strip_prefix("/v2/customers/bulk-"))
        .map(|what| format!("bulk {what}"))
        .collect();
    let aliases = square.aliases();
    let mut made: BTreeMap<String, String> = BTreeMap::new();
    for call in calls.iter().flat_map(Call::each) {
        let id = call.path.strip_prefix("/v2/customers/");
        let is_refused = matches!(call.status, Some(400 | 409));
        let what = match call.method.as_str() {
            "GET" if call.status == Some(200) => {
                let is_alias = id.is_some_and(|id| aliases.contains_key(id));
                is_alias.then_some("answer of another id")
            }
            "GET" if call.status == Some(404) => {
                let is_alias = id.is_some_and(|id| aliases.contains_key(id));
                is_alias.then_some("merged id answered with 404")
            }
            // No story writes what Square would refuse in a profile that is there.
            "PUT" => is_refused.then_some("stale version"),
            "POST" => call.idempotency_key.clone().and_then(|key| {
                let known = made.entry(key).or_insert_with(|| call.body_sha256.clone());
                let is_other = *known != call.body_sha256;
                (is_refused && is_other).then_some("key used with another body")
            }),
            _ => None,
        };
        befell.extend(what.map(str::to_owned));
    }
    let is_strange = |customer: &serde_json::Value| customer.get("loyalty_tier").is_some();
    if square.customers().iter().any(is_strange) {
        befell.push("unknown key in a profile".to_owned());
    }
    befell
}
