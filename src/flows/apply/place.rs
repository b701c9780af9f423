//! Which row of `customers` a profile belongs to.

use std::cell::LazyCell;

use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, SquareId};
use crate::domain::image::Image;
use crate::domain::lookalike::is_new_of;
use crate::domain::profile::Profile;
use crate::domain::spelling::alike;
use crate::flows::apply::book::Book;
use crate::square::body;
use crate::store::images::Held;
use crate::store::outbox::{Call, Operation};

/// Where a profile goes.
pub(super) enum Place {
    /// Into this row, which may have to be made.
    Row(CustomerId),
    /// Into none: only its end is known, or its row was deleted by an application.
    Nowhere,
    /// Into this row, which an application deleted before Square's answer came.
    Gone(CustomerId),
    /// It cannot be said, or done, yet.
    Later,
}

impl Book<'_> {
    /// Finds the row of a profile.
    pub(super) fn place(&self, id: &SquareId) -> Place {
        let Some(held) = self.images.get(id) else {
            return Place::Nowhere;
        };
        if let Some(call) = self.answered {
            // What an application deleted is not taken from a row that has it by now.
            let other = held.customer_id.as_ref();
            let has_row = other.is_some_and(|other| self.rows.contains_key(other));
            return match self.unless_locked(call.customer_id.clone()) {
                Place::Row(customer) if self.rows.contains_key(&customer) => Place::Row(customer),
                Place::Row(_) if has_row => Place::Later,
                Place::Row(customer) => Place::Gone(customer),
                place => place,
            };
        }
        match &held.customer_id {
            Some(customer) if self.locked.contains(customer) => Place::Later,
            Some(customer) => self.place_of_linked(id, customer, held.image.is_live()),
            None if held.image.version.is_none() => Place::Nowhere,
            None => self.place_of_new(id, &held.image.profile),
        }
    }

    /// The row of a profile that has one, unless that is no longer so.
    fn place_of_linked(&self, id: &SquareId, customer: &CustomerId, is_live: bool) -> Place {
        let Some(row) = self.rows.get(customer) else {
            // A row that went, and with it the deletion, comes back with a profile that lives again.
            return match is_live {
                true if self.is_superseded(id) => self.place_of_its_own(id),
                true if !self.leaving.contains(customer) => Place::Row(customer.clone()),
                _ => Place::Nowhere,
            };
        };
        match &row.square_id {
            Some(own) if own == id => Place::Row(customer.clone()),
            None if is_live => Place::Row(customer.clone()),
            // The row was made anew and has a profile of its own since.
            Some(_) if is_live => self.place_of_its_own(id),
            _ => Place::Nowhere,
        }
    }

    /// Whether the row of this profile was made anew, and is a later one's.
    pub(super) fn is_superseded(&self, id: &SquareId) -> bool {
        let held = self.images.get(id);
        let Some(held) = held.filter(|held| held.customer_id.is_some()) else {
            return false;
        };
        let made = |image: &Image| image.profile.moment("created_at");
        self.images.iter().any(|(other, it)| {
            other != id
                && it.customer_id == held.customer_id
                && it.image.is_live()
                && made(&held.image) < made(&it.image)
        })
    }

    /// A row of its own for a profile whose row, or the one that would be made for it,
    /// has another one, or was deleted and had one that lives.
    fn place_of_its_own(&self, id: &SquareId) -> Place {
        // One that was deleted is another profile's for as long as that one lives.
        let is_anothers = |customer: &CustomerId| {
            self.images.iter().any(|(other, it)| {
                other != id && it.customer_id.as_ref() == Some(customer) && it.image.is_live()
            })
        };
        let is_free = |customer: &CustomerId| match self.rows.get(customer) {
            Some(row) => row.square_id.as_ref() == Some(id),
            None => !is_anothers(customer),
        };
        let ids = self.rows_of(id);
        ids.into_iter()
            .find(is_free)
            .map_or(Place::Nowhere, |customer| self.unless_locked(customer))
    }

    /// The row of a profile that has none: the one that it names, if that one
    /// waits for a profile; a new one else. While it might be what a create of
    /// ours made, whose answer is out, that answer is waited for.
    fn place_of_new(&self, id: &SquareId, profile: &Profile) -> Place {
        let named = profile.text("reference_id").map(CustomerId::new);
        let fields = LazyCell::new(|| profile.fields());
        let may_be_older =
            |call: &Call| named.as_ref() != Some(&call.customer_id) && may_have_made(call, &fields);
        if self.in_flight.iter().any(may_be_older) {
            return Place::Later;
        }
        if let Some(named) = named {
            if self.locked.contains(&named) {
                return Place::Later;
            }
            if self
                .rows
                .get(&named)
                .is_some_and(|row| row.square_id.is_none() && row.deleted_at.is_none())
            {
                return Place::Row(named);
            }
            let is_made_for = |call: &Call| call.customer_id == named;
            if !self.rows.contains_key(&named) && self.in_flight.iter().any(is_made_for) {
                return Place::Later;
            }
        }
        let own = self.row_of(id);
        let row = self.rows.get(&own);
        match row.and_then(|row| row.square_id.as_ref()) {
            Some(other) if other != id => self.place_of_its_own(id),
            _ => self.unless_locked(own),
        }
    }

    fn unless_locked(&self, customer: CustomerId) -> Place {
        if self.locked.contains(&customer) {
            Place::Later
        } else {
            Place::Row(customer)
        }
    }
}

/// Whether a create may have made a profile with these fields. One that Square
/// was given a reference to our row for is told by that reference alone.
fn may_have_made(call: &Call, fields: &Fields) -> bool {
    call.sent.get(Field::ReferenceId).is_some()
        && Field::ALL
            .into_iter()
            .all(|field| alike(field, call.sent.get(field), fields.get(field)))
}

/// Whether a profile may show what this call did, so that the row as it was sent
/// is what both sides agreed on. A create that never left, or whose key made
/// something else before, did not make the profile; nor did the create of a row
/// that was made anew make the profile that its old row had. An update makes
/// the version after its own: once the row shows that one (`known`), later ones
/// are somebody else's.
pub(super) fn may_have_shown(call: &Call, held: &Held, known: Option<i64>) -> bool {
    let image = &held.image;
    match &call.operation {
        Operation::Create { .. } => {
            let is_changed = image.version.is_some_and(|version| 0 < version);
            let is_older = held.customer_id.as_ref() == Some(&call.customer_id);
            call.first_attempt.is_some()
                && !is_older
                && (is_changed || is_new_of(&call.sent, &image.profile.fields()))
        }
        Operation::Update(_) => match (body::version(&call.body), known) {
            (Some(sent_on), Some(known)) => known <= sent_on,
            _ => true,
        },
        Operation::Delete(_) => true,
    }
}

/// Whether a profile that a call without an answer may have made may as well be what
/// an older call made: one from before a copy of the database was put back.
pub(super) fn may_be_older(call: &Call, image: &Image) -> bool {
    let is_changed = image.version.is_some_and(|version| 0 < version);
    matches!(call.operation, Operation::Create { .. }) && is_changed
}

/// Whether an answered call's profile is as the call made it. A create that is
/// asked again is answered with the profile as it is by now.
pub(super) fn is_still_as_made(call: Option<&Call>, image: &Image) -> bool {
    let is_create = call.is_some_and(|call| matches!(call.operation, Operation::Create { .. }));
    !is_create || image.version.is_none_or(|version| version == 0)
}
