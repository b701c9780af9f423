//! The log: lines for people or JSON for programs, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// What libraries say that nobody here can act on: a line for each worker, and
/// for each connection that a peer cut.
const NOISE: [&str; 2] = ["actix_server=warn", "actix_http=off"];

/// Starts it. A `quiet` command tells its own story, so its log says nothing
/// unless it was asked for.
pub(super) fn start(settings: &Log, quiet: bool) {
    let filter = match &settings.filter {
        None if quiet => "off",
        None => "info",
        Some(filter) => filter,
    };
    let filter = EnvFilter::new(format!("{},{filter}", NOISE.join(",")));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A line that nobody takes must not end the work that it tells of.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Text if std::io::stderr().is_terminal() => lines.with_target(false).try_init(),
        LogFormat::Text => lines.with_target(false).with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    drop(started);
}
