//! One profile on both sides: Square's answer and what we hold in; what does
//! not agree out.

use std::collections::{HashMap, HashSet};

use crate::domain::field::Field;
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::domain::profile::Profile;
use crate::flows::apply::{LONGEST_CHAIN, square_columns};
use crate::flows::verify::report::{Entry, Report, Side};
use crate::square::client::Retrieved;
use crate::store::customers::{Row, SyncState, look};
use crate::store::images::{self, Held};
use crate::store::{Db, StoreResult, edits, outbox};

/// The name of what we remember of a profile, among the names of columns.
const IMAGE: &str = "image";

/// What we hold of one profile.
#[derive(Debug, Default)]
pub(super) struct Ours {
    held: Option<Held>,
    /// The live row that has the profile.
    row: Option<Row>,
    /// Whether Square is still to be told that the row was deleted, or it is to be put back.
    is_leaving: bool,
    /// The profile at the end of the merges that start here.
    end: Option<SquareId>,
    /// Whether the row points to another row than that profile's.
    is_astray: bool,
}

/// How both sides stand, as far as it takes to see that one of them moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    shown: Option<(SquareId, i64)>,
    held: Option<i64>,
}

/// What does not agree.
#[derive(Debug)]
pub(super) enum Difference {
    Missing(Entry),
    Extra(Entry),
    Unequal(Entry),
    StaleAlias(Entry),
}

impl Difference {
    /// Puts it into its list.
    pub(super) fn enter(self, report: &mut Report) {
        match self {
            Self::Missing(entry) => report.missing.push(entry),
            Self::Extra(entry) => report.extra.push(entry),
            Self::Unequal(entry) => report.unequal.push(entry),
            Self::StaleAlias(entry) => report.stale_alias.push(entry),
        }
    }
}

/// What we hold of these profiles, in a few set queries.
pub(super) fn load(
    db: &mut Db,
    merchant: &MerchantId,
    ids: &[SquareId],
) -> StoreResult<HashMap<SquareId, Ours>> {
    let mut ours: HashMap<SquareId, Ours> = HashMap::new();
    for row in look::with_profiles(db, merchant, ids)? {
        if let Some(id) = row.square_id.clone() {
            ours.entry(id).or_default().row = Some(row);
        }
    }
    for (id, held) in images::load(db, merchant, ids)? {
        ours.entry(id).or_default().held = Some(held);
    }
    let rowless = ours.values().filter(|ours| ours.row.is_none());
    let rowless: Vec<CustomerId> = rowless
        .filter_map(|ours| ours.customer().cloned())
        .collect();
    let calls = outbox::of_customers(db, &rowless)?;
    let mut leaving: HashSet<CustomerId> = calls.into_iter().map(|call| call.customer_id).collect();
    leaving.extend(edits::deleted(db, &rowless)?);
    for ours in ours.values_mut() {
        ours.is_leaving = ours.customer().is_some_and(|id| leaving.contains(id));
    }
    follow(db, merchant, &mut ours)?;
    Ok(ours)
}

/// Finds where the merged ones went.
fn follow(
    db: &mut Db,
    merchant: &MerchantId,
    ours: &mut HashMap<SquareId, Ours>,
) -> StoreResult<()> {
    let next = |held: &Held| held.image.merged_into.clone();
    let mut further: HashMap<SquareId, Held> = HashMap::new();
    let mut wanted: Vec<SquareId> = ours
        .values()
        .filter_map(|ours| next(ours.held.as_ref()?))
        .collect();
    for _ in 0..LONGEST_CHAIN {
        if wanted.is_empty() {
            break;
        }
        let found = images::load(db, merchant, &wanted)?;
        wanted = found.iter().filter_map(|(_, held)| next(held)).collect();
        wanted.retain(|id| !further.contains_key(id));
        further.extend(found);
    }
    let gone: Vec<CustomerId> = ours
        .values()
        .filter(|ours| ours.held.as_ref().is_some_and(|held| next(held).is_some()))
        .filter_map(|ours| ours.customer().cloned())
        .collect();
    let went: HashMap<CustomerId, Option<CustomerId>> =
        look::went_into(db, &gone)?.into_iter().collect();
    for ours in ours.values_mut() {
        let mut end = ours.held.as_ref().and_then(next);
        for _ in 0..LONGEST_CHAIN {
            match end.as_ref().and_then(|id| next(further.get(id)?)) {
                Some(id) => end = Some(id),
                None => break,
            }
        }
        let survivor = end
            .as_ref()
            .and_then(|id| further.get(id)?.customer_id.as_ref());
        let into = ours.customer().and_then(|id| went.get(id));
        ours.is_astray =
            into.is_some_and(|into| into.as_ref() != survivor) && ours.customer() != survivor;
        ours.end = end;
    }
    Ok(())
}

