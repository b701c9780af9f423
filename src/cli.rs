//! The command line: what a person or a service manager types.
//!
//! In come arguments, the environment and the settings file; out come results
//! on standard output, all else on standard error, and an exit code. One file a
//! command; no rule about customers lives here. It keeps nothing, so a crash
//! has nothing to mend.

pub mod args;
mod backfill;
mod conflicts;
mod dead;
mod demo;
mod existing;
mod log;
mod migrate;
mod once;
mod output;
mod progress;
mod push;
mod replay;
mod serve;
mod simulate;
mod status;
mod stop;
mod sync;
mod verify;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::args::{Cli, Command};
use crate::config::{Settings, Sources};

/// Done.
const DONE: u8 = 0;
/// Not done.
const FAILED: u8 = 1;
/// Settings or usage are wrong.
const USAGE: u8 = 2;
/// Done, and the sides differ.
const DRIFT: u8 = 3;
/// Whether the sides differ could not be told.
const UNKNOWN: u8 = 4;

/// Reads the command line, does what it asks, and gives the exit code.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let flags = cli.settings.flags();
    let folder = std::env::current_dir().unwrap_or_default();
    let sources = Sources {
        flags: &flags,
        variables: &|name| std::env::var_os(name),
        folder: &folder,
        terminal: std::io::stderr().is_terminal(),
    };
    let loaded = match Settings::load(cli.command.needs(), &sources) {
        Ok(loaded) => loaded,
        Err(faults) => {
            output::complain(&faults.to_string());
            return ExitCode::from(USAGE);
        }
    };
    log::start(
        &loaded.settings.log,
        matches!(cli.command, Command::Demo(_)),
    );
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("the program cannot start: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let command = async {
        stop::outlive_file_limits()?;
        dispatch(cli.command, loaded.settings).await
    };
    let code = match runtime.block_on(command) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&format!("{error:#}"));
            FAILED
        }
    };
    // A call to Square or the disk that is still under way must not keep the process.
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn dispatch(command: Command, settings: Settings) -> anyhow::Result<u8> {
    match command {
        Command::Serve => serve::run(settings).await,
        Command::Sync(sync) => Box::pin(sync::run(settings, sync)).await,
        Command::Backfill(report) => backfill::run(settings, report.json).await,
        Command::Push(push) => Box::pin(push::run(settings, push)).await,
        Command::Status(report) => status::run(settings, report.json).await,
        Command::Dead(dead) => dead::run(settings, dead).await,
        Command::Conflicts(conflicts) => conflicts::run(settings, conflicts).await,
        Command::Verify(verify) => Box::pin(verify::run(settings, verify)).await,
        Command::Replay(replay) => replay::run(settings, replay).await,
        Command::Simulate(simulate) => simulate::run(settings, simulate).await,
        Command::Demo(demo) => demo::run(settings, demo).await,
        Command::Migrate(report) => migrate::run(settings, report.json).await,
    }
}
