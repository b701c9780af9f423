//! `status`: what the tables say, without asking Square.

use crate::cli::{DONE, existing, output};
use crate::config::Settings;
use crate::flows::status::Status;
use crate::service::clock;

pub(super) async fn run(settings: Settings, json: bool) -> anyhow::Result<u8> {
    let store = existing::open(settings.database).await?;
    let status = Status::read(&store, clock()).await?;
    output::report(&status, json, |status| {
        status.to_string().trim_end().to_owned()
    })?;
    Ok(DONE)
}