/// How both sides stand.
pub(super) fn stamp(shown: &Retrieved, ours: &Ours) -> Stamp {
    Stamp {
        shown: match shown {
            Retrieved::Profile(profile) => Some((profile.id(), profile.version())),
            Retrieved::NotFound | Retrieved::Unknown => None,
        },
        held: ours.held.as_ref().and_then(|held| held.image.version),
    }
}

/// What does not agree about this profile, but for what its row's state says.
pub(super) fn judge(id: &SquareId, shown: &Retrieved, ours: &Ours) -> Option<Difference> {
    match shown {
        Retrieved::Unknown => None,
        Retrieved::NotFound => {
            let is_held = ours.is_held() && !ours.is_leaving;
            (ours.row.is_some() || is_held).then(|| Difference::Extra(ours.entry(id)))
        }
        Retrieved::Profile(profile) if profile.id() == *id => there(id, profile, ours),
        Retrieved::Profile(profile) => elsewhere(id, &profile.id(), ours),
    }
}

/// Square has the profile under this very id.
fn there(id: &SquareId, profile: &Profile, ours: &Ours) -> Option<Difference> {
    let version = Some(profile.version());
    let waits =
        |held: &Held| held.unmerged && held.image.is_live() && version <= held.image.version;
    if ours.held.as_ref().is_some_and(waits) || (ours.row.is_none() && ours.is_leaving) {
        return None;
    }
    let Some(row) = &ours.row else {
        return Some(Difference::Missing(ours.entry(id)));
    };
    let is_taken = ours.is_held()
        && ours.held.as_ref().is_some_and(|held| {
            held.image.version == version && held.customer_id.as_ref() == Some(&row.id)
        });
    let mut fields = differing(row, profile);
    if is_taken && row.sync_state != SyncState::Synced {
        // What such a row holds is told of by its state.
        fields.retain(|field| Field::of_column(field).is_none());
    }
    if fields.is_empty() && is_taken {
        return None;
    }
    if fields.is_empty() {
        fields.push(IMAGE);
    }
    let is_edit = is_taken && fields.iter().all(|field| Field::of_column(field).is_some());
    Some(Difference::Unequal(Entry {
        fields,
        side: Some(if is_edit {
            Side::EditNotSent
        } else {
            Side::NewsNotTaken
        }),
        ..ours.entry(id)
    }))
}

/// Square answers for this id with the profile `to`.
fn elsewhere(id: &SquareId, to: &SquareId, ours: &Ours) -> Option<Difference> {
    let leads_there = ours.end.as_ref() == Some(to);
    let waits = leads_there && ours.held.as_ref().is_some_and(|held| held.unmerged);
    if waits || (leads_there && ours.row.is_none() && !ours.is_astray) {
        return None;
    }
    Some(Difference::StaleAlias(Entry {
        leads_to: Some(to.clone()),
        ..ours.entry(id)
    }))
}

/// The columns in which a row is not as Square shows it.
fn differing(row: &Row, profile: &Profile) -> Vec<&'static str> {
    let fields = profile.fields();
    let mut differing: Vec<&'static str> =
        row.fields.differing(&fields).map(Field::column).collect();
    let (held, shown) = (
        &row.square,
        square_columns(profile, Some(profile.version())),
    );
    let square = [
        (
            "email_unsubscribed",
            held.email_unsubscribed == shown.email_unsubscribed,
        ),
        (
            "creation_source",
            held.creation_source == shown.creation_source,
        ),
        ("group_ids", held.group_ids == shown.group_ids),
        ("square_version", held.version == shown.version),
    ];
    differing.extend(
        square
            .into_iter()
            .filter(|(_, is_same)| !is_same)
            .map(|(column, _)| column),
    );
    differing
}

impl Ours {
    /// Whether we believe that Square has the profile.
    fn is_held(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.image.is_live())
    }

    /// The row that the profile is said to be of.
    fn customer(&self) -> Option<&CustomerId> {
        self.held.as_ref()?.customer_id.as_ref()
    }

    fn entry(&self, id: &SquareId) -> Entry {
        let row = self.row.as_ref().map(|row| &row.id);
        Entry {
            row_id: row.or_else(|| self.customer()).cloned(),
            square_id: Some(id.clone()),
            ..Entry::default()
        }
    }
}
