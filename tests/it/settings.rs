//! Settings: where they come from, and what is said when they are wrong.
//!
//! In come flags, an environment and a file made for the test; out go settings
//! or a message, which must name the setting and must not show its value.

mod faults;
mod file;
mod help;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser as _;
use squaresync::cli::args::Cli;
use squaresync::config::database;
use squaresync::config::setting::{self, Setting};
use squaresync::config::{
    Environment, Loaded, LogFormat, Needs, Settings, SettingsFaults, SettingsWarning, Sources,
};
use squaresync::domain::lookalike::Matching;
use squaresync::domain::merge::Rule;
use squaresync::store::Location;
use tempfile::TempDir;

/// One start of the program: its command line, environment and folder.
struct Start {
    arguments: Vec<String>,
    variables: BTreeMap<String, OsString>,
    folder: TempDir,
    terminal: bool,
}

impl Start {
    fn new(arguments: &str) -> Self {
        Self {
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            variables: BTreeMap::new(),
            folder: tempfile::tempdir().unwrap(),
            terminal: true,
        }
    }

    fn with(mut self, setting: Setting, value: impl Into<OsString>) -> Self {
        self.variables
            .insert(setting.variable.to_owned(), value.into());
        self
    }

    fn file(self, text: impl AsRef<[u8]>) -> Self {
        self.file_named("squaresync.toml", text)
    }

