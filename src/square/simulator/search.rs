//! Lists and searches: pages over the directory as it was a while ago.
//!
//! In comes a query, out goes one page in Square's words: no `customers` where
//! there are none, no `cursor` on the last page, `count` only if asked for.

use std::sync::Arc;

use chrono::TimeDelta;

use super::directory::{Directory, Record, Slot};
use super::fault::Fault;
use super::lists;
use super::profile::{self, PUBLIC, quoted};
use super::query::Query;
use super::refusal::Refusal;
use super::state::State;

/// Answers a query with a page.
pub(super) fn page(state: &mut State, query: &Query) -> Result<String, Refusal> {
    let now = state.now();
    let lag = TimeDelta::from_std(state.options.index_lag).unwrap_or_default();
    let at = (now - lag).timestamp_millis();
    let offset = match &query.cursor {
        None => 0,
        Some(_) if state.fires(Fault::ExpiredCursor, false) => return Err(lists::refused()),
        Some(cursor) => lists::offset(cursor, query.fingerprint, now, state.options.cursor_life)?,
    };
    if state.fires(Fault::EmptyIndex, false) {
        return Ok(written(&[], None, query.count.then_some(0)));
    }

    let slots = result(state, query, at);
    let rest = slots.get(offset..).unwrap_or_default();
    let mut taken = rest.len().min(query.limit);
    if 0 < taken && state.fires(Fault::EmptyPage, false) {
        taken = 0;
    } else if 1 < taken && state.fires(Fault::ShortPage, false) {
        taken /= 2;
    }
    let is_last = taken == rest.len();
    let cursor = (!is_last).then(|| lists::cursor(offset + taken, query.fingerprint, now));
    let every = if state.fires(Fault::HalfIndex, false) {
        2
    } else {
        1
    };
    let texts: Vec<Arc<str>> = rest
        .iter()
        .take(taken)
        .step_by(every)
        .filter_map(|slot| state.directory.record(*slot)?.shown(at))
        .map(|(_, text)| Arc::clone(text))
        .collect();
    Ok(written(&texts, cursor, query.count.then_some(slots.len())))
}

fn written(texts: &[Arc<str>], cursor: Option<String>, count: Option<usize>) -> String {
    let mut parts = Vec::new();
    if !texts.is_empty() {
        parts.push(format!(r#""customers":[{}]"#, texts.join(",")));
    }
    if let Some(cursor) = cursor {
        parts.push(format!(r#""cursor":{}"#, quoted(&cursor)));
    }
    if let Some(count) = count {
        parts.push(format!(r#""count":{count}"#));
    }
    format!("{{{}}}", parts.join(","))
}

/// All that fits the query, in order.
fn result(state: &mut State, query: &Query, at: i64) -> Arc<[Slot]> {
    let generation = state.directory.generation(at);
    if let Some(slots) = state.lists.get(query.fingerprint, generation) {
        return slots;
    }
    let slots: Arc<[Slot]> = Arc::from(found(&state.directory, query, at));
    state
        .lists
        .keep(query.fingerprint, generation, Arc::clone(&slots));
    slots
}

fn found(directory: &Directory, query: &Query, at: i64) -> Vec<Slot> {
    let filter = &query.filter;
    let fits = |slot: &Slot| {
        directory
            .record(*slot)
            .is_some_and(|record| fits(record, query, at))
    };
    let mut slots: Vec<Slot> = if let Some((field, value)) = filter.exact() {
        let slots = directory.valued(field, value).filter(fits).collect();
        by_created(directory, slots)
    } else if let Some(updated) = &filter.updated {
        let mut slots: Vec<Slot> = directory.updated_in(updated.clone()).collect();
        slots.sort_unstable();
        slots.dedup();
        slots.retain(fits);
        by_created(directory, slots)
    } else {
        let created = directory.created_in(filter.created.clone());
        created.filter(fits).collect()
    };
    if query.by_name {
        slots.sort_by_cached_key(|slot| sort_name(directory, *slot, at));
    }
    if query.descending {
        slots.reverse();
    }
    slots
}

fn by_created(directory: &Directory, mut slots: Vec<Slot>) -> Vec<Slot> {
    slots.sort_by_key(|slot| directory.record(*slot).map(|it| it.created));
    slots
}

fn fits(record: &Record, query: &Query, at: i64) -> bool {
    let filter = &query.filter;
    let Some((version, text)) = record.shown(at) else {
        return false;
    };
    let is_updated = |range: &std::ops::RangeInclusive<i64>| range.contains(&version.updated);
    filter.created.contains(&record.created)
        && filter.updated.as_ref().is_none_or(is_updated)
        && (!filter.reads_text() || filter.fits(&profile::read(text)))
}

/// The name, or else the first public field there is.
fn sort_name(directory: &Directory, slot: Slot, at: i64) -> String {
    let shown = directory.record(slot).and_then(|it| it.shown(at));
    let customer = shown
        .map(|(_, text)| profile::read(text))
        .unwrap_or_default();
    let value = |key: &&str| profile::text(&customer, key);
    let name: Vec<&str> = PUBLIC.iter().take(2).filter_map(value).collect();
    let other = PUBLIC.iter().skip(2).find_map(value);
    let name = match name.is_empty() {
        true => other.unwrap_or_default().to_owned(),
        false => name.join(" "),
    };
    name.to_lowercase()
}
