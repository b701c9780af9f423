//! Calls that go out together: up to a hundred creates, or as many updates, in
//! one bulk call.
//!
//! In: the call that is due first, and how many may go with it. Out: those that
//! do, each with the body that a bulk call carries. The promise: a row that waits
//! alone waits for no other; and a create goes the way that it first went, since
//! Square does not say that it knows a key of one way on the other. A crash
//! forgets how many may go together, and nothing else.

use std::collections::HashSet;

use crate::domain::Timestamp;
use crate::flows::apply::Learning;
use crate::flows::push::look::Question;
use crate::flows::push::prepare::Due;
use crate::flows::push::{Pushing, create};
use crate::square::body;
use crate::square::client::MOST;
use crate::square::error::{Cause, SquareError};
use crate::store::outbox::{self, Call, Operation};
use crate::store::{Db, StoreResult};

/// How many calls may go out together now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    most: usize,
    /// How many calls are left of those that Square refused together.
    suspects: usize,
}

impl Room {
    /// Room for as many as Square takes.
    pub(super) const ALL: Self = Self {
        most: MOST,
        suspects: 0,
    };

    /// Whether more calls than these could go out together.
    pub(super) fn is_left(self, number: usize) -> bool {
        number < self.most
    }

    /// Learns from how a call with so many ended. What cannot be carried out as a
    /// whole, or takes too long, is tried with half as many: one customer must
    /// not hold up the others for ever. Where Square refused it, halves of what is
    /// left of it follow until that one is found; else each that gets through
    /// makes room for twice as many again.
    pub(super) fn learn<T>(&mut self, number: usize, outcome: &Result<T, SquareError>) {
        match outcome {
            Err(SquareError::NotAuthorised { .. }) => {}
            Err(SquareError::Retry { cause, .. }) => {
                if 1 < number && *cause != Cause::RateLimited {
                    self.most = number / 2;
                }
            }
            Err(_) if 1 < number => {
                self.suspects = number;
                self.most = number / 2;
            }
            Ok(_) | Err(_) if number < self.suspects => {
                self.suspects -= number;
                self.most = (self.suspects / 2).max(1);
            }
            Ok(_) | Err(_) => {
                self.suspects = 0;
                self.most = self.most.saturating_mul(2).min(MOST);
            }
        }
    }
}

/// By which ways a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Alone,
    Together,
    Either,
}

fn way(call: &Call) -> Way {
    match call.operation {
        Operation::Delete(_) => Way::Alone,
        Operation::Update(_) => Way::Either,
        Operation::Create { .. } if call.first_attempt.is_none() => Way::Either,
        Operation::Create { .. } if body::has_key(&call.body) => Way::Alone,
        Operation::Create { .. } => Way::Together,
    }
}

/// What a bulk call has the item of this call under.
pub(super) fn key(call: &Call) -> &str {
    match &call.operation {
        Operation::Create { key } => key,
        Operation::Update(id) | Operation::Delete(id) => id.as_str(),
    }
}

/// Gives the calls that go out with the one that is due first, and that one; or
/// that one alone, with what has to be asked before it; or none, where Square
/// has turned out to have it, or nobody can say yet. It `began` at this moment of
/// Square's clock.
pub(super) fn gather(
    db: &mut Db,
    learning: &Learning,
    with: &Pushing,
    first: Call,
    room: Room,
    since: Option<Timestamp>,
    began: Timestamp,
) -> StoreResult<Due> {
    let now = learning.now;
    let question = |call: &Call| Question::before(call, began, since, with.matching);
    let mut calls = create::still_missing(db, learning, vec![first])?;
    let Some(first) = calls.first() else {
        return Ok((calls, None));
    };
    let asked = question(first);
    if asked.is_some() || way(first) == Way::Alone || room.most < 2 {
        return Ok((calls, asked));
    }
    let limit = i64::try_from(room.most).unwrap_or_default();
    let mut keys = HashSet::from([key(first).to_owned()]);
    let word = first.operation.as_str();
    let mut others = Vec::new();
    for call in outbox::due_of(db, &with.merchant, word, now, limit)? {
        let goes_along = way(&call) != Way::Alone && question(&call).is_none();
        if others.len() + 1 < room.most && goes_along && keys.insert(key(&call).to_owned()) {
            others.push(call);
        }
    }
    calls.extend(create::still_missing(db, learning, others)?);
    if 1 < calls.len() {
        calls.iter_mut().for_each(go_together);
    }
    Ok((calls, None))
}

/// A call that was not made after all, since Square refused the bulk call that it
/// was part of. One that had never been made before may go either way again.
pub(super) fn apart(call: Call) -> Call {
    let Operation::Create { key } = &call.operation else {
        return call;
    };
    if call.attempts != 1 {
        return call;
    }
    Call {
        body: body::with_key(&call.body, key),
        attempts: 0,
        first_attempt: None,
        ..call
    }
}

/// From here on the call is part of a bulk call, however often it is made.
fn go_together(call: &mut Call) {
    if matches!(call.operation, Operation::Create { .. }) {
        call.body = body::bulk_body(&call.body);
    }
}
