//! TLS for every HTTP client of this program.
//!
//! In comes nothing; out goes a process that has a provider of cryptography,
//! which each client needs before it is built, even one for plain http.

use rustls::crypto::{CryptoProvider, ring};

/// Makes ring the provider, unless the process has one.
pub fn provide() {
    if CryptoProvider::get_default().is_none() {
        // Fails only when another thread was quicker, which is as good.
        drop(ring::default_provider().install_default());
    }
}
