//! `migrate`: the tables brought up to date, and nothing else.

use serde::Serialize;

use crate::cli::{DONE, output};
use crate::config::Settings;
use crate::store::Store;

#[derive(Serialize)]
struct Report {
    steps: Vec<String>,
}

pub(super) async fn run(settings: Settings, json: bool) -> anyhow::Result<u8> {
    let (_, migrated) = Store::open_and_migrate(settings.database).await?;
    output::report(
        &Report {
            steps: migrated.steps,
        },
        json,
        |report| match report.steps.as_slice() {
            [] => "The tables are up to date.".to_owned(),
            steps => format!("Steps taken: {}", steps.join(", ")),
        },
    )?;
    Ok(DONE)
}
