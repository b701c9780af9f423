//! A text that must not be seen.
//!
//! In comes what unlocks the dashboard; out it goes only by [`Secret::expose`],
//! which is easy to search for. It has no `Display` and no `Serialize`, so it
//! cannot end up in a log line, an answer or a page. Square's token and keys
//! have types of their own, which say as little.

use std::fmt;

use crate::config::fault::Complaint;

/// A text whose `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Reads a secret that travels in a header: visible ASCII only.
    pub fn parse(text: &str) -> Result<Self, Complaint> {
        if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("holds a space or a sign that no token has: copy it again")
        }
    }

    /// The text itself, for the one place that compares with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
