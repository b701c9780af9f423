//! Every setting, read once and handed down as plain values.
//!
//! In come the command line, the environment and `squaresync.toml`, which count
//! in this order; out goes one [`Settings`], or every fault in one message that
//! names settings and never a value. Nothing below this floor reads a flag, a
//! variable or the file. Nothing is kept, so a crash has nothing to mend.

pub mod choice;
pub mod database;
pub mod duration;
pub mod fault;
pub mod file;
pub mod secret;
pub mod setting;
pub mod source;
pub mod square;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use crate::config::choice::LogFormat;
pub use crate::config::fault::{SettingsFault, SettingsFaults, SettingsWarning};
pub use crate::config::secret::Secret;
pub use crate::config::source::{Flags, Sources};
pub use crate::config::square::Environment;

use crate::config::source::Reader;
use crate::domain::lookalike::Matching;
use crate::domain::merge::Rule;
use crate::square::client::AccessToken;
use crate::square::signature::{NotificationUrl, SigningKey};
use crate::store::Location;

/// Square's search may show a change this late: a window that reaches back
/// less far can miss it.
const SAFE_OVERLAP: Duration = Duration::from_secs(120);

/// Which settings a command cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// None: it talks to nobody, or to a Square of its own.
    Nothing,
    /// The seller's token, to call Square.
    Token,
    /// The signature key, to sign as Square does.
    SignatureKey,
    /// Token, signature key and notification URL, to serve.
    Service,
}

/// What Square's webhooks are checked with.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The keys that count at the moment; never empty for a service.
    pub keys: Vec<SigningKey>,
    /// The notification URL, byte for byte as registered.
    pub url: Option<NotificationUrl>,
}

/// What goes into the log, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A tracing filter that is known to be one; none where none was asked for.
    pub filter: Option<String>,
    /// How lines look.
    pub format: LogFormat,
}

/// All settings. What is optional here is there when the command needs it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where `customers` is.
    pub database: Location,
    /// Which Square.
    pub environment: Environment,
    /// The base of Square's API, without a final slash.
    pub api_url: String,
    /// The seller's token.
    pub access_token: Option<AccessToken>,
    /// What Square's webhooks are checked with.
    pub webhook: Webhook,
    /// The address of the HTTP server.
    pub listen: SocketAddr,
    /// The pause between reconcile passes.
    pub reconcile_every: Duration,
    /// How far a window reaches back behind the mark.
    pub overlap: Duration,
    /// The longest wait before a local change is looked for.
    pub push_every: Duration,
    /// The pause between full passes that look for deletions.
    pub census_every: Duration,
    /// How long events that have had their effect are kept.
    pub keep_events: Duration,
    /// Who wins a field that changed on both sides.
    pub conflicts: Rule,
    /// Whether a local `DELETE` goes to Square.
    pub push_deletes: bool,
    /// By what a customer is looked for at Square before it is made there.
    pub matching: Matching,
    /// What unlocks the dashboard from elsewhere than this machine.
    pub admin_token: Option<Secret>,
    /// What goes into the log.
    pub log: Log,
}

/// Settings that can be used, and what the caller should log about them.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What is better mended.
    pub warnings: Vec<SettingsWarning>,
}

impl Settings {
    /// Reads all settings, and checks that what the command needs is there.
    pub fn load(needs: Needs, sources: &Sources<'_>) -> Result<Loaded, SettingsFaults> {
        let mut reader = Reader::new(sources);
        let settings = Self::read(&mut reader, sources.terminal);
        let (token, key, url) = match needs {
            Needs::Nothing => (false, false, false),
            Needs::Token => (true, false, false),
            Needs::SignatureKey => (false, true, false),
            Needs::Service => (true, true, true),
        };
        for (needed, setting) in [
            (token, setting::ACCESS_TOKEN),
            (key, setting::SIGNATURE_KEY),
            (url, setting::WEBHOOK_URL),
        ] {
            if needed {
                reader.require(setting);
            }
        }
        let warnings = settings.warnings(&reader);
        match SettingsFaults::of(reader.into_faults()) {
            Some(faults) => Err(faults),
            None => Ok(Loaded { settings, warnings }),
        }
    }

    /// Reads each setting in the order of the manual. After a fault a default
    /// stands in, which nobody gets to see.
    fn read(reader: &mut Reader<'_>, terminal: bool) -> Self {
        let [second, minute, day] = [1, 60, 86_400].map(Duration::from_secs);
        let database = read_database(reader);
        let access_token = reader.optional(setting::ACCESS_TOKEN, square::access_token);
        let environment = reader.with_default(
            setting::ENVIRONMENT,
            Environment::Sandbox,
            Environment::parse,
        );
        let default_url = environment.api_url().to_owned();
        let api_url = reader.with_default(setting::API_URL, default_url, square::api_url);
        let webhook = Webhook {
            keys: reader.with_default(setting::SIGNATURE_KEY, vec![], square::signature_keys),
            url: reader.optional(setting::WEBHOOK_URL, square::notification_url),
        };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        Self {
            database,
            environment,
            api_url,
            access_token,
            webhook,
            listen: reader.with_default(setting::LISTEN, listen, choice::listen_address),
            reconcile_every: reader.with_default(
                setting::RECONCILE_EVERY,
                5 * minute,
                duration::up_to_a_week,
            ),
            overlap: reader.with_default(setting::OVERLAP, 5 * minute, duration::up_to_a_week),
            push_every: reader.with_default(setting::PUSH_EVERY, second, duration::up_to_an_hour),
            census_every: reader.with_default(
                setting::CENSUS_EVERY,
                day,
                duration::up_to_ninety_days,
            ),
            keep_events: reader.with_default(setting::KEEP_EVENTS, 30 * day, duration::to_keep),
            conflicts: reader.with_default(
                setting::CONFLICTS,
                Rule::default(),
                choice::conflict_rule,
            ),
            push_deletes: reader.with_default(setting::PUSH_DELETES, false, choice::yes_or_no),
            matching: reader.with_default(setting::MATCH, Matching::default(), choice::matching),
            admin_token: reader.optional(setting::ADMIN_TOKEN, Secret::parse),
            log: read_log(reader, terminal),
        }
    }

    fn warnings(&self, reader: &Reader<'_>) -> Vec<SettingsWarning> {
        let mut warnings = Vec::new();
        if reader.file_gives_away() {
            warnings.push(SettingsWarning::FileReadableByAll);
        }
        if self.overlap < SAFE_OVERLAP {
            warnings.push(SettingsWarning::ShortOverlap);
        }
        warnings
    }
}

fn read_database(reader: &mut Reader<'_>) -> Location {
    let default = Location::Sqlite(PathBuf::from("squaresync.db"));
    let database = reader.with_default(setting::DATABASE_URL, default, database::parse);
    let origin = reader.origin(setting::DATABASE_URL);
    if origin == Some(fault::Origin::Flag) && database.holds_password() {
        reader.complain(
            setting::DATABASE_URL,
            fault::Origin::Flag,
            "may hold no password as a flag, since others can see the command line: \
             set it in the environment or in the settings file",
        );
    }
    database
}

fn read_log(reader: &mut Reader<'_>, terminal: bool) -> Log {
    let format = if terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    };
    Log {
        filter: reader.optional(setting::LOG, choice::log_filter),
        format: reader.with_default(setting::LOG_FORMAT, format, LogFormat::parse),
    }
}
