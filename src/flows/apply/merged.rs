//! Rows whose profile went into another one, or that gave it up to another row.
//!
//! In: a row whose profile has ended, or is another row's, and edits in it that
//! Square does not have. Out: the edits in the row that stays, which sends them
//! as its own, or in the ledger. The promise: the old row keeps its id and
//! points to the one that stays; its edits move once, or stay in it for as long
//! as that one is not known or is held by an application.

use std::collections::BTreeSet;

use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, SquareId};
use crate::domain::merge::{Decision, Side, Sides, hand_over};
use crate::flows::apply::book::{Book, LONGEST_CHAIN, NEVER, agreed};
use crate::flows::apply::row;
use crate::store::customers::Row;
use crate::store::images::{self, Held};
use crate::store::{Db, StoreResult};

/// What was edited in a row, and what that was made on.
pub(super) struct Unsent {
    pub(super) row: CustomerId,
    pub(super) base: Fields,
    pub(super) fields: Fields,
}

/// Who takes over what was edited in a row whose profile has ended.
pub(super) enum Heir {
    /// This row, whose profile this is.
    Row(SquareId, CustomerId),
    /// A row that an application holds right now.
    Locked,
    /// One that is not shown yet.
    Unknown,
    /// Nobody: the profile was deleted.
    Nobody,
}

impl Unsent {
    /// The fields of `row` that Square must get, where it last showed `shown`.
    pub(super) fn of(row: &Row, base: &Fields, owed: &[Field], shown: &Fields) -> Self {
        let value = |fields: &Fields, field| fields.get(field).map(str::to_owned);
        let mut made_on = row.fields.clone();
        for field in owed {
            // An edit that took back what was sent before was made on what was sent.
            let is_back = base.get(*field) == row.fields.get(*field);
            made_on.set(*field, value(if is_back { shown } else { base }, *field));
        }
        Self {
            row: row.id.clone(),
            base: made_on,
            fields: row.fields.clone(),
        }
    }

    /// Without these fields.
    fn without<'a>(mut self, fields: impl Iterator<Item = &'a Field>) -> Self {
        for field in fields {
            let base = self.base.get(*field).map(str::to_owned);
            self.fields.set(*field, base);
        }
        self
    }
}

