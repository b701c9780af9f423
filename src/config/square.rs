//! Which Square, and how it reaches us: environment, addresses and keys.
//!
//! In comes text; out go Square's own types, which check it, or in this room's
//! words what is wrong. Nothing is kept.

use std::collections::BTreeSet;

use crate::config::fault::Complaint;
use crate::square::address::{self, BadAddress};
use crate::square::client::AccessToken;
use crate::square::signature::{BadKey, NotificationUrl, SigningKey};

/// Which of Square's two worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// For development: other accounts, other customers, no money.
    Sandbox,
    /// The seller's real customers.
    Production,
}

impl Environment {
    /// Reads `sandbox` or `production`.
    pub fn parse(text: &str) -> Result<Self, Complaint> {
        [Self::Sandbox, Self::Production]
            .into_iter()
            .find(|environment| environment.as_str() == text)
            .ok_or("is not an environment: write sandbox or production")
    }

    /// Its name, as it is written in the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }

    /// The base of Square's API in this environment, without a final slash.
    pub const fn api_url(self) -> &'static str {
        match self {
            Self::Sandbox => "https://connect.squareupsandbox.com",
            Self::Production => "https://connect.squareup.com",
        }
    }
}

/// Reads the base URL of an API, and takes its final slash away.
pub fn api_url(text: &str) -> Result<String, Complaint> {
    match address::parse_base(text) {
        Ok(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        Err(bad) => Err(bad_address(bad)),
    }
}

/// Reads the notification URL. It stays as it is, byte for byte: Square signs it.
pub fn notification_url(text: &str) -> Result<NotificationUrl, Complaint> {
    NotificationUrl::parse(text).map_err(bad_address)
}

/// Reads the seller's token.
pub fn access_token(text: &str) -> Result<AccessToken, Complaint> {
    AccessToken::parse(text)
        .ok()
        .ok_or("holds a space or a sign that no token has: copy it again")
}

/// Reads one signature key, or several separated by commas while one is rotated.
pub fn signature_keys(text: &str) -> Result<Vec<SigningKey>, Complaint> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.contains(&"") {
        return Err("has an empty part: write the keys with one comma between them");
    }
    if BTreeSet::from_iter(&parts).len() < parts.len() {
        return Err("has the same key twice: write each key once");
    }
    parts
        .into_iter()
        .map(|part| SigningKey::parse(part).map_err(bad_key))
        .collect()
}

fn bad_key(bad: BadKey) -> Complaint {
    match bad {
        BadKey::TooShort => {
            "has a key that is too short: copy the whole key from the webhook subscription"
        }
        BadKey::OddSign => "has a key with a space or a sign that no key has: copy it again",
    }
}

fn bad_address(bad: BadAddress) -> Complaint {
    match bad {
        BadAddress::OddSign => "holds a space or a backslash: write the URL without",
        BadAddress::NotAUrl => "is not a URL: write https://HOST/PATH",
        BadAddress::HasUser => {
            "holds a user name or password before the host: write https://HOST/PATH"
        }
        BadAddress::HasFragment => "holds a #, which is never sent: write https://HOST/PATH",
        BadAddress::HasQuery => "is the base of all calls: write it without a ? and what follows",
        BadAddress::NotSecure => {
            "is not safe: write https://.., or http:// only to this machine (127.0.0.1, [::1], localhost)"
        }
    }
}
