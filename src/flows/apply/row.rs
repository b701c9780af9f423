//! A row of `customers` as it follows from what Square shows, what both sides
//! agreed on, and what the application wrote.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::Timestamp;
use crate::domain::field::{Field, Fields};
use crate::domain::id::{CustomerId, SquareId};
use crate::domain::image::Image;
use crate::domain::merge::{Decision, Rule, Sent, Sides, merge, unsure};
use crate::domain::profile::Profile;
use crate::flows::apply::Learning;
use crate::square::body;
use crate::store::changes::Change;
use crate::store::customers::{Row, SquareColumns, SyncState};
use crate::store::outbox::{Call, Operation};
use crate::store::time::stored;

/// What a row's next state depends on beside the image.
pub(super) struct Context<'a> {
    /// What both sides agreed on before.
    pub(super) base: &'a Fields,
    /// The call about the row that is under way, or was just answered.
    pub(super) call: Option<&'a Call>,
    /// Whether the image shows Square's answer to that call.
    pub(super) answered: bool,
    /// Whether the image may show somebody else's work instead of the call's.
    pub(super) unsure: bool,
    /// When an application last changed each field; read only where the last change is to win.
    pub(super) edited: &'a BTreeMap<Field, Timestamp>,
    /// The row that this one went into.
    pub(super) survivor: Option<CustomerId>,
}

/// Said of a row whose profile went away under an edit.
const UNSENT: &str = "This customer is gone at Square; the last edits made here were not sent.";

/// The row as it is to be, and what else was decided about its fields, which are
/// moved into it; `old` is the row as it is, if there is one.
pub(super) fn settled(
    learning: &Learning,
    id: &CustomerId,
    old: Option<&Row>,
    square_id: &SquareId,
    image: &Image,
    context: &Context<'_>,
) -> (Row, Decision) {
    let now = stored(learning.now);
    let remote = image.profile.fields();
    let local = old.map_or(&remote, |row| &row.fields);
    let mut decision = decided(learning, &remote, local, image, context);
    let mut row = Row {
        id: id.clone(),
        square_id: Some(square_id.clone()),
        fields: std::mem::take(&mut decision.fields),
        garbled: old.map(|row| row.garbled.clone()).unwrap_or_default(),
        square: square_columns(&image.profile, image.version),
        sync_state: SyncState::Synced,
        sync_error: None,
        deleted_at: None,
        merged_into: None,
        created_at: old.map_or(now, |row| row.created_at),
        updated_at: now,
    };
    let owes = !decision.owed.is_empty();
    if !image.is_live() {
        row.deleted_at = old.and_then(|row| row.deleted_at).or(Some(now));
        row.merged_into = context.survivor.clone();
        if owes {
            row.sync_state = SyncState::Failed;
            row.sync_error = Some(UNSENT.to_owned());
        }
    } else if owes {
        (row.sync_state, row.sync_error) = owing(old, &row.fields);
    }
    (row, decision)
}

/// Brings both sides together. A profile that is gone is merged too, since an
/// event that comes late still tells what it was; nobody asks any more who wins there.
fn decided(
    learning: &Learning,
    remote: &Fields,
    local: &Fields,
    image: &Image,
    context: &Context<'_>,
) -> Decision {
    let carried = context.call.map(carried).unwrap_or_default();
    let sent = context.call.map(|call| Sent {
        fields: &call.sent,
        carried: &carried,
        answered: context.answered,
    });
    let sides = Sides {
        base: context.base,
        remote,
        local,
        sent,
        remote_at: image.profile.moment("updated_at"),
        local_at: context.edited,
    };
    let rule = if image.is_live() {
        learning.rule
    } else {
        Rule::Local
    };
    let mut decision = merge(&sides, rule);
    if context.unsure {
        decision.conflicts.extend(unsure(&sides, &decision));
    }
    decision
}

/// The fields that a call carries. A create carries all, since what it leaves out is empty.
fn carried(call: &Call) -> Vec<Field> {
    match call.operation {
        Operation::Create { .. } => Field::ALL.to_vec(),
        Operation::Update(_) => body::carried(&call.body),
        Operation::Delete(_) => Vec::new(),
    }
}

