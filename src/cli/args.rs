//! The grammar of the command line.
//!
//! In come arguments; out goes a [`Cli`], or clap's own message and exit code
//! 2. Values of settings stay text here: `config` checks them together with
//! the environment and the file, so that all faults come in one message.

pub mod help;
pub mod people;
pub mod settings;
pub mod simulate;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::cli::args::people::{ConflictsCommand, DeadCommand};
use crate::cli::args::settings::SettingFlags;
use crate::cli::args::simulate::SimulateArgs;
use crate::config::fault::Complaint;
use crate::config::{Needs, duration, square};
use crate::square::signature::NotificationUrl;

/// Keeps a Square customer directory and a SQL table the same, in both directions.
///
/// Square tells squaresync of changes by webhook, and squaresync asks Square for
/// what the webhooks missed. What other programs write into the table `customers`
/// with plain SQL goes to Square. The table is in a SQLite file or in PostgreSQL.
// There is no Debug: a database URL given as a flag may hold a password.
#[derive(Parser)]
#[command(name = "squaresync", version, after_long_help = help::PROGRAM)]
pub struct Cli {
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: SettingFlags,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Receive webhooks and keep both sides the same until stopped
    ///
    /// Takes Square's webhooks at POST /webhooks/square, asks Square at intervals for what
    /// they missed, carries local changes to Square, and answers health at /health/live and
    /// /health/ready, and metrics at /metrics. SIGTERM or Ctrl-C ends it within 10 seconds;
    /// what was unfinished goes on at the next start.
    #[command(after_long_help = help::SERVE)]
    Serve,

    /// Make both sides the same once, then report
    ///
    /// Pulls what changed at Square since the last pass (the first time: everything), looks
    /// once in SQUARESYNC_CENSUS_EVERY for customers that are gone at Square without a word,
    /// pushes what is owed to Square, and prints what each of these did. Made for a nightly
    /// job; safe beside a running `serve`.
    #[command(after_long_help = help::SYNC)]
    Sync(SyncArgs),

    /// Pull the whole directory from Square
    ///
    /// Reads every customer, one window of time after another, with a progress bar on a
    /// terminal. Stopped half-way it goes on where it was. Nothing is pushed to Square. Prints
    /// how many customers were read and changed.
    #[command(after_long_help = help::BACKFILL)]
    Backfill(ReportArgs),

    /// Carry what is owed to Square, once
    ///
    /// Sends the rows of `customers` that applications created or changed and prints how many
    /// Square took and refused. A refused row keeps Square's reason in its column sync_error
    /// and holds up no other row. What was made at Square since the last pass is read first, so
    /// that nobody is made twice. Many deletions at once wait until --approve is given.
    #[command(after_long_help = help::PUSH)]
    Push(PushArgs),

    /// Show what is synced, owed and failed
    ///
    /// Looks at the database only, and makes the tables where there are none; Square is not
    /// asked. Prints the number of customers and of webhooks in each state, how far Square's
    /// changes were read and how long ago that was, and what a person should do, if anything.
    #[command(after_long_help = help::STATUS)]
    Status(ReportArgs),

    /// List, show, try again or drop webhooks that could not be applied
    ///
    /// A webhook that Square signed and that could not be read or stored is kept as dead, and
    /// delays nobody. Each has a number. What it carries is shown by `dead show` alone, since it
    /// names a customer. Works on the database only, beside a running `serve` too.
    #[command(subcommand, after_long_help = help::DEAD)]
    Dead(DeadCommand),

    /// List, show or resolve what both sides changed differently
    ///
    /// Where both sides changed the same field, SQUARESYNC_CONFLICTS decides, and both values are
    /// kept; where only a person can decide, the row waits. Each such case has a number. Values are
    /// shown by `conflicts show` alone. Works on the database only, beside a running `serve` too.
    #[command(subcommand, after_long_help = help::CONFLICTS)]
    Conflicts(ConflictsCommand),
    /// Compare both sides and say exactly where they differ
    ///
    /// Reads the whole directory at Square and every row here, looks again at all that seems to
    /// differ, and lists it: ids and names of fields, never values. It changes nothing, here or
    /// at Square, and may run beside `serve`. With --repair it then makes both sides the same by
    /// the ordinary ways of the other commands, and compares again.
    #[command(after_long_help = help::VERIFY)]
    Verify(VerifyArgs),

