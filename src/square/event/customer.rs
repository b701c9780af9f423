//! What a customer event shows: its kind and `data` in, observations out. Of
//! a merge either event tells the whole: which profiles went into which.

use serde_json::Value;

use crate::domain::id::SquareId;
use crate::domain::observation::{Cause, Observation, Origin, Shown};
use crate::domain::profile::{Profile, ProfileError};
use crate::domain::seeded::{self, Bug};
use crate::square::event::{About, Idle, Reason, is_name, text};

/// How an event changes a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// `customer.created` and `customer.updated`: the whole profile as it is then.
    Shown,
    /// `customer.deleted`: the profile is gone.
    Deleted,
}

impl Change {
    /// The change that events of type `kind` report, if they report one.
    pub(super) fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "customer.created" | "customer.updated" => Some(Self::Shown),
            "customer.deleted" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// Reads the `data` of a customer event.
pub(super) fn read(change: Change, mut data: Value) -> Result<About, Reason> {
    check_object(&data, "data")?;
    let id = name(&data, "id", "data.id")?;
    let mut object = take(&mut data, "object");
    check_object(&object, "data.object")?;
    let merge = Merge::read(&object)?;
    let customer = take(&mut object, "customer");
    match change {
        Change::Shown => shown(id.as_ref(), customer, merge),
        Change::Deleted => deleted(id, &customer, merge),
    }
}

fn shown(id: Option<&SquareId>, customer: Value, merge: Option<Merge>) -> Result<About, Reason> {
    if customer.is_null() {
        return Ok(About::Nothing(Idle::NoObject));
    }
    let profile = Profile::parse(customer)?;
    let square_id = profile.id();
    if !is_name(square_id.as_str()) {
        return Err(Reason::BadName("the customer's id"));
    }
    if id.is_some_and(|id| *id != square_id) {
        return Err(Reason::OtherCustomer);
    }
    let shown = Shown::Profile(profile, Origin::Event);
    let mut all = vec![Observation { square_id, shown }];
    all.extend(merge.into_iter().flat_map(Merge::observations));
    Ok(About::Customer(all))
}

fn deleted(id: Option<SquareId>, customer: &Value, merge: Option<Merge>) -> Result<About, Reason> {
    check_object(customer, "the customer")?;
    let inner = name(customer, "id", "the customer's id")?;
    if id.is_some() && inner.is_some() && id != inner {
        return Err(Reason::OtherCustomer);
    }
    let Some(square_id) = id.or(inner) else {
        return Ok(About::Nothing(Idle::NoObject));
    };
    let version = version(customer)?.filter(|_| !seeded::is_on(Bug::DeleteIgnoresVersion));
    let cause = match &merge {
        Some(merge) if merge.to == square_id => return Err(Reason::MergedIntoItself),
        Some(_) => Cause::Merge,
        None => Cause::Event,
    };
    let mut all = vec![Observation {
        square_id: square_id.clone(),
        shown: Shown::Deleted(version, cause),
    }];
    if let Some(merge) = merge {
        all.extend(merge.with(square_id).observations());
    }
    Ok(About::Customer(all))
}

/// Profiles that went into another one.
struct Merge {
    from: Vec<SquareId>,
    to: SquareId,
}

impl Merge {
    /// The merge beside the customer, where one is the cause.
    fn read(object: &Value) -> Result<Option<Self>, Reason> {
        let Some(merge) = object
            .get("event_context")
            .and_then(|context| context.get("merge"))
            .filter(|merge| !merge.is_null())
        else {
            return Ok(None);
        };
        let to = name(merge, "to_customer_id", "to_customer_id")?
            .ok_or(Reason::BadName("to_customer_id"))?;
        let bad_from = || Reason::BadName("one of from_customer_ids");
        let from = match merge.get("from_customer_ids") {
            None | Some(Value::Null) => Vec::new(),
            Some(ids) => ids
                .as_array()
                .ok_or_else(bad_from)?
                .iter()
                .map(|id| text(id).map(SquareId::new).ok_or_else(bad_from))
                .collect::<Result<_, _>>()?,
        };
        Ok(Some(Self { from, to }))
    }

    /// This merge with `id` among the profiles that ended.
    fn with(mut self, id: SquareId) -> Self {
        if !self.from.contains(&id) {
            self.from.push(id);
        }
        self
    }

    /// One observation for each profile that ended; the one that stays does not end.
    fn observations(self) -> Vec<Observation> {
        self.from
            .into_iter()
            .filter(|id| *id != self.to)
            .map(|square_id| Observation {
                square_id,
                shown: Shown::Merged(self.to.clone()),
            })
            .collect()
    }
}

/// The version at which a profile ended, where the event says one.
fn version(customer: &Value) -> Result<Option<i64>, ProfileError> {
    match customer.get("version") {
        None | Some(Value::Null) => Ok(None),
        Some(version) => version
            .as_i64()
            .filter(|version| 0 <= *version)
            .map(Some)
            .ok_or(ProfileError::NoVersion),
    }
}

/// The id under `key`; none where it is absent.
fn name(value: &Value, key: &str, called: &'static str) -> Result<Option<SquareId>, Reason> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(id) => text(id)
            .map(|id| Some(SquareId::new(id)))
            .ok_or(Reason::BadName(called)),
    }
}

/// Takes the value under `key` out; null where there is none.
fn take(value: &mut Value, key: &str) -> Value {
    value.get_mut(key).map(Value::take).unwrap_or_default()
}

/// Absent parts are fine, parts of another kind are not.
fn check_object(value: &Value, called: &'static str) -> Result<(), Reason> {
    if value.is_object() || value.is_null() {
        Ok(())
    } else {
        Err(Reason::PartNotAnObject(called))
    }
}
