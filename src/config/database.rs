//! Which database: chosen by the scheme of the URL and by nothing else.
//!
//! In comes `DATABASE_URL`; out goes a file or a server, or what is wrong. A
//! library that guesses would turn a mistyped server into a new, empty file.

use std::path::PathBuf;

use crate::config::fault::Complaint;
use crate::store::Location;
use crate::store::location;

/// Reads a URL such as `sqlite:squaresync.db` or `postgres://user@host/name`.
pub fn parse(text: &str) -> Result<Location, Complaint> {
    if let Some(rest) = location::server(text) {
        if rest.is_empty() {
            return Err("names no server and no database: write postgres://USER@HOST/NAME");
        }
        return Ok(Location::Postgres(text.to_owned()));
    }
    let Some(rest) = text.strip_prefix("sqlite:") else {
        return Err("has an unknown scheme: write sqlite:PATH or postgres://USER@HOST/NAME");
    };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() {
        return Err("names no file: write sqlite:PATH, for example sqlite:squaresync.db");
    }
    if !location::is_plain_file(path) {
        return Err("must be a plain file: what is only in memory is lost, write sqlite:PATH");
    }
    if path.contains('?') {
        return Err("takes no parameters with SQLite: write sqlite:PATH without the ?");
    }
    Ok(Location::Sqlite(PathBuf::from(path)))
}
