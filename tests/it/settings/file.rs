//! The settings file: which one is read, and what it may hold.

use squaresync::config::setting;
use squaresync::config::{Environment, SettingsWarning};

use super::Start;

#[test]
fn every_setting_has_the_same_name_in_lower_case() {
    for setting in setting::ALL {
        assert_eq!(setting.key, setting.variable.to_lowercase());
    }
}

#[test]
fn a_named_file_is_read_instead_and_must_exist() {
    let start =
        Start::new("status --config other.toml").file("square_environment = \"production\"");
    assert_eq!(
        start.message(),
        "settings file: the one given as --config does not exist"
    );

    let start = start.file_named("other.toml", "");
    assert_eq!(start.settings().environment, Environment::Sandbox);
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    for (key, said) in [
        ("overlaps", "overlaps is not a setting: remove it"),
        (
            "DATABASE_URL",
            "DATABASE_URL is not a setting: write database_url",
        ),
        (
            "overlap",
            "overlap is not a setting: write squaresync_overlap",
        ),
        (
            "log-format",
            "log-format is not a setting: write squaresync_log_format",
        ),
        ("EAAA1canary", "one of the keys is not a setting"),
    ] {
        let message = Start::new("status")
            .file(format!("{key} = \"canary\""))
            .message();

        assert!(message.contains(said), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    let table = Start::new("status")
        .file("[square]\nenvironment = \"canary\"")
        .message();
    assert!(table.contains("square is not a setting"), "{table}");
}

#[test]
fn a_value_of_another_kind_is_refused() {
    for value in ["[\"canary\"]", "{ canary = 1 }", "1.5", "2020-01-01"] {
        let message = Start::new("status")
            .file(format!("square_webhook_signature_key = {value}"))
            .message();

        assert!(
            message.starts_with("SQUARE_WEBHOOK_SIGNATURE_KEY"),
            "{message}"
        );
        assert!(message.contains("text in quotes"), "{message}");
    }
    let number = Start::new("status")
        .file("squaresync_overlap = 300")
        .message();
    assert!(number.contains("has no unit"), "{number}");
}

#[test]
fn a_file_that_cannot_be_read_is_one_fault_without_its_content() {
    for (content, said) in [
        (
            &b"a = 1\nsquare_access_token = canary"[..],
            "line 2: is not valid TOML",
        ),
        (
            b"square_access_token = \"canary\"\nsquare_access_token = \"canary\"",
            "line 2: is not valid",
        ),
        (b"\xffcanary", "is not UTF-8"),
    ] {
        let message = Start::new("serve").file(content).message();

        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains(said), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    let folder = Start::new("status --config .").message();
    assert!(folder.contains("must be a plain file"), "{folder}");
}

#[test]
fn a_secret_that_everyone_may_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;

    for (content, mode, warned) in [
        ("square_access_token = \"token\"", 0o644, true),
        ("square_access_token = \"token\"", 0o640, false),
        ("square_access_token = \"token\"", 0o600, false),
        (
            "database_url = \"postgres://ann:word@host/shop\"",
            0o644,
            true,
        ),
        ("database_url = \"postgres://ann@host/shop\"", 0o644, false),
        ("square_environment = \"sandbox\"", 0o644, false),
    ] {
        let start = Start::new("status")
            .with(setting::DATABASE_URL, "postgres://ann:word@other/shop")
            .file(content);
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(start.path("squaresync.toml"), mode).unwrap();

        let warnings = start.load().unwrap().warnings;

        let expected = [SettingsWarning::FileReadableByAll];
        assert_eq!(
            warnings,
            expected.get(usize::from(!warned)..).unwrap(),
            "{content}"
        );
    }
}