    /// Feed recorded webhooks through the same door as live ones
    ///
    /// Reads bodies from files, folders (in order of their names) and JSON lines, and applies
    /// each as if Square had just sent it. One that was applied before changes nothing. With
    /// --to the bodies are signed and posted to a URL instead. Prints how many were applied,
    /// known already, and unreadable.
    #[command(after_long_help = help::REPLAY)]
    Replay(ReplayArgs),

    /// Run a local Square for development and tests
    ///
    /// Answers the customer calls of Square's API from memory and sends signed webhooks of
    /// every change, with as many faults as you ask for. Runs until stopped; everything in it
    /// is gone then. It prints its address, and what to set so that squaresync talks to it.
    #[command(after_long_help = help::SIMULATE)]
    Simulate(SimulateArgs),

    /// Show it all at work, with nothing to set up
    ///
    /// Starts a local Square and the service on a throw-away SQLite file, changes customers
    /// on both sides, and tells what happens. The last line says whether both sides agree.
    #[command(after_long_help = help::DEMO)]
    Demo(DemoArgs),

    /// Create or update the tables in the database
    ///
    /// The other commands do this by themselves where it is needed; this one is for those who
    /// want it to happen at a time of their choice. Prints the migrations that it ran. Running
    /// it again changes nothing.
    #[command(after_long_help = help::MIGRATE)]
    Migrate(ReportArgs),
}

impl Command {
    /// Which settings the command cannot do without.
    pub fn needs(&self) -> Needs {
        match self {
            Self::Serve => Needs::Service,
            Self::Sync(_) | Self::Backfill(_) | Self::Push(_) | Self::Verify(_) => Needs::Token,
            Self::Replay(replay) if replay.to.is_some() => Needs::SignatureKey,
            Self::Replay(_)
            | Self::Status(_)
            | Self::Dead(_)
            | Self::Conflicts(_)
            | Self::Simulate(_)
            | Self::Demo(_)
            | Self::Migrate(_) => Needs::Nothing,
        }
    }
}

/// What every command that reports takes.
#[derive(Args, Clone, Copy, Debug)]
pub struct ReportArgs {
    /// Print the report as one JSON object, for programs
    #[arg(long)]
    pub json: bool,
}

/// What `sync` takes.
#[derive(Args, Clone, Copy, Debug)]
pub struct SyncArgs {
    /// Approve of however many deletions there are, and look for them now
    ///
    /// Without it no more than 25 customers, or 2 % of them if that is more, are taken for
    /// deleted at once; more of them raise an alarm, which `status` shows. Approve once you
    /// know that they were meant.
    #[arg(long)]
    pub approve: bool,

    /// How to report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What `push` takes.
#[derive(Args, Clone, Copy, Debug)]
pub struct PushArgs {
    /// Delete customers at Square even if many rows were deleted at once
    ///
    /// More than 25, and more than 2 % of all, are not deleted before somebody has looked;
    /// squaresync status says how many wait. Only with SQUARESYNC_PUSH_DELETES=true.
    #[arg(long)]
    pub approve: bool,

    /// How to report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What `verify` takes.
#[derive(Args, Clone, Copy, Debug)]
pub struct VerifyArgs {
    /// Mend what differs, then compare again
    ///
    /// Pulls the whole directory, asks Square for each customer that differs, and pushes what is
    /// owed. What Square refused, and what a person has to decide, stays.
    #[arg(long)]
    pub repair: bool,

    /// Let more customers end at once than is done without asking
    #[arg(long, requires = "repair")]
    pub approve: bool,

    /// How to report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What `replay` takes.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// Files with one webhook body or one a line, or folders of such files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Sign the bodies and post them to this URL instead of applying them here
    ///
    /// They are signed with SQUARE_WEBHOOK_SIGNATURE_KEY (the first, if there are several),
    /// for the URL in SQUARE_WEBHOOK_URL, or for this one if that is not set. Bodies name
    /// customers, so plain http leads to this machine only.
    #[arg(long, value_name = "URL", value_parser = square::notification_url)]
    pub to: Option<NotificationUrl>,

    /// How to report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What `demo` takes.
#[derive(Args, Clone, Copy, Debug)]
pub struct DemoArgs {
    /// How long to make changes before both sides settle
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,

    /// Leave it running until Ctrl-C, to try things with its SQLite file
    #[arg(long)]
    pub keep: bool,

    /// Make the same changes again as another run with this number
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// Reads a span of time for a flag that is not a setting.
fn span(text: &str) -> Result<Duration, Complaint> {
    duration::parse(text)
}
