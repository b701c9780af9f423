//! Results of searches, kept while they are true, and the cursors into them.
//!
//! A search is worked out once and then read page by page; as soon as the index
//! shows one more change it is worked out anew, so that pages are live as
//! Square's are. A cursor is an offset, bound to its query and to a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::Timestamp;

use super::directory::Slot;
use super::refusal::Refusal;

/// How many results are kept.
const KEPT: usize = 64;

#[derive(Debug)]
struct Kept {
    fingerprint: u64,
    generation: usize,
    slots: Arc<[Slot]>,
}

/// The results that are kept, newest last.
#[derive(Debug, Default)]
pub(super) struct Lists {
    kept: VecDeque<Kept>,
}

impl Lists {
    /// The result of a query as the index stands at `generation`.
    pub(super) fn get(&self, fingerprint: u64, generation: usize) -> Option<Arc<[Slot]>> {
        self.kept
            .iter()
            .find(|kept| kept.fingerprint == fingerprint && kept.generation == generation)
            .map(|kept| Arc::clone(&kept.slots))
    }

    pub(super) fn keep(&mut self, fingerprint: u64, generation: usize, slots: Arc<[Slot]>) {
        self.kept.retain(|kept| kept.fingerprint != fingerprint);
        if KEPT <= self.kept.len() {
            self.kept.pop_front();
        }
        self.kept.push_back(Kept {
            fingerprint,
            generation,
            slots,
        });
    }
}

/// A cursor to `offset` in the result of a query.
pub(super) fn cursor(offset: usize, fingerprint: u64, now: Timestamp) -> String {
    let issued = now.timestamp_millis();
    URL_SAFE_NO_PAD.encode(format!("{offset}:{issued}:{fingerprint}"))
}

/// The offset in a cursor, if it belongs to this query and still lives.
pub(super) fn offset(
    cursor: &str,
    fingerprint: u64,
    now: Timestamp,
    life: Duration,
) -> Result<usize, Refusal> {
    let (offset, issued, query) = read(cursor).ok_or_else(refused)?;
    let age = u128::try_from(now.timestamp_millis() - issued).unwrap_or_default();
    if query != fingerprint || life.as_millis() <= age {
        return Err(refused());
    }
    Ok(offset)
}

/// The refusal of a cursor.
pub(super) fn refused() -> Refusal {
    Refusal::invalid("INVALID_CURSOR")
}

fn read(cursor: &str) -> Option<(usize, i64, u64)> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.split(':');
    let offset = parts.next()?.parse().ok()?;
    let issued = parts.next()?.parse().ok()?;
    let query = parts.next()?.parse().ok()?;
    Some((offset, issued, query))
}
