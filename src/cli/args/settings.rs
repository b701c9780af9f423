//! The settings that may be given as flags, and the secrets that may not.
//!
//! In come arguments as text, unchecked; out go [`Flags`] for `config`. A
//! secret given as a flag is forgotten at once, and only that it was given is
//! handed on.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::config::{Flags, setting};

/// The options that every command takes.
// There is no Debug: a database URL given as a flag may hold a password.
#[derive(Args, Clone, Default)]
#[command(
    next_help_heading = "Settings (the flag counts before the environment, that before the file)"
)]
pub struct SettingFlags {
    /// Read settings from this file, which must exist
    ///
    /// [default: squaresync.toml, if there is one]
    #[arg(long, global = true, value_name = "PATH", hide_short_help = true)]
    pub config: Option<PathBuf>,

    /// Database with the table `customers`: sqlite:PATH or postgres://USER@HOST/NAME;
    /// one with a password belongs in the environment or the file
    ///
    /// [env: DATABASE_URL] [default: sqlite:squaresync.db]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub database_url: Option<String>,

    /// Which Square: sandbox or production
    ///
    /// [env: SQUARE_ENVIRONMENT] [default: sandbox]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub square_environment: Option<String>,

    /// Another base URL of Square's API, for tests; plain http only to this machine
    ///
    /// [env: SQUARE_API_URL] [default: by environment]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub square_api_url: Option<String>,

    /// The notification URL, byte for byte as registered at Square
    ///
    /// [env: SQUARE_WEBHOOK_URL] [required by serve]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub square_webhook_url: Option<String>,

    /// Address of the HTTP server; with port 0 the system picks one, which is logged
    ///
    /// [env: SQUARESYNC_LISTEN] [default: 127.0.0.1:8080]
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS:PORT",
        hide_short_help = true
    )]
    pub listen: Option<String>,

    /// Pause between passes that ask Square what changed, such as 30s or 5m
    ///
    /// [env: SQUARESYNC_RECONCILE_EVERY] [default: 5m]
    #[arg(long, global = true, value_name = "TIME", hide_short_help = true)]
    pub reconcile_every: Option<String>,

    /// How far each pass reaches back behind the last one; must exceed the lag of Square's search
    ///
    /// [env: SQUARESYNC_OVERLAP] [default: 5m]
    #[arg(long, global = true, value_name = "TIME", hide_short_help = true)]
    pub overlap: Option<String>,

    /// Longest wait before a local change is looked for
    ///
    /// [env: SQUARESYNC_PUSH_EVERY] [default: 1s]
    #[arg(long, global = true, value_name = "TIME", hide_short_help = true)]
    pub push_every: Option<String>,

    /// Pause between full passes that look for deletions nobody announced
    ///
    /// [env: SQUARESYNC_CENSUS_EVERY] [default: 24h]
    #[arg(long, global = true, value_name = "TIME", hide_short_help = true)]
    pub census_every: Option<String>,

    /// How long Square's events are kept once they have had their effect, such as 7d; a day or more
    ///
    /// [env: SQUARESYNC_KEEP_EVENTS] [default: 30d]
    #[arg(long, global = true, value_name = "TIME", hide_short_help = true)]
    pub keep_events: Option<String>,

    /// Who wins one field that was changed on both sides: square, local or newest
    ///
    /// [env: SQUARESYNC_CONFLICTS] [default: square]
    #[arg(long, global = true, value_name = "RULE", hide_short_help = true)]
    pub conflicts: Option<String>,

    /// Carry a local DELETE to Square: true or false; with false the row comes back
    ///
    /// [env: SQUARESYNC_PUSH_DELETES] [default: false]
    #[arg(long, global = true, value_name = "BOOL", hide_short_help = true)]
    pub push_deletes: Option<String>,

    /// Look at Square for a customer with the same e-mail address or phone number before a new
    /// row is made there, and take that one instead: off, email, phone or both
    ///
    /// [env: SQUARESYNC_MATCH] [default: off]
    #[arg(
        long = "match",
        global = true,
        value_name = "WAY",
        hide_short_help = true
    )]
    pub matching: Option<String>,

    /// What to log, as a tracing filter: error, warn, info, debug, trace, or by module
    ///
    /// [env: SQUARESYNC_LOG] [default: info]
    #[arg(long, global = true, value_name = "FILTER", hide_short_help = true)]
    pub log: Option<String>,

    /// How log lines look: text or json
    ///
    /// [env: SQUARESYNC_LOG_FORMAT] [default: text on a terminal, else json]
    #[arg(long, global = true, value_name = "FORMAT", hide_short_help = true)]
    pub log_format: Option<String>,

    /// No flag, but known, so that the message can say where it belongs.
    #[arg(long, global = true, hide = true, num_args = 0..=1, value_parser = refused(), allow_hyphen_values = true)]
    #[arg(alias = "access-token", default_missing_value = "")]
    square_access_token: Option<Refused>,

    /// No flag, but known, so that the message can say where it belongs.
    #[arg(long, global = true, hide = true, num_args = 0..=1, value_parser = refused(), allow_hyphen_values = true)]
    #[arg(aliases = ["webhook-signature-key", "signature-key"], default_missing_value = "")]
    square_webhook_signature_key: Option<Refused>,

    /// No flag, but known, so that the message can say where it belongs.
    #[arg(long, global = true, hide = true, num_args = 0..=1, value_parser = refused(), allow_hyphen_values = true)]
    #[arg(alias = "admin-token", default_missing_value = "")]
    squaresync_admin_token: Option<Refused>,
}

/// That something was given, but not what.
#[derive(Clone)]
struct Refused;

fn refused() -> impl TypedValueParser<Value = Refused> {
    OsStringValueParser::new().map(|_| Refused)
}

impl SettingFlags {
    /// What was given, by setting.
    pub fn flags(&self) -> Flags {
        let values = [
            (setting::DATABASE_URL, &self.database_url),
            (setting::ENVIRONMENT, &self.square_environment),
            (setting::API_URL, &self.square_api_url),
            (setting::WEBHOOK_URL, &self.square_webhook_url),
            (setting::LISTEN, &self.listen),
            (setting::RECONCILE_EVERY, &self.reconcile_every),
            (setting::OVERLAP, &self.overlap),
            (setting::PUSH_EVERY, &self.push_every),
            (setting::CENSUS_EVERY, &self.census_every),
            (setting::KEEP_EVENTS, &self.keep_events),
            (setting::CONFLICTS, &self.conflicts),
            (setting::PUSH_DELETES, &self.push_deletes),
            (setting::MATCH, &self.matching),
            (setting::LOG, &self.log),
            (setting::LOG_FORMAT, &self.log_format),
        ];
        let refused = [
            (setting::ACCESS_TOKEN, &self.square_access_token),
            (setting::SIGNATURE_KEY, &self.square_webhook_signature_key),
            (setting::ADMIN_TOKEN, &self.squaresync_admin_token),
        ];
        Flags {
            config: self.config.clone(),
            values: values
                .into_iter()
                .filter_map(|(setting, value)| Some((setting, value.clone()?)))
                .collect(),
            refused: refused
                .into_iter()
                .filter(|(_, given)| given.is_some())
                .map(|(setting, _)| setting)
                .collect(),
        }
    }
}
