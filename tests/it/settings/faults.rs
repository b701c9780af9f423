//! What is refused, and that no refusal shows what was refused.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use squaresync::config::setting::{self, Setting};
use squaresync::config::{database, duration};

use super::{Start, service};

/// One wrong value makes one line, which names the setting and not the value.
#[track_caller]
fn refuses(setting: Setting, value: &str, because: &str) {
    let message = service().with(setting, value).message();

    assert_eq!(message.lines().count(), 1, "{value:?}: {message}");
    assert!(message.starts_with(setting.variable), "{message}");
    assert!(message.contains(because), "{value:?}: {message}");
    if 3 < value.trim().len() {
        assert!(!message.contains(value.trim()), "{message}");
    }
}

#[test]
fn every_setting_refuses_to_be_empty_blank_or_on_two_lines() {
    for setting in setting::ALL {
        refuses(setting, "", "is empty");
        refuses(setting, " \t ", "is blank");
        refuses(setting, "canary\ncanary", "line break");
        refuses(setting, "canary\0canary", "control character");
        refuses(setting, " canary", "begins or ends with a space");
    }
}

#[test]
fn a_value_that_is_no_text_is_refused() {
    let message = service()
        .with(setting::LOG, OsString::from_vec(vec![b'a', 0xff]))
        .message();

    assert_eq!(
        message,
        "SQUARESYNC_LOG (in the environment): is not UTF-8 text"
    );
}

#[test]
fn a_signature_key_that_protects_nothing_is_refused() {
    refuses(setting::SIGNATURE_KEY, "k", "too short");
    refuses(setting::SIGNATURE_KEY, "é", "copy it again");
    refuses(setting::SIGNATURE_KEY, "null", "too short");
    refuses(setting::SIGNATURE_KEY, "canary-key,k", "too short");
    refuses(setting::SIGNATURE_KEY, "canary-key,", "empty part");
    refuses(setting::SIGNATURE_KEY, ",canary-key", "empty part");
    refuses(setting::SIGNATURE_KEY, "canary-key, ,other", "empty part");
    refuses(setting::SIGNATURE_KEY, "canary-key,canary-key", "twice");
    refuses(setting::SIGNATURE_KEY, "canary key", "copy it again");
    refuses(setting::SIGNATURE_KEY, "canary-ké", "copy it again");
    refuses(setting::ACCESS_TOKEN, "Bearer canary", "copy it again");
    refuses(setting::ADMIN_TOKEN, "canaryé", "copy it again");
}

#[test]
fn plain_http_is_refused_but_within_the_machine() {
    for setting in [setting::API_URL, setting::WEBHOOK_URL] {
        for elsewhere in [
            "http://shop.example/hook",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://10.0.0.1/",
            "http://0.0.0.0:8181/",
            "http://[::2]/",
            "http://[::ffff:10.0.0.1]/",
            "ftp://127.0.0.1/",
            "ws://localhost/",
        ] {
            refuses(setting, elsewhere, "is not safe");
        }
        refuses(setting, "http://127.0.0.1@evil.example", "user name");
        refuses(setting, "http://127.0.0.1:80@evil.example/", "user name");
        refuses(setting, "https://ann:canary@shop.example", "user name");
        refuses(setting, "http://evil.example\\@127.0.0.1/", "backslash");
        refuses(setting, "https://shop.example/a b", "space");
        refuses(setting, "https://shop.example/#canary", "#");
        refuses(setting, "shop.example/hook", "is not a URL");
        refuses(setting, "file:///etc/hosts", "is not a URL");

        for here in [
            "http://127.0.0.1:8181/v2",
            "http://127.9.9.9",
            "http://[::1]:8181",
            "http://localhost:8181",
            "https://shop.example/hook",
        ] {
            assert!(service().with(setting, here).load().is_ok(), "{here}");
        }
    }
    refuses(
        setting::API_URL,
        "https://shop.example/?canary",
        "without a ?",
    );
}

#[test]
fn a_database_is_chosen_by_its_scheme_or_not_at_all() {
    for unknown in [
        "postgres:shop",
        "host=127.0.0.1",
        "shop.db",
        "mysql://a/b",
        "SQLITE:a.db",
    ] {
        refuses(setting::DATABASE_URL, unknown, "unknown scheme");
    }
    refuses(setting::DATABASE_URL, "sqlite::memory:", "plain file");
    refuses(setting::DATABASE_URL, "sqlite:a.db?mode=rwc", "parameters");
    // These are the beginning of what the message says to write.
    for (alone, because) in [
        ("sqlite:", "names no file"),
        ("sqlite://", "names no file"),
        ("postgres://", "names no server"),
    ] {
        let complaint = database::parse(alone).err();
        assert!(complaint.is_some_and(|complaint| complaint.starts_with(because)));
    }
}