impl Book<'_> {
    /// Puts a row whose profile has ended, as was decided. Gives whether the row has to wait, and what both sides agree on
    /// where edits stay in it: the profile may live again, changed by the seller.
    pub(super) fn end(
        &mut self,
        id: &SquareId,
        row: Row,
        base: &Fields,
        decision: Decision,
    ) -> (bool, Option<Fields>) {
        let Decision {
            owed,
            mut conflicts,
            ..
        } = decision;
        // What the row keeps is told of where it goes.
        conflicts.retain(|conflict| conflict.taken == Side::Square);
        self.decided(id, &row.id, &row.id, conflicts);
        let held = self.images.get(id);
        let shown = held.map_or_else(Fields::default, |held| held.image.profile.fields());
        if owed.is_empty() {
            self.put(row);
            return (false, None);
        }
        let unsent = Unsent::of(&row, base, &owed, &shown);
        match self.heir(id) {
            Heir::Row(profile, heir) => {
                self.put(row::emptied(self.learning, &row, &shown));
                let unsent = unsent.without(row.garbled.keys());
                self.hand_over(&unsent, &profile, &heir);
                (false, None)
            }
            Heir::Nobody => {
                self.put(row);
                self.unsent(id, &unsent);
                (false, Some(unsent.base))
            }
            Heir::Unknown => {
                self.put(row);
                (false, Some(unsent.base))
            }
            Heir::Locked => {
                self.put(row);
                (true, Some(unsent.base))
            }
        }
    }

    /// Hands edits over to the row of this profile.
    pub(super) fn hand_over(&mut self, unsent: &Unsent, id: &SquareId, heir: &CustomerId) {
        let (Some(row), Some(held)) = (self.rows.get(heir), self.images.get(id)) else {
            return;
        };
        let sides = Sides {
            base: &unsent.base,
            remote: &row.fields,
            local: &unsent.fields,
            sent: None,
            remote_at: held.image.profile.moment("updated_at"),
            local_at: self.edited.get(&unsent.row).unwrap_or(&NEVER),
        };
        // At which version a merge leaves the survivor, Square does not say. Where it
        // is not 0, an empty place may have been cleared: the rule decides.
        let made = (held.image.version == Some(0)).then(|| held.image.profile.fields());
        let decision = hand_over(&sides, made.as_ref(), self.learning.rule);
        let new = row::heir(self.learning, row, decision.fields);
        self.put(new);
        self.decided(id, heir, &unsent.row, decision.conflicts);
    }

    /// Lets a row that was made for the profile before anybody knew whose it is
    /// go into the one whose it is. Gives what was edited in it.
    pub(super) fn displace(
        &mut self,
        id: &SquareId,
        customer: &CustomerId,
        before: Option<&Fields>,
    ) -> Option<Unsent> {
        let held = self.images.get(id)?;
        let other = held.customer_id.clone().filter(|it| it != customer)?;
        let (shown, is_live) = (held.image.profile.fields(), held.image.is_live());
        let Some(old) = self.rows.get(&other) else {
            return Some(Unsent {
                row: other,
                base: Fields::default(),
                fields: Fields::default(),
            });
        };
        if old.square_id.as_ref() != Some(id) {
            return None;
        }
        let base = before.unwrap_or(&shown);
        let owed: Vec<Field> = old.fields.differing(base).collect();
        let row = row::displaced(self.learning, old, customer);
        let unsent = Unsent::of(&row, base, &owed, &shown);
        if self.calls.contains_key(&other) {
            self.settled_calls.insert(other);
        }
        if is_live || owed.is_empty() {
            self.put(row::emptied(self.learning, &row, &shown));
            return Some(unsent.without(row.garbled.keys()));
        }
        self.unsent(id, &unsent);
        let nothing = unsent.without(Field::ALL.iter());
        self.put(row);
        Some(nothing)
    }

    /// Sees to edits of a row that gave up this profile before they were made
    /// on `base`. Gives whether that could be done.
    pub(super) fn give_up(&mut self, id: &SquareId, row: &Row, base: &Fields) -> bool {
        self.rows.insert(row.id.clone(), row.clone());
        let owed: Vec<Field> = row.fields.differing(base).collect();
        let unsent = Unsent::of(row, base, &owed, base);
        match self.heir(id) {
            Heir::Row(profile, heir) => {
                self.put(row::emptied(self.learning, row, base));
                let unsent = unsent.without(row.garbled.keys());
                self.hand_over(&unsent, &profile, &heir);
            }
            Heir::Nobody => {
                self.put(row::unsent(self.learning, row));
                self.unsent(id, &unsent);
            }
            Heir::Locked | Heir::Unknown => return false,
        }
        true
    }

    /// Who takes over from the row of this profile, which has ended or is another row's.
    pub(super) fn heir(&self, id: &SquareId) -> Heir {
        let Some((last, held)) = self.last_of(id) else {
            return Heir::Unknown;
        };
        match &held.customer_id {
            _ if !held.image.is_live() && held.image.tombstone.is_some() => Heir::Nobody,
            Some(customer) if self.locked.contains(customer) => Heir::Locked,
            Some(customer) if self.rows.contains_key(customer) => {
                Heir::Row(last.clone(), customer.clone())
            }
            _ => Heir::Unknown,
        }
    }

    /// The row at the end of the chain of merges that starts here.
    pub(super) fn survivor_of(&self, id: &SquareId) -> Option<CustomerId> {
        self.images.get(id)?.image.merged_into.as_ref()?;
        self.last_of(id)?.1.customer_id.clone()
    }

    /// The profile at the end of the chain of merges that starts here; none in a ring.
    fn last_of(&self, id: &SquareId) -> Option<(&SquareId, &Held)> {
        let mut next = id;
        for _ in 0..LONGEST_CHAIN {
            let (id, held) = self.images.get_key_value(next)?;
            match &held.image.merged_into {
                Some(further) => next = further,
                None => return Some((id, held)),
            }
        }
        None
    }

    /// Points rows that went into a profile to where that one is, or went, and
    /// lets their edits follow.
    pub(super) fn follow_survivors(&mut self, db: &mut Db) -> StoreResult<()> {
        let mut frontier: Vec<SquareId> = std::mem::take(&mut self.survivors).into_iter().collect();
        for _ in 0..LONGEST_CHAIN {
            if frontier.is_empty() {
                break;
            }
            let stored = images::merged_into(db, &self.learning.merchant, &frontier)?;
            let stored: Vec<SquareId> = stored.into_iter().map(|(id, _)| id).collect();
            self.read_images(db, &stored)?;
            self.read_rows(db, BTreeSet::new())?;
            let went = |held: &Held| {
                let into = held.image.merged_into.as_ref();
                into.is_some_and(|into| frontier.contains(into))
            };
            let followers: BTreeSet<SquareId> = self
                .images
                .iter()
                .filter(|(_, held)| went(held))
                .map(|(id, _)| id.clone())
                .collect();
            for id in &followers {
                let before = self.images.get(id).and_then(agreed);
                self.settle(id, before);
            }
            frontier = followers.into_iter().collect();
        }
        Ok(())
    }
}
