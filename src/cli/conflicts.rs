//! `conflicts`: what both sides changed differently. A number in, and perhaps
//! what is to stand; what the ledger says, or what was done, out.

use anyhow::Context;

use crate::cli::args::people::ConflictsCommand;
use crate::cli::{DONE, existing, output};
use crate::config::Settings;
use crate::flows::conflicts;
use crate::flows::resolve::{self, ResolveError, Take};
use crate::service::clock;

pub(super) async fn run(settings: Settings, command: ConflictsCommand) -> anyhow::Result<u8> {
    let store = existing::open(settings.database).await?;
    match command {
        ConflictsCommand::List(args) => {
            let list = conflicts::list(&store, args.all).await?;
            output::report(&list, args.report.json, ToString::to_string)?;
        }
        ConflictsCommand::Show(show) => {
            let shown = conflicts::show(&store, show.number).await?;
            let shown = shown.with_context(|| ResolveError::Unknown(show.number))?;
            output::report(&shown, show.report.json, ToString::to_string)?;
        }
        ConflictsCommand::Resolve(args) => {
            let take = Take::parse(&args.take);
            let resolved = resolve::resolve(&store, args.number, take, clock()).await?;
            output::report(&resolved, args.report.json, ToString::to_string)?;
        }
    }
    Ok(DONE)
}
