//! Calls made to Square, one or several together, and what they show.

use crate::domain::id::SquareId;
use crate::domain::observation::{Cause, Observation, Origin, Shown};
use crate::domain::profile::Profile;
use crate::domain::seeded::{self, Bug};
use crate::flows::push::together::key;
use crate::square::body;
use crate::square::client::{Retrieved, Square};
use crate::square::error::{Cause as Trouble, SquareError};
use crate::store::outbox::{Call, Operation};

/// What a call showed.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) observations: Vec<Observation>,
    /// Whether it did what was asked. If not, the profile had changed or gone before.
    pub(super) is_done: bool,
}

/// Makes the call. Where our copy turns out to be old, asks for the new one.
pub(super) async fn send(square: &Square, call: &Call) -> Result<Reply, SquareError> {
    match &call.operation {
        Operation::Create { .. } if body::has_key(&call.body) => {
            square.create(&call.body).await.map(made)
        }
        // It went out together with others before; now it is the only one.
        Operation::Create { key } => {
            let written = square.bulk_create(&[(key, &call.body)]).await?;
            let unread = Err(SquareError::retry(Trouble::Unreadable));
            written.into_iter().next().unwrap_or(unread).map(made)
        }
        Operation::Update(id) => match square.update(id, &call.body).await {
            Ok(profile) => Ok(Reply {
                observations: shown(id, profile, Origin::Write),
                is_done: true,
            }),
            Err(SquareError::Stale | SquareError::NotFound) => look(square, id).await,
            Err(error) => Err(error),
        },
        Operation::Delete(id) => match square.delete(id, version(call)).await {
            Ok(()) => Ok(Reply {
                observations: vec![gone(id, Some(version(call)), Cause::Local)],
                is_done: true,
            }),
            Err(SquareError::Stale | SquareError::NotFound) => look(square, id).await,
            Err(error) => Err(error),
        },
    }
}

/// Makes calls of one kind together. Where our copies turn out to be old, asks
/// for the new ones. Gives the outcome of each, in their order; or what became of all.
pub(super) async fn send_together(
    square: &Square,
    calls: &[Call],
) -> Result<Vec<Result<Reply, SquareError>>, SquareError> {
    let items: Vec<(&str, &str)> = calls
        .iter()
        .map(|call| (key(call), call.body.as_str()))
        .collect();
    let Some(Operation::Update(_)) = calls.first().map(|call| &call.operation) else {
        let written = square.bulk_create(&items).await?;
        return Ok(written.into_iter().map(|one| one.map(made)).collect());
    };
    let written = square.bulk_update(&items).await?;
    let (mut old, mut outcomes) = (Vec::new(), Vec::new());
    for (call, one) in calls.iter().zip(written) {
        let id = SquareId::new(key(call));
        outcomes.push(match one {
            Ok(profile) => Ok(Reply {
                observations: shown(&id, profile, Origin::Write),
                is_done: true,
            }),
            Err(SquareError::Stale | SquareError::NotFound) => {
                old.push(id);
                Err(SquareError::Stale)
            }
            Err(error) => Err(error),
        });
    }
    let replies = look_together(square, &old).await;
    let stale = outcomes
        .iter_mut()
        .filter(|one| matches!(one, Err(SquareError::Stale)));
    for (outcome, reply) in stale.zip(replies) {
        *outcome = reply;
    }
    Ok(outcomes)
}

/// Asks for profiles as they are now. Each has its outcome, in their order.
async fn look_together(square: &Square, ids: &[SquareId]) -> Vec<Result<Reply, SquareError>> {
    let found = match square.bulk_retrieve(ids).await {
        Ok(found) => found,
        Err(error) => return vec![Err(error); ids.len()],
    };
    let looked = |(id, retrieved): (SquareId, Retrieved)| {
        let observations = match retrieved {
            Retrieved::Profile(profile) => shown(&id, profile, Origin::Retrieve),
            Retrieved::NotFound => vec![gone(&id, None, Cause::NotFound)],
            Retrieved::Unknown => return Err(SquareError::retry(Trouble::Unreadable)),
        };
        Ok(Reply {
            observations,
            is_done: false,
        })
    };
    found.into_iter().map(looked).collect()
}

fn made(profile: Profile) -> Reply {
    let id = profile.id();
    Reply {
        observations: shown(&id, profile, Origin::Write),
        is_done: true,
    }
}

/// Asks for the profile as it is now.
async fn look(square: &Square, id: &SquareId) -> Result<Reply, SquareError> {
    let observations = match square.retrieve(id).await {
        Ok(profile) => shown(id, profile, Origin::Retrieve),
        Err(SquareError::NotFound) => vec![gone(id, None, Cause::NotFound)],
        Err(error) => return Err(error),
    };
    Ok(Reply {
        observations,
        is_done: false,
    })
}

/// What an answer to a question about `id` shows: an answer with another id tells of a merge.
fn shown(id: &SquareId, profile: Profile, origin: Origin) -> Vec<Observation> {
    let survivor = if seeded::is_on(Bug::OtherIdIgnored) {
        id.clone()
    } else {
        profile.id()
    };
    let mut observations = Vec::new();
    if survivor != *id {
        observations.push(Observation {
            square_id: id.clone(),
            shown: Shown::Merged(survivor.clone()),
        });
    }
    observations.push(Observation {
        square_id: survivor,
        shown: Shown::Profile(profile, origin),
    });
    observations
}

/// That a profile is gone; at which version Square says only by taking a delete on top of it.
fn gone(id: &SquareId, version: Option<i64>, cause: Cause) -> Observation {
    Observation {
        square_id: id.clone(),
        shown: Shown::Deleted(version, cause),
    }
}

/// The version that a delete is on top of.
fn version(call: &Call) -> i64 {
    call.body.parse().unwrap_or_default()
}
