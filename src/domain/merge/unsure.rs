//! What is replaced where nobody knows that Square shows what we sent.

use crate::domain::merge::{Conflict, Decision, Side, Sides};
use crate::domain::spelling::alike;

/// The fields whose values give way to Square's, though they may never have been
/// there: a call that may have made what is shown carried them, and what is shown
/// has been changed since, or was never made by it. Not those that are conflicts.
pub fn unsure(sides: &Sides<'_>, decision: &Decision) -> Vec<Conflict> {
    let Some(sent) = sides.sent else {
        return Vec::new();
    };
    let is_said = |field| decision.conflicts.iter().any(|one| one.field == field);
    let news = decision.news.iter().copied().filter(|field| {
        let ours = sides.local.get(*field);
        let is_sent = ours.is_some() && ours == sent.fields.get(*field);
        is_sent && !alike(*field, ours, sides.remote.get(*field)) && !is_said(*field)
    });
    news.map(|field| sides.conflict(field, Side::Square))
        .collect()
}
