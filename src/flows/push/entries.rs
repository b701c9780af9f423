//! What goes into the conflict ledger while rows get their profiles.
//!
//! In: a row, and the profiles that it may be. Out: a question to a person, or
//! entries that tell what a row held. The promise: a question is written once, and
//! no value is replaced without a word by what only the reference says is the row's.

use crate::domain::field::{Field, Fields};
use crate::domain::id::SquareId;
use crate::domain::lookalike::same;
use crate::flows::apply::Learning;
use crate::store::conflicts::{self, Conflict, Decider, Taken};
use crate::store::customers::{self, Row, SyncState};
use crate::store::{Db, StoreResult, changes, images, outbox};

/// Said of a row that may be several profiles.
const DOUBTFUL: &str = "Square has several customers that this row may be; \
    say which one it is: squaresync conflicts list";

/// Asks a person which of these the row is, unless that is asked already.
pub(super) fn ask(
    db: &mut Db,
    learning: &Learning,
    row: Row,
    candidates: Vec<SquareId>,
) -> StoreResult<()> {
    let open = conflicts::open_of(db, std::slice::from_ref(&row.id))?;
    let is_asked = |entry: &conflicts::Entry| {
        entry.conflict.field.is_none() && entry.conflict.candidates == candidates
    };
    if !open.iter().any(is_asked) {
        conflicts::withdraw(db, std::slice::from_ref(&row.id), learning.now)?;
        let question = Conflict {
            candidates,
            ..about(&row)
        };
        conflicts::add(db, &learning.merchant, &[question], learning.now)?;
        tracing::warn!(customer.id = %row.id, "{DOUBTFUL}");
    }
    outbox::remove(db, std::slice::from_ref(&row.id))?;
    let asked = Row {
        sync_state: SyncState::Conflict,
        sync_error: Some(DOUBTFUL.to_owned()),
        ..row
    };
    customers::put(db, &learning.merchant, &[asked])
}

/// Takes down what the row holds as it was sent, and the profile that it gets shows
/// otherwise: somebody changed what was made, or it is a customer of the seller's
/// own. What an application has changed since is told of where it is merged.
pub(super) fn replaced(
    db: &mut Db,
    learning: &Learning,
    row: &Row,
    sent: &Fields,
    profile: &SquareId,
    shown: &Fields,
) -> StoreResult<()> {
    let held = images::load(db, &learning.merchant, std::slice::from_ref(profile))?;
    let square_at = held
        .first()
        .and_then(|(_, held)| held.image.profile.moment("updated_at"));
    let edits = changes::last_edits(db, std::slice::from_ref(&row.id))?;
    let local_at = |field: Field| {
        let mut edits = edits.iter().rev();
        edits.find_map(|(_, edited, at)| (*edited == field).then_some(*at))
    };
    let value = |text: Option<&str>| text.map(str::to_owned);
    let is_replaced = |field: &Field| {
        let local = row.fields.get(*field);
        local.is_some() && local == sent.get(*field) && !same(*field, sent, shown)
    };
    let entries: Vec<Conflict> = Field::ALL
        .into_iter()
        .filter(is_replaced)
        .map(|field| Conflict {
            square_id: Some(profile.clone()),
            field: Some(field),
            base: value(sent.get(field)),
            square: value(shown.get(field)),
            local: value(row.fields.get(field)),
            square_at,
            local_at: local_at(field),
            decided: Some((Decider::Square, Taken::Square)),
            ..about(row)
        })
        .collect();
    if !entries.is_empty() {
        tracing::warn!(customer.id = %row.id, square.id = %profile, fields = entries.len(), "the row's profile shows something else than was sent; squaresync conflicts list tells what");
    }
    conflicts::add(db, &learning.merchant, &entries, learning.now)
}

/// An entry about this row that says nothing yet.
fn about(row: &Row) -> Conflict {
    Conflict {
        customer_id: row.id.clone(),
        square_id: None,
        field: None,
        base: None,
        square: None,
        local: None,
        square_at: None,
        local_at: None,
        decided: None,
        candidates: Vec::new(),
    }
}
