//! One call made to Square, and what it shows.

use crate::domain::id::SquareId;
use crate::domain::observation::{Cause, Observation, Origin, Shown};
use crate::domain::profile::Profile;
use crate::domain::seeded::{self, Bug};
use crate::square::client::Square;
use crate::square::error::SquareError;
use crate::store::outbox::{Call, Operation};

/// What a call showed.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) observations: Vec<Observation>,
    /// Whether it did what was asked. If not, the profile had changed or gone before.
    pub(super) is_done: bool,
}

/// Makes the call. Where our copy turns out to be old, asks for the new one.
pub(super) async fn send(square: &Square, call: &Call) -> Result<Reply, SquareError> {
    match &call.operation {
        Operation::Create { .. } => square.create(&call.body).await.map(made),
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
