//! `backfill`: the whole directory pulled, or the rest of it after a stop.

use crate::cli::{DONE, once, output};
use crate::config::Settings;
use crate::service::Parts;

pub(super) async fn run(settings: Settings, json: bool) -> anyhow::Result<u8> {
    let parts = Parts::open(&settings).await?;
    let merchant = once::identify(&parts).await?;
    let pulled = once::pull_all(&parts, &merchant).await?;
    output::report(&pulled, json, once::pulled_words)?;
    Ok(DONE)
}
