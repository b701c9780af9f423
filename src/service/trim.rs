//! The loop that keeps the inbox small: a look now and then for events that are
//! kept no longer, and their end. Trouble is said, and the next look tries again.

use std::time::Duration;

use crate::service::loops::Stop;
use crate::service::{Parts, Patience, until_idle};

/// The pause between two looks.
const EVERY: Duration = Duration::from_secs(60);

/// Takes old events out of the inbox, again and again. Square need not answer for it.
pub(super) async fn keep_small(parts: Parts, mut stop: Stop) {
    let mut trim = parts.trim();
    while !stop.is_set() {
        let before = trim.gone();
        if let Err(error) = until_idle(&mut trim, Patience::LOOP, &mut stop).await {
            tracing::warn!(%error, "old events could not be taken out of the inbox");
        }
        if before < trim.gone() {
            tracing::info!(
                events = trim.gone() - before,
                "old events are kept no longer"
            );
        }
        if stop.within(EVERY).await {
            break;
        }
    }
}