    fn file_named(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn load(&self) -> Result<Loaded, SettingsFaults> {
        let cli = self.cli();
        self.load_for(cli.command.needs(), &cli)
    }

    fn load_for(&self, needs: Needs, cli: &Cli) -> Result<Loaded, SettingsFaults> {
        let sources = Sources {
            flags: &cli.settings.flags(),
            variables: &|name| self.variables.get(name).cloned(),
            folder: self.folder.path(),
            terminal: self.terminal,
        };
        Settings::load(needs, &sources)
    }

    fn cli(&self) -> Cli {
        let program = ["squaresync".to_owned()];
        match Cli::try_parse_from(program.iter().chain(&self.arguments)) {
            Ok(cli) => cli,
            Err(error) => panic!("{error}"),
        }
    }

    fn settings(&self) -> Settings {
        self.load().unwrap().settings
    }

    fn message(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

/// A start of `serve` with all that it needs.
fn service() -> Start {
    Start::new("serve")
        .with(setting::ACCESS_TOKEN, "EAAA-token")
        .with(setting::SIGNATURE_KEY, "signature-key")
        .with(setting::WEBHOOK_URL, "https://shop.example/hook")
}

#[test]
fn nothing_given_means_the_defaults() {
    let settings = Start::new("status").settings();

    assert_eq!(settings.database.to_string(), "sqlite:squaresync.db");
    assert_eq!(settings.environment, Environment::Sandbox);
    assert_eq!(settings.api_url, "https://connect.squareupsandbox.com");
    assert_eq!(settings.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert_eq!(settings.reconcile_every, Duration::from_secs(300));
    assert_eq!(settings.overlap, Duration::from_secs(300));
    assert_eq!(settings.push_every, Duration::from_secs(1));
    assert_eq!(settings.census_every, Duration::from_secs(86_400));
    assert_eq!(settings.keep_events, Duration::from_secs(30 * 86_400));
    assert_eq!(settings.conflicts, Rule::Square);
    assert!(!settings.push_deletes);
    assert_eq!(settings.matching, Matching::Off);
    assert_eq!(settings.log.filter, None);
    assert!(settings.access_token.is_none() && settings.admin_token.is_none());
    assert!(settings.webhook.keys.is_empty() && settings.webhook.url.is_none());
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let file = "squaresync_match = \"phone\"\nsquaresync_conflicts = \"local\"\nsquaresync_overlap = \"3m\"\nsquaresync_log = \"warn\"\n\
                squaresync_push_deletes = true";
    let settings = Start::new("status --conflicts newest")
        .with(setting::CONFLICTS, "square")
        .with(setting::OVERLAP, "4m")
        .file(file)
        .settings();

    assert_eq!(settings.conflicts, Rule::Newest);
    assert_eq!(settings.overlap, Duration::from_secs(240));
    assert_eq!(settings.log.filter.as_deref(), Some("warn"));
    assert!(settings.push_deletes);
    assert_eq!(settings.matching, Matching::Phone);
}

#[test]
fn every_flag_reaches_its_setting_before_and_after_the_command() {
    let given = "--database-url sqlite://a.db --square-environment production --listen 0.0.0.0:0 \
                 --square-api-url http://[::1]:9/v/ --square-webhook-url https://a.example/b \
                 --reconcile-every 500ms --overlap 1h --push-every 2s --census-every 1d --keep-events 90d \
                 --conflicts local --push-deletes true --match both --log squaresync=debug --log-format json";
    for arguments in [format!("{given} status"), format!("status {given}")] {
        let settings = Start::new(&arguments).settings();

        let Location::Sqlite(path) = settings.database else {
            panic!("not a file")
        };
        assert_eq!(path, Path::new("a.db"));
        assert_eq!(settings.environment, Environment::Production);
        assert_eq!(settings.listen, SocketAddr::from(([0, 0, 0, 0], 0)));
        assert_eq!(settings.api_url, "http://[::1]:9/v");
        assert_eq!(
            settings.webhook.url.unwrap().as_str(),
            "https://a.example/b"
        );
        assert_eq!(settings.reconcile_every, Duration::from_millis(500));
        assert_eq!(settings.overlap, Duration::from_secs(3_600));
        assert_eq!(settings.push_every, Duration::from_secs(2));
        assert_eq!(settings.census_every, Duration::from_secs(86_400));
        assert_eq!(settings.keep_events, Duration::from_secs(90 * 86_400));
        assert_eq!(settings.conflicts, Rule::Local);
        assert!(settings.push_deletes);
        assert_eq!(settings.matching, Matching::Both);
        assert_eq!(settings.log.filter.as_deref(), Some("squaresync=debug"));
        assert_eq!(settings.log.format, LogFormat::Json);
    }
}

#[test]
fn the_environment_names_the_api_unless_it_is_named_itself() {
    let production = Start::new("status").with(setting::ENVIRONMENT, "production");
    assert_eq!(
        production.settings().api_url,
        "https://connect.squareup.com"
    );

    let other = production.with(setting::API_URL, "https://square.example/");
    assert_eq!(other.settings().api_url, "https://square.example");
}

#[test]
fn lines_are_for_people_only_on_a_terminal() {
    let mut start = Start::new("status");
    assert_eq!(start.settings().log.format, LogFormat::Text);

    start.terminal = false;
    assert_eq!(start.settings().log.format, LogFormat::Json);

    let start = start.with(setting::LOG_FORMAT, "text");
    assert_eq!(start.settings().log.format, LogFormat::Text);
}

#[test]
fn several_keys_count_while_one_is_rotated_and_the_url_stays_byte_for_byte() {
    let webhook = service()
        .with(setting::SIGNATURE_KEY, "the-old-key,the-new-key")
        .with(
            setting::WEBHOOK_URL,
            "HTTPS://Shop.example:443/a/../hook?x=%7e",
        )
        .settings()
        .webhook;

    let keys: Vec<&str> = webhook.keys.iter().map(|key| key.expose()).collect();
    assert_eq!(keys, ["the-old-key", "the-new-key"]);
    assert_eq!(
        webhook.url.unwrap().as_str(),
        "HTTPS://Shop.example:443/a/../hook?x=%7e"
    );
}

#[test]
fn a_short_overlap_is_warned_of_and_two_minutes_are_not() {
    let short = Start::new("status --overlap 119s").load().unwrap();
    assert_eq!(short.warnings, [SettingsWarning::ShortOverlap]);

    let enough = Start::new("status --overlap 2m").load().unwrap();
    assert_eq!(enough.warnings, []);
}

#[test]
fn settings_show_no_secret_when_they_are_printed() {
    let settings = service()
        .with(setting::ADMIN_TOKEN, "admin-canary")
        .with(setting::ACCESS_TOKEN, "token-canary")
        .with(setting::SIGNATURE_KEY, "key-canary")
        .with(
            setting::DATABASE_URL,
            "postgres://ann:word-canary@db.example:5432/shop?sslpassword=ssl-canary",
        )
        .settings();

    let shown = format!("{settings:?} {settings:#?}");
    assert!(!shown.contains("canary"), "{shown}");
    let database = "postgres://db.example:5432/shop";
    assert_eq!(settings.database.to_string(), database);
    assert_eq!(format!("{:?}", settings.database), database);
    assert_eq!(
        format!("{:?}", settings.access_token),
        "Some(AccessToken(..))"
    );
    assert_eq!(format!("{:?}", settings.webhook.keys), "[SigningKey(..)]");
    assert_eq!(format!("{:?}", settings.admin_token), "Some(Secret(..))");
}

#[test]
fn a_database_is_shown_only_where_a_password_cannot_be_taken_for_a_host() {
    for hidden in [
        "postgres://ann:can/ary@host/shop",
        "postgres://ann:can?ary@host/shop",
        "postgres://ann:can#ary@host/shop",
        "postgres://ann:can@ary@host/shop",
        "postgresql://host/shop?user=ann&password=can@ary",
    ] {
        let url = database::parse(hidden).unwrap();

        assert_eq!(url.to_string(), "postgres://..", "{hidden}");
        assert!(url.holds_password(), "{hidden}");
    }
    for plain in [
        "postgres:///shop",
        "postgresql://ann@a:1,b:2/shop?sslmode=require",
    ] {
        assert!(!database::parse(plain).unwrap().holds_password(), "{plain}");
    }
}
