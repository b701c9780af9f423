//! `sync`: one whole pass now, as a nightly job would make it.

use serde::Serialize;

use crate::cli::args::SyncArgs;
use crate::cli::once::{self, Pulled, Sent};
use crate::cli::{DONE, FAILED, output};
use crate::config::Settings;
use crate::flows::census::Found;
use crate::service::Parts;

#[derive(Serialize)]
struct Report {
    pulled: Pulled,
    /// Null where none was due.
    census: Option<Found>,
    pushed: Sent,
}

pub(super) async fn run(settings: Settings, args: SyncArgs) -> anyhow::Result<u8> {
    let mut parts = Parts::open(&settings).await?;
    parts.approved = args.approve;
    let merchant = once::identify(&parts).await?;
    let pulled = once::pull(&parts, &merchant).await?;
    let census = once::census(&parts, &merchant).await;
    // Trouble with the census holds up nothing that is owed.
    let pushed = once::push(&parts, &merchant).await?;
    let report = Report {
        pulled,
        census: census?,
        pushed,
    };
    output::report(&report, args.report.json, words)?;
    Ok(if pushed.is_complete() { DONE } else { FAILED })
}

fn words(report: &Report) -> String {
    let mut lines = vec![once::pulled_words(&report.pulled)];
    if let Some(found) = &report.census {
        lines.push(format!(
            "Census: {} customers listed, {} missing; {} deleted and {} merged at Square without a word.",
            found.listed, found.missing, found.deleted, found.merged
        ));
        lines.extend(found.alarm.clone());
    }
    lines.push(once::sent_words(&report.pushed));
    lines.join("\n")
}
