//! What a book writes into the ledger of conflicts.
//!
//! In: what was decided about fields, and edits that cannot be sent any more.
//! Out: entries, each with the time of the edit that it tells of, in the book's
//! own transaction. The promise: a conflict is written once, since both sides
//! agree on what Square showed from then on; an edit that a profile's end left
//! behind is too, however often the profile is looked at.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::Timestamp;
use crate::domain::field::Field;
use crate::domain::id::{CustomerId, SquareId};
use crate::domain::merge::{self, Rule, Side};
use crate::domain::seeded::{self, Bug};
use crate::flows::apply::Learning;
use crate::flows::apply::book::Book;
use crate::flows::apply::merged::{Heir, Unsent};
use crate::store::conflicts::{self, Conflict, Decider, Taken};
use crate::store::{Db, StoreResult, changes};

/// An entry to be, and the row in which the application made its edit.
pub(super) struct Entry {
    edited_in: CustomerId,
    field: Field,
    conflict: Conflict,
}

impl Book<'_> {
    /// Takes down what the rule decided about the row of this profile.
    pub(super) fn decided(
        &mut self,
        id: &SquareId,
        customer: &CustomerId,
        edited_in: &CustomerId,
        conflicts: Vec<merge::Conflict>,
    ) {
        for conflict in conflicts {
            let decider = decider(self.learning.rule, &conflict);
            tracing::warn!(
                customer.id = %customer,
                field = conflict.field.column(),
                "both sides changed a field; SQUARESYNC_CONFLICTS decided, and the table conflicts holds both values"
            );
            let conflict = Conflict {
                customer_id: customer.clone(),
                square_id: Some(id.clone()),
                field: Some(conflict.field),
                base: conflict.base,
                square: conflict.square,
                local: conflict.local,
                square_at: conflict.square_at,
                local_at: conflict.local_at,
                decided: Some((decider, taken(conflict.taken))),
                candidates: Vec::new(),
            };
            self.enter(edited_in, conflict);
        }
    }

    /// Takes down edits that nobody can be sent: the profile is gone.
    pub(super) fn unsent(&mut self, id: &SquareId, unsent: &Unsent) {
        let square_at = self
            .images
            .get(id)
            .and_then(|held| held.image.profile.moment("updated_at"));
        let value = |text: Option<&str>| text.map(str::to_owned);
        for field in unsent.fields.differing(&unsent.base) {
            let conflict = Conflict {
                customer_id: unsent.row.clone(),
                square_id: Some(id.clone()),
                field: Some(field),
                base: value(unsent.base.get(field)),
                square: None,
                local: value(unsent.fields.get(field)),
                square_at,
                local_at: None,
                decided: Some((Decider::Deleted, Taken::Square)),
                candidates: Vec::new(),
            };
            self.enter(&unsent.row, conflict);
        }
    }

    /// Leaves out edits that moved after all, or still may: one transaction may
    /// tell of a profile's end first and of the merge behind it afterwards.
    pub(super) fn forget_moved(&mut self) {
        let entries = std::mem::take(&mut self.ledger);
        self.ledger = entries
            .into_iter()
            .filter(|entry| self.is_true_still(entry))
            .collect();
    }

    fn is_true_still(&self, entry: &Entry) -> bool {
        let (Some(id), Some((Decider::Deleted, _))) =
            (&entry.conflict.square_id, entry.conflict.decided)
        else {
            return true;
        };
        let owner = self
            .images
            .get(id)
            .and_then(|held| held.customer_id.as_ref());
        let may_move = owner == Some(&entry.edited_in)
            && matches!(self.heir(id), Heir::Unknown | Heir::Locked);
        let held = self.rows.get(&entry.edited_in);
        let is_held =
            held.is_some_and(|row| row.fields.get(entry.field) == entry.conflict.local.as_deref());
        is_held && !may_move
    }

    fn enter(&mut self, edited_in: &CustomerId, conflict: Conflict) {
        if let Some(field) = conflict.field
            && !seeded::is_on(Bug::LoserNotKept)
        {
            self.ledger.push(Entry {
                edited_in: edited_in.clone(),
                field,
                conflict,
            });
        }
    }
}

/// Writes entries, but for those that were written before.
pub(super) fn write(db: &mut Db, learning: &Learning, entries: Vec<Entry>) -> StoreResult<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows: BTreeSet<&CustomerId> = entries.iter().map(|entry| &entry.edited_in).collect();
    let rows: Vec<CustomerId> = rows.into_iter().cloned().collect();
    let edits: HashMap<(CustomerId, Field), Timestamp> = changes::last_edits(db, &rows)?
        .into_iter()
        .map(|(id, field, at)| ((id, field), at))
        .collect();
    let mut told: HashSet<_> = conflicts::unsent_of(db, &rows)?.into_iter().collect();
    let mut new = Vec::new();
    for mut entry in entries {
        let decided = entry.conflict.decided;
        let is_unsent = decided.is_some_and(|(decider, _)| decider == Decider::Deleted);
        let edit = (entry.edited_in, entry.field);
        entry.conflict.local_at = edits.get(&edit).copied();
        if !is_unsent || told.insert((edit.0, edit.1, entry.conflict.local.clone())) {
            new.push(entry.conflict);
        }
    }
    conflicts::add(db, &learning.merchant, &new, learning.now)
}

/// What decided: the rule, or where that would have given the other side's value,
/// that nobody knows whose the profile is.
fn decider(rule: Rule, conflict: &merge::Conflict) -> Decider {
    let is_square = conflict.taken == Side::Square;
    match rule {
        Rule::Local if is_square => Decider::Square,
        Rule::Newest if is_square && conflict.square_at < conflict.local_at => Decider::Square,
        Rule::Square => Decider::Square,
        Rule::Local => Decider::Local,
        Rule::Newest => Decider::Newest,
    }
}

fn taken(side: Side) -> Taken {
    match side {
        Side::Square => Taken::Square,
        Side::Local => Taken::Local,
    }
}
