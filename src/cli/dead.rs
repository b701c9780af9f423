//! `dead`: webhooks that could not be applied. A number in; what is kept of
//! the event, or what became of it, out.

use std::sync::Arc;

use crate::cli::args::people::{DeadCommand, WhichArgs};
use crate::cli::{DONE, FAILED, existing, output};
use crate::config::Settings;
use crate::flows::dead::{self, Which};
use crate::flows::receive::Receive;
use crate::service::clock;

pub(super) async fn run(settings: Settings, command: DeadCommand) -> anyhow::Result<u8> {
    let store = existing::open(settings.database).await?;
    match command {
        DeadCommand::List(report) => {
            output::report(&dead::list(&store).await?, report.json, ToString::to_string)?;
        }
        DeadCommand::Show(show) => {
            let shown = dead::show(&store, show.number).await?;
            output::report(&shown, show.report.json, ToString::to_string)?;
        }
        DeadCommand::Retry(args) => {
            let receive = Receive::new(store.clone(), settings.conflicts, Arc::default());
            let tried = dead::retry(&store, &receive, which(&args), clock()).await?;
            output::report(&tried, args.report.json, ToString::to_string)?;
            return Ok(if tried.still_dead == 0 { DONE } else { FAILED });
        }
        DeadCommand::Drop(args) => {
            let dropped = dead::drop_dead(&store, which(&args)).await?;
            output::report(&dropped, args.report.json, ToString::to_string)?;
        }
    }
    Ok(DONE)
}

/// The grammar asks for a number or for all.
fn which(args: &WhichArgs) -> Which {
    args.number.map_or(Which::All, Which::One)
}
