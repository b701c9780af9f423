//! The grammar of the commands by which people look after what no rule could
//! settle: `dead` and `conflicts`. In come arguments, out go numbers and
//! texts; whether there is such a number, the flows say.

use std::fmt;

use clap::{Args, Subcommand};

use crate::cli::args::{ReportArgs, help};

/// What to do with webhooks that could not be applied.
#[derive(Clone, Debug, Subcommand)]
pub enum DeadCommand {
    /// List them, without what they carry
    ///
    /// Prints of each its number, when it was received, its type, Square's id of it, the seller,
    /// and why it could not be applied.
    #[command(after_long_help = help::DEAD_LIST)]
    List(ReportArgs),

    /// Show one, with what it carries
    ///
    /// Prints what `dead list` prints, and the body as it came. The body names a customer. What
    /// could play with a terminal is spelled out in it.
    #[command(after_long_help = help::DEAD_SHOW)]
    Show(ShowArgs),

    /// Take them in again, as if Square had just sent them
    ///
    /// Helps after an update of this program, or once the database takes what it did not take.
    /// Each is taken in by itself, and takes effect once, however often it is tried. Prints what
    /// became of each.
    #[command(after_long_help = help::DEAD_RETRY)]
    Retry(WhichArgs),

    /// Give them up
    ///
    /// They are listed no more, and are kept in the table inbox as ignored. What they told of the
    /// next pass over Square's changes brings anyway.
    #[command(after_long_help = help::DEAD_DROP)]
    Drop(WhichArgs),
}

/// What to do with conflicts.
#[derive(Clone, Debug, Subcommand)]
pub enum ConflictsCommand {
    /// List those that wait for a person, without any value
    ///
    /// Prints of each its number, the row, the field in question, how it stands and since when.
    #[command(after_long_help = help::CONFLICTS_LIST)]
    List(ConflictsListArgs),

    /// Show one, with the values of both sides
    ///
    /// Prints what both sides agreed on before, what each holds and since when, how the row stands
    /// now, and, where the question is which profile the row is, each profile that it may be.
    #[command(after_long_help = help::CONFLICTS_SHOW)]
    Show(ShowArgs),

    /// Decide one, also against the rule that decided it
    ///
    /// The value is written into the row as an application would write it, and goes to Square
    /// with the next push. Square may still refuse it: then sync_error says why. Where the question
    /// is which profile the row is, the answer is one of them or a new one.
    #[command(after_long_help = help::CONFLICTS_RESOLVE)]
    Resolve(ResolveArgs),
}

/// What shows one of many.
#[derive(Args, Clone, Copy, Debug)]
pub struct ShowArgs {
    /// Its number, as the list has it
    #[arg(value_name = "NUMBER")]
    pub number: i64,

    /// How to report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What is done to one, or to all.
#[derive(Args, Clone, Copy, Debug)]
pub struct WhichArgs {
    /// Its number, as the list has it
    #[arg(value_name = "NUMBER", required_unless_present = "all")]
    pub number: Option<i64>,

    /// All of them
    #[arg(long, conflicts_with = "number")]
    pub all: bool,

    /// How to report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What `conflicts list` takes.
#[derive(Args, Clone, Copy, Debug)]
pub struct ConflictsListArgs {
    /// Those too that a rule or a person decided, or whose row was written since
    #[arg(long)]
    pub all: bool,

    /// How to report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What `conflicts resolve` takes.
#[derive(Args, Clone)]
pub struct ResolveArgs {
    /// Its number, as the list has it
    #[arg(value_name = "NUMBER")]
    pub number: i64,

    /// What is to stand
    ///
    /// `square` or `local` for the value of that side, or any other text for itself; before the
    /// texts `square` and `local` themselves put `value:`. Empty text clears the field. Where the
    /// question is which profile the row is: `local` for one of its own, Square's id of one it may
    /// be, or `square` where there is but one.
    #[arg(long, value_name = "square|local|VALUE", allow_hyphen_values = true)]
    pub take: String,

    /// How to report.
    #[command(flatten)]
    pub report: ReportArgs,
}

impl fmt::Debug for ResolveArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is taken may be a customer's.
        write!(f, "ResolveArgs({})", self.number)
    }
}
