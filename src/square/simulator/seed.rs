//! The directory that a simulator starts with.
//!
//! In come a number and a seed, out go plausible customers who came in the past
//! years. The same seed makes the same customers at the same distance from the
//! start. No event tells of them.

use std::sync::Arc;

use chrono::{SubsecRound, TimeDelta};
use serde_json::json;

use crate::domain::Timestamp;

use super::clock::{millis, seconds};
use super::directory::Version;
use super::profile::{self, Profile};
use super::state::State;

/// How far back the first customer came.
const PAST_DAYS: i64 = 5 * 365;

const GIVEN: [&str; 16] = [
    "Ann", "Bob", "Carla", "David", "Emma", "Frank", "Grace", "Hugo", "Ida", "Jack", "Kim", "Liam",
    "Mia", "Noah", "Olga", "Zoë",
];
const FAMILY: [&str; 16] = [
    "Baker", "Carter", "Cook", "Fisher", "Gardener", "Hunter", "Mason", "Miller", "Müller",
    "Potter", "Shepherd", "Smith", "Tailor", "Turner", "Weaver", "Wood",
];
const TOWNS: [(&str, &str, &str); 4] = [
    ("Seattle", "WA", "98101"),
    ("Portland", "OR", "97201"),
    ("Oakland", "CA", "94601"),
    ("New York", "NY", "10003"),
];
const SOURCES: [&str; 5] = [
    "THIRD_PARTY",
    "DIRECTORY",
    "INSTANT_PROFILE",
    "ONLINE_STORE",
    "IMPORT",
];

/// Fills the directory with as many customers as the options ask for.
pub(super) fn fill(state: &mut State) {
    let number = state.options.customers;
    let now = state.now();
    let span = TimeDelta::days(PAST_DAYS);
    let Ok(steps) = i32::try_from(number.max(1)) else {
        return;
    };
    // The youngest is a day old.
    let start = now - span - TimeDelta::days(1);
    let step = span / steps;
    let mut created = start;
    for place in 0..number {
        created += step;
        place_customer(state, place, created, now);
    }
}

fn place_customer(state: &mut State, place: usize, created: Timestamp, now: Timestamp) {
    let id = state.new_id();
    let created = created.trunc_subsecs(3);
    let number = i64::from(state.rng.u8(0..4));
    let updated = match number {
        0 => created,
        _ => {
            let age = (now - created).num_seconds();
            created + TimeDelta::seconds(state.rng.i64(0..age.max(86_401) - 86_400))
        }
    };
    let mut customer = plausible(&mut state.rng, place);
    customer.insert("id".to_owned(), json!(id));
    customer.insert("created_at".to_owned(), json!(millis(created)));
    customer.insert("updated_at".to_owned(), json!(seconds(updated)));
    customer.insert("version".to_owned(), json!(number));
    if state.options.unknown_keys && place.is_multiple_of(3) {
        customer.insert("loyalty_tier".to_owned(), json!("gold"));
    }
    let updated = updated.round_subsecs(0).timestamp_millis();
    let version = Version {
        // It was always there: no index lags behind it.
        at: i64::MIN,
        updated,
        number,
        hidden: false,
        text: Some(Arc::from(profile::write(&customer, &[]))),
    };
    let slot = state
        .directory
        .add(id.into_boxed_str(), created.timestamp_millis(), version);
    state.index(slot, &customer);
}

fn plausible(rng: &mut fastrand::Rng, place: usize) -> Profile {
    let mut customer = Profile::new();
    let mut put = |key: &str, value| customer.insert(key.to_owned(), value);
    let given = rng.choice(GIVEN).unwrap_or_default();
    let family = rng.choice(FAMILY).unwrap_or_default();
    put("given_name", json!(given));
    put("family_name", json!(family));
    if rng.u8(0..10) < 8 {
        put(
            "email_address",
            json!(format!("customer{place}@example.com")),
        );
    }
    if rng.u8(0..10) < 6 {
        put(
            "phone_number",
            json!(format!("+1206555{:04}", rng.u16(0..10_000))),
        );
    }
    if rng.u8(0..10) < 2 {
        put("company_name", json!(format!("{family} Ltd.")));
    }
    if rng.u8(0..10) < 2 {
        let date = format!("{:04}-{:02}-{:02}", 0, rng.u8(1..13), rng.u8(1..29));
        put("birthday", json!(date));
    }
    if rng.u8(0..10) < 4 {
        let (town, level, code) = rng.choice(TOWNS).unwrap_or_default();
        put(
            "address",
            json!({
                "address_line_1": format!("{} Main Street", rng.u16(1..1000)),
                "locality": town,
                "administrative_district_level_1": level,
                "postal_code": code,
                "country": "US",
            }),
        );
    }
    if rng.u8(0..10) < 3 {
        put("reference_id", json!(format!("reference-{place}")));
    }
    if rng.u8(0..10) < 3 {
        put("group_ids", json!(["SIMULATEDGROUP.APPOINTMENTS"]));
        put("segment_ids", json!(["SIMULATEDSELLER.REACHABLE"]));
    }
    put("preferences", json!({ "email_unsubscribed": rng.bool() }));
    put("creation_source", json!(rng.choice(SOURCES)));
    customer
}
