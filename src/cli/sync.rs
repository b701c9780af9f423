//! `sync`: one whole pass now, as a nightly job would make it.

use serde::Serialize;

use crate::cli::once::{self, Pulled, Sent};
use crate::cli::{DONE, FAILED, output};
use crate::config::Settings;
use crate::service::Parts;

#[derive(Serialize)]
struct Report {
    pulled: Pulled,
    pushed: Sent,
}

pub(super) async fn run(settings: Settings, json: bool) -> anyhow::Result<u8> {
    let parts = Parts::open(&settings).await?;
    let merchant = once::identify(&parts).await?;
    let pulled = once::pull(&parts, &merchant).await?;
    let pushed = once::push(&parts, &merchant).await?;
    output::report(&Report { pulled, pushed }, json, |report| {
        format!(
            "{}\n{}",
            once::pulled_words(&report.pulled),
            once::sent_words(&report.pushed)
        )
    })?;
    Ok(if pushed.is_complete() { DONE } else { FAILED })
}
