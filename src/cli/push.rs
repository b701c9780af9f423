//! `push`: what is owed to Square, sent once.

use crate::cli::args::PushArgs;
use crate::cli::{DONE, FAILED, once, output};
use crate::config::Settings;
use crate::service::Parts;

pub(super) async fn run(settings: Settings, args: PushArgs) -> anyhow::Result<u8> {
    let mut parts = Parts::open(&settings).await?;
    parts.approved = args.approve;
    let merchant = once::identify(&parts).await?;
    once::catch_up(&parts, &merchant).await?;
    let sent = once::push(&parts, &merchant).await?;
    output::report(&sent, args.report.json, once::sent_words)?;
    Ok(if sent.is_complete() { DONE } else { FAILED })
}
