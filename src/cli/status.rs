//! `status`: what the tables say, without asking Square.

use anyhow::bail;

use crate::cli::{DONE, output};
use crate::config::Settings;
use crate::flows::status::Status;
use crate::service::clock;
use crate::store::{Location, Store};

pub(super) async fn run(settings: Settings, json: bool) -> anyhow::Result<u8> {
    if let Location::Sqlite(path) = &settings.database
        && !path.exists()
    {
        // A new, empty one would look like a shop without customers.
        bail!(
            "there is no database at {} yet; serve, sync and migrate make one",
            path.display()
        );
    }
    let store = Store::open(settings.database).await?;
    let status = Status::read(&store, clock()).await?;
    output::report(&status, json, |status| {
        status.to_string().trim_end().to_owned()
    })?;
    Ok(DONE)
}