/// A row whose profile is another row's, or gone, once its edits are handed
/// over: it holds what Square showed. Bytes that are no text stay in it.
pub(super) fn emptied(learning: &Learning, old: &Row, shown: &Fields) -> Row {
    let mut fields = shown.clone();
    for field in old.garbled.keys() {
        fields.set(*field, old.fields.get(*field).map(str::to_owned));
    }
    let owes = fields != *shown;
    Row {
        fields,
        sync_state: if owes {
            SyncState::Failed
        } else {
            SyncState::Synced
        },
        sync_error: owes.then(|| UNSENT.to_owned()),
        updated_at: stored(learning.now),
        ..old.clone()
    }
}

/// A row that gives its profile up to `survivor`.
pub(super) fn displaced(learning: &Learning, old: &Row, survivor: &CustomerId) -> Row {
    Row {
        deleted_at: old.deleted_at.or(Some(stored(learning.now))),
        merged_into: Some(survivor.clone()),
        ..unsent(learning, old)
    }
}

/// A row whose last edits cannot be sent.
pub(super) fn unsent(learning: &Learning, old: &Row) -> Row {
    Row {
        sync_state: SyncState::Failed,
        sync_error: Some(UNSENT.to_owned()),
        updated_at: stored(learning.now),
        ..old.clone()
    }
}

/// A row that takes over what was edited in another one.
pub(super) fn heir(learning: &Learning, old: &Row, fields: Fields) -> Row {
    if fields == old.fields {
        return old.clone();
    }
    Row {
        fields,
        sync_state: SyncState::Pending,
        sync_error: None,
        updated_at: stored(learning.now),
        ..old.clone()
    }
}

/// How a row stands that Square does not have all of: as before, if it is as before.
fn owing(old: Option<&Row>, fields: &Fields) -> (SyncState, Option<String>) {
    let is_as_before = |old: &&Row| {
        old.fields == *fields && old.sync_state != SyncState::Synced && old.deleted_at.is_none()
    };
    match old.filter(is_as_before) {
        Some(old) => (old.sync_state, old.sync_error.clone()),
        None => (SyncState::Pending, None),
    }
}

/// The effect of putting `new` in the place of `old`; none where nothing differs.
pub(super) fn change(learning: &Learning, old: Option<&Row>, new: &Row) -> Option<Change> {
    if let Some(old) = old {
        let same = Row {
            updated_at: old.updated_at,
            ..new.clone()
        };
        if same == *old {
            return None;
        }
    }
    Some(Change {
        customer_id: new.id.clone(),
        square_id: new.square_id.clone(),
        source: learning.source,
        version: new.square.version,
        fields: differing(old, new),
        at: learning.now,
    })
}

pub(crate) fn square_columns(profile: &Profile, version: Option<i64>) -> SquareColumns {
    let array = |key: &str| {
        profile
            .get(key)
            .filter(|value| value.is_array())
            .map(ToString::to_string)
    };
    SquareColumns {
        email_unsubscribed: profile.email_unsubscribed(),
        creation_source: profile.text("creation_source").map(str::to_owned),
        group_ids: array("group_ids"),
        segment_ids: array("segment_ids"),
        version,
        created_at: profile.moment("created_at").map(stored),
        updated_at: profile.moment("updated_at").map(stored),
    }
}

/// The columns that history tells of, where they differ: each with its old and
/// its new value.
fn differing(old: Option<&Row>, new: &Row) -> Vec<(&'static str, Value, Value)> {
    let of_fields = Field::ALL.into_iter().filter_map(|field| {
        let before = old.and_then(|old| old.fields.get(field));
        let after = new.fields.get(field);
        (before != after).then(|| (field.column(), json!(before), json!(after)))
    });
    let before = old.map(squares).unwrap_or_default();
    let of_square = squares(new).into_iter().enumerate();
    let of_square = of_square.filter_map(|(position, (column, value))| {
        let before = before
            .get(position)
            .map_or(Value::Null, |(_, value)| value.clone());
        (before != value).then_some((column, before, value))
    });
    of_fields.chain(of_square).collect()
}

/// The other columns that history tells of, each with its value.
fn squares(row: &Row) -> Vec<(&'static str, Value)> {
    let square = &row.square;
    vec![
        ("square_id", json!(row.square_id)),
        ("email_unsubscribed", json!(square.email_unsubscribed)),
        ("creation_source", json!(square.creation_source)),
        ("group_ids", json!(square.group_ids)),
        ("segment_ids", json!(square.segment_ids)),
        ("deleted_at", json!(row.deleted_at.map(|at| at.to_string()))),
        ("merged_into", json!(row.merged_into)),
    ]
}
