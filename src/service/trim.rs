//! The loop that keeps the inbox small: a look now and then for events that are
//! kept no longer, and their end. Trouble is said, and the next look tries again.

use std::time::Duration;

use crate::flows::Step;
use crate::service::loops::Stop;
use crate::service::{Parts, clock};

/// The pause between two looks.
const EVERY: Duration = Duration::from_secs(60);
/// The pause between two steps: after a change of the settings millions of
/// events may be due, and webhooks need not wait for that.
const GENTLY: Duration = Duration::from_millis(100);

/// Takes old events out of the inbox, again and again. Square need not answer for it.
pub(super) async fn keep_small(parts: Parts, mut stop: Stop) {
    let mut trim = parts.trim();
    let mut told = 0;
    while !stop.is_set() {
        let step = trim.step(clock()).await;
        if let Err(error) = &step {
            tracing::warn!(%error, "old events could not be taken out of the inbox");
        }
        let wait = if matches!(step, Ok(Step::Worked)) {
            GENTLY
        } else {
            EVERY
        };
        if wait == EVERY && told < trim.gone() {
            tracing::info!(events = trim.gone() - told, "old events are kept no longer");
            told = trim.gone();
        }
        if stop.within(wait).await {
            break;
        }
    }
}