#[test]
fn other_values_are_refused_with_what_to_write() {
    refuses(setting::ENVIRONMENT, "Production", "sandbox or production");
    refuses(setting::LISTEN, "localhost:8080", "127.0.0.1:8080");
    refuses(setting::LISTEN, "127.0.0.1:99999", "127.0.0.1:8080");
    refuses(setting::CONFLICTS, "latest", "square, local or newest");
    refuses(setting::PUSH_DELETES, "yes please", "true or false");
    refuses(setting::MATCH, "true", "off, email, phone or both");
    refuses(setting::LOG, "squaresync=loudly", "is not a filter");
    refuses(setting::LOG_FORMAT, "yaml", "text or json");
    refuses(setting::RECONCILE_EVERY, "8d", "longer than a week");
    refuses(setting::OVERLAP, "169h", "longer than a week");
    refuses(setting::PUSH_EVERY, "61m", "longer than an hour");
    refuses(setting::CENSUS_EVERY, "91d", "longer than ninety days");
    refuses(setting::KEEP_EVENTS, "3651d", "longer than ten years");
    refuses(setting::KEEP_EVENTS, "23h", "shorter than a day");
}

#[test]
fn spans_of_time_have_a_whole_number_and_a_unit() {
    for (text, milliseconds) in [
        ("500ms", 500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("24h", 86_400_000),
        ("1d", 86_400_000),
    ] {
        assert_eq!(
            duration::parse(text),
            Ok(Duration::from_millis(milliseconds))
        );
    }
    for (text, because) in [
        ("300", "has no unit"),
        ("0s", "is zero"),
        ("000ms", "is zero"),
        ("1.5h", "is not a span"),
        ("-1s", "is not a span"),
        ("+1s", "is not a span"),
        ("5 m", "is not a span"),
        ("5M", "is not a span"),
        ("m", "is not a span"),
        ("1h30m", "is not a span"),
        ("99999999999999999999s", "is too long"),
        ("999999999999999999d", "is too long"),
    ] {
        let complaint = duration::parse(text).unwrap_err();
        assert!(complaint.contains(because), "{text}: {complaint}");
    }
}

#[test]
fn all_faults_come_in_one_message() {
    let start = Start::new("serve --overlap 300 --conflicts canary-a")
        .with(setting::SIGNATURE_KEY, "")
        .with(setting::ENVIRONMENT, "canary-b")
        .file("squaresync_listen = \"canary-c\"\nlistening = \"canary-d\"");

    let message = start.message();
    for named in [
        "listening is not a setting",
        "SQUARE_WEBHOOK_SIGNATURE_KEY (in the environment): is empty",
        "SQUARE_ENVIRONMENT (in the environment)",
        "SQUARESYNC_LISTEN (squaresync_listen in the settings file)",
        "SQUARESYNC_OVERLAP (given as --overlap): has no unit",
        "SQUARESYNC_CONFLICTS (given as --conflicts)",
        "SQUARE_ACCESS_TOKEN is missing",
        "SQUARE_WEBHOOK_URL is missing",
    ] {
        assert!(message.contains(named), "{named} not in {message}");
    }
    assert_eq!(message.lines().count(), 8, "{message}");
    assert!(!message.contains("canary"), "{message}");
}

#[test]
fn a_command_asks_only_for_what_it_needs() {
    for (arguments, missing) in [
        ("serve", 3),
        ("sync", 1),
        ("backfill", 1),
        ("push", 1),
        ("replay a --to http://127.0.0.1/", 1),
        ("replay a", 0),
        ("status", 0),
        ("simulate", 0),
        ("demo", 0),
        ("migrate", 0),
    ] {
        let faults = Start::new(arguments).load().err();
        let count = faults.map_or(0, |faults| faults.faults().len());
        assert_eq!(count, missing, "{arguments}");
    }
}

#[test]
fn a_secret_as_a_flag_is_sent_elsewhere_and_forgotten() {
    for (flag, setting) in [
        ("--square-access-token", setting::ACCESS_TOKEN),
        ("--access-token", setting::ACCESS_TOKEN),
        ("--square-webhook-signature-key", setting::SIGNATURE_KEY),
        ("--squaresync-admin-token", setting::ADMIN_TOKEN),
        ("--admin-token", setting::ADMIN_TOKEN),
    ] {
        for given in ["", " canary", "=canary", " -canary"] {
            for arguments in [
                format!("status {flag}{given}"),
                format!("sync {flag}{given}"),
            ] {
                let message = Start::new(&arguments).message();
                let line = message.lines().next().unwrap();

                assert!(line.starts_with(setting.variable), "{message}");
                assert!(line.contains("in the environment or in the settings file"));
                assert!(!message.contains("canary"), "{message}");
            }
        }
    }
}

#[test]
fn a_database_password_is_refused_as_a_flag_and_taken_from_the_environment() {
    for url in [
        "postgres://ann:canary@db.example/shop",
        "postgres://db.example/shop?password=canary",
        "postgres://db.example/shop?%70assword=canary",
    ] {
        let message = Start::new(&format!("status --database-url {url}")).message();
        assert!(
            message.starts_with("DATABASE_URL (given as --database-url): may hold no password")
        );
        assert!(!message.contains("canary"), "{message}");

        assert!(
            Start::new("status")
                .with(setting::DATABASE_URL, url)
                .load()
                .is_ok()
        );
    }
    let without = "status --database-url postgres://ann@db.example/shop";
    assert!(Start::new(without).load().is_ok());
}
