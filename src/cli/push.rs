//! `push`: what is owed to Square, sent once.

use crate::cli::{DONE, FAILED, once, output};
use crate::config::Settings;
use crate::service::Parts;

pub(super) async fn run(settings: Settings, json: bool) -> anyhow::Result<u8> {
    let parts = Parts::open(&settings).await?;
    let merchant = once::identify(&parts).await?;
    let sent = once::push(&parts, &merchant).await?;
    output::report(&sent, json, once::sent_words)?;
    Ok(if sent.is_complete() { DONE } else { FAILED })
}
