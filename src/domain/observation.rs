//! What may be learnt about a profile, whichever way it came.

use crate::domain::id::SquareId;
use crate::domain::profile::Profile;

/// One thing learnt about one profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The profile it is about.
    pub square_id: SquareId,
    /// What was shown.
    pub shown: Shown,
}

/// What an observation shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// The whole profile, but for what `Origin` says it leaves out.
    Profile(Profile, Origin),
    /// The profile is gone. Events do not always say at which version.
    Deleted(Option<i64>, Cause),
    /// The profile went into another one.
    Merged(SquareId),
    /// Asked for this very id, Square showed that other profile: so it is now,
    /// whatever was said of it before.
    Leads(SquareId),
}

/// By which way a profile was shown, and so what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A webhook: never carries segments.
    Event,
    /// A page of a search, which may lag.
    Search,
    /// The answer to a create or update of ours; a create's may be a repeated one.
    Write,
    /// The answer to asking for this very id: true now.
    Retrieve,
}

/// How we know that a profile is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A `customer.deleted` event.
    Event,
    /// A merge, from either of its events or from a retrieve that showed another id.
    Merge,
    /// Square answered that there is no such profile.
    NotFound,
    /// We deleted it at Square for an application that deleted its row.
    Local,
}
