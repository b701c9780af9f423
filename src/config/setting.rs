//! What each setting is called: in the environment, in the file, as a flag.
//!
//! In comes nothing; out go the names that users and other programs rely on.
//! The name in the environment is the one that messages use.

use std::fmt;

/// The names of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// The name in the environment.
    pub variable: &'static str,
    /// The name in the file: the same in lower case.
    pub key: &'static str,
    /// The option on the command line. A secret has none, because every user
    /// of the machine can read the command lines of all processes.
    pub flag: Option<&'static str>,
}

/// Where `customers` is.
pub const DATABASE_URL: Setting =
    Setting::new("DATABASE_URL", "database_url").flag("--database-url");
/// The seller's token.
pub const ACCESS_TOKEN: Setting = Setting::new("SQUARE_ACCESS_TOKEN", "square_access_token");
/// Sandbox or production.
pub const ENVIRONMENT: Setting =
    Setting::new("SQUARE_ENVIRONMENT", "square_environment").flag("--square-environment");
/// Another base URL than the environment's.
pub const API_URL: Setting =
    Setting::new("SQUARE_API_URL", "square_api_url").flag("--square-api-url");
/// What Square signs its webhooks with.
pub const SIGNATURE_KEY: Setting = Setting::new(
    "SQUARE_WEBHOOK_SIGNATURE_KEY",
    "square_webhook_signature_key",
);
/// The notification URL as registered.
pub const WEBHOOK_URL: Setting =
    Setting::new("SQUARE_WEBHOOK_URL", "square_webhook_url").flag("--square-webhook-url");
/// The address of the HTTP server.
pub const LISTEN: Setting = Setting::new("SQUARESYNC_LISTEN", "squaresync_listen").flag("--listen");
/// The pause between reconcile passes.
pub const RECONCILE_EVERY: Setting =
    Setting::new("SQUARESYNC_RECONCILE_EVERY", "squaresync_reconcile_every")
        .flag("--reconcile-every");
/// How far a window reaches back.
pub const OVERLAP: Setting =
    Setting::new("SQUARESYNC_OVERLAP", "squaresync_overlap").flag("--overlap");
/// The longest wait before a local change is looked for.
pub const PUSH_EVERY: Setting =
    Setting::new("SQUARESYNC_PUSH_EVERY", "squaresync_push_every").flag("--push-every");
/// The pause between full passes.
pub const CENSUS_EVERY: Setting =
    Setting::new("SQUARESYNC_CENSUS_EVERY", "squaresync_census_every").flag("--census-every");
/// How long events are kept.
pub const KEEP_EVENTS: Setting =
    Setting::new("SQUARESYNC_KEEP_EVENTS", "squaresync_keep_events").flag("--keep-events");
/// Who wins a field that changed on both sides.
pub const CONFLICTS: Setting =
    Setting::new("SQUARESYNC_CONFLICTS", "squaresync_conflicts").flag("--conflicts");
/// Whether a local `DELETE` goes to Square.
pub const PUSH_DELETES: Setting =
    Setting::new("SQUARESYNC_PUSH_DELETES", "squaresync_push_deletes").flag("--push-deletes");
/// By what a customer is looked for before it is made.
pub const MATCH: Setting = Setting::new("SQUARESYNC_MATCH", "squaresync_match").flag("--match");
/// What unlocks the dashboard.
pub const ADMIN_TOKEN: Setting = Setting::new("SQUARESYNC_ADMIN_TOKEN", "squaresync_admin_token");
/// The tracing filter.
pub const LOG: Setting = Setting::new("SQUARESYNC_LOG", "squaresync_log").flag("--log");
/// Text or JSON.
pub const LOG_FORMAT: Setting =
    Setting::new("SQUARESYNC_LOG_FORMAT", "squaresync_log_format").flag("--log-format");

/// Every setting, in the order of the manual.
pub const ALL: [Setting; 18] = [
    DATABASE_URL,
    ACCESS_TOKEN,
    ENVIRONMENT,
    API_URL,
    SIGNATURE_KEY,
    WEBHOOK_URL,
    LISTEN,
    RECONCILE_EVERY,
    OVERLAP,
    PUSH_EVERY,
    CENSUS_EVERY,
    KEEP_EVENTS,
    CONFLICTS,
    PUSH_DELETES,
    MATCH,
    ADMIN_TOKEN,
    LOG,
    LOG_FORMAT,
];

impl Setting {
    const fn new(variable: &'static str, key: &'static str) -> Self {
        Self {
            variable,
            key,
            flag: None,
        }
    }

    const fn flag(self, flag: &'static str) -> Self {
        Self {
            flag: Some(flag),
            ..self
        }
    }

    /// Whether the value must never be seen.
    pub const fn is_secret(self) -> bool {
        self.flag.is_none()
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variable)
    }
}
