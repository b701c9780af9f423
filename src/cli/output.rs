//! Results to standard output, words to standard error. A reader that went
//! away is no failure.

use std::io::Write;

use serde::Serialize;

use crate::domain::printable;

/// Prints one line of a result.
pub(super) fn line(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Prints a result: as one JSON object for programs, or in words.
pub(super) fn report<T: Serialize>(
    report: &T,
    json: bool,
    words: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    if json {
        line(&printable::json(&serde_json::to_string(report)?));
    } else {
        line(&words(report));
    }
    Ok(())
}

/// Says something to the person at the terminal.
pub(super) fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Says why a command cannot do what it was asked.
pub(super) fn complain(text: &str) {
    say(&format!("squaresync: {text}"));
}
