//! Proof that a body is Square's: header values and raw bytes in, [`Verified`]
//! out. Square signs the notification URL as registered, followed by the body,
//! both byte for byte, with HMAC-SHA256. The promise: no [`Verified`] comes from
//! a network without a signature by a configured key, and how long a refusal
//! takes tells nothing about keys or signatures.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::seeded::{self, Bug};
use crate::square::address::{self, BadAddress};

/// The key of a webhook subscription.
#[derive(Clone)]
pub struct SigningKey {
    /// As Square's console shows it.
    text: String,
    /// The prepared state of its MAC, which each delivery starts from.
    mac: Hmac<Sha256>,
}

/// Why a text cannot be a signing key. Never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It would protect little, and Square gives longer ones.
    #[error("is not a signature key: Square's own have 22 characters")]
    TooShort,
    /// It has a sign that is not visible ASCII.
    #[error("is not a signature key: visible ASCII characters without blanks are needed")]
    OddSign,
}

/// What a script writes where it has no key.
const NO_KEY: &str = "null";

impl SigningKey {
    /// Takes the characters shown in Square's console as they are; they are not decoded.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        if (text.len() < 2 || text == NO_KEY) && !seeded::is_on(Bug::EmptyKeyIsAKey) {
            return Err(BadKey::TooShort);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadKey::OddSign);
        }
        // HMAC takes keys of any length; an error cannot come.
        let mac = Hmac::new_from_slice(text.as_bytes())
            .ok()
            .ok_or(BadKey::TooShort)?;
        let text = text.to_owned();
        Ok(Self { text, mac })
    }

    /// The text itself, for a simulated Square that signs with the same key.
    pub fn expose(&self) -> &str {
        &self.text
    }

    fn mac(&self, url: &NotificationUrl, body: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(&url.0).chain_update(body)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// A notification URL, byte for byte as registered: Square signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationUrl(String);

impl NotificationUrl {
    /// Takes a URL that Square could be given; its text is kept as it is, never a tidied form.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        address::parse(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The text as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A body whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified(Bytes);

impl Verified {
    /// Takes a recorded body without a signature. For `replay` alone: whoever
    /// may name files to this program may also write to its database.
    pub fn recorded(body: Bytes) -> Self {
        Self(body)
    }

    /// The bytes as received.
    pub fn body(&self) -> &Bytes {
        &self.0
    }
}

/// Why a delivery is not taken. Whoever sent it hears the same in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no signature header.
    #[error("the delivery has no signature")]
    Missing,
    /// There are several, and none of them is more right than the others.
    #[error("the delivery has more than one signature")]
    Doubled,
    /// It is not the base64 of 32 bytes, in its one right spelling.
    #[error("the signature is not the base64 of 32 bytes")]
    Malformed,
    /// It has the length of the legacy header's SHA-1.
    #[error("the signature is of the legacy SHA-1 kind; x-square-hmacsha256-signature is needed")]
    LegacySha1,
    /// No configured key gives it for the configured URL and this body.
    #[error("no configured key gives this signature for the configured URL and this body")]
    Mismatch,
}

impl Refusal {
    /// A short name for metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Doubled => "doubled",
            Self::Malformed => "malformed",
            Self::LegacySha1 => "legacy_sha1",
            Self::Mismatch => "mismatch",
        }
    }
}

/// Tells Square's deliveries from all others.
#[derive(Clone, Debug)]
pub struct Verifier {
    url: NotificationUrl,
    /// All keys that count now: two while one is being rotated. Without any, nothing is taken.
    keys: Vec<SigningKey>,
}

impl Verifier {
    /// Deliveries to `url` signed with any of `keys` are Square's.
    pub fn new(url: NotificationUrl, keys: Vec<SigningKey>) -> Self {
        Self { url, keys }
    }

    /// Checks `body` against the one value that `signatures`, all values of the header, must hold.
    pub fn verify(&self, signatures: &[&[u8]], body: Bytes) -> Result<Verified, Refusal> {
        let read = match signatures {
            [] => Err(Refusal::Missing),
            [start] if self.is_begun_by(start, &body) => return Ok(Verified(body)),
            [first, ..] if seeded::is_on(Bug::FirstOfTwoSignatures) => decode(first),
            [signature] => decode(signature),
            _ => Err(Refusal::Doubled),
        };
        // The same work whatever was sent: a MAC for each key, and no early way out.
        let compared = read.unwrap_or_default();
        let mut matched = false;
        for key in &self.keys {
            matched |= key.mac(&self.url, &body).verify_slice(&compared).is_ok();
        }
        read?;
        if matched {
            Ok(Verified(body))
        } else {
            Err(Refusal::Mismatch)
        }
    }

    /// Whether a right signature begins like this, which is not enough, but by mistake.
    fn is_begun_by(&self, start: &[u8], body: &[u8]) -> bool {
        let begins = |key| sign(&self.url, key, body).as_bytes().starts_with(start);
        seeded::is_on(Bug::PrefixIsEnough) && self.keys.iter().any(begins)
    }
}

/// Takes spellings that Square does not use.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    PAD.with_decode_allow_trailing_bits(true),
);

/// The signature that Square would send with `body`.
pub fn sign(url: &NotificationUrl, key: &SigningKey, body: &[u8]) -> String {
    STANDARD.encode(key.mac(url, body).finalize().into_bytes())
}

/// The bytes of a signature. The decoder takes the standard alphabet, its
/// padding and zero trailing bits only, so each signature has one spelling.
fn decode(signature: &[u8]) -> Result<[u8; 32], Refusal> {
    let decoded = if seeded::is_on(Bug::LenientBase64) {
        LENIENT.decode(signature)
    } else {
        STANDARD.decode(signature)
    };
    let bytes = decoded.unwrap_or_default();
    match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ok(bytes),
        Err(_) if bytes.len() == 20 => Err(Refusal::LegacySha1),
        Err(_) => Err(Refusal::Malformed),
    }
}
