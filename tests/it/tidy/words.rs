//! Words that do not belong where they stand: SQL outside the store, a sleep
//! in a test, a module without a word, a folder of one machine.

use super::source::Source;

/// Crates that speak to a database.
const DATABASE_CRATES: [&str; 4] = ["diesel", "diesel_migrations", "libsqlite3_sys", "pq_sys"];

/// Begins of paths that exist on somebody's machine only. Without their
/// slashes, or this file would be the first fault.
const FOLDERS: [&str; 5] = ["home", "root", "work", "Users", "tmp/w"];

/// A module that does not open with what it is for.
pub(super) fn silent_module(source: &Source) -> Vec<String> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![format!("{}:1 the file does not open with //!", source.path)]
}

/// SQL, or a crate that speaks it, outside `src/store`.
pub(super) fn sql_outside_the_store(source: &Source) -> Vec<String> {
    if source.path == "src/store.rs" || source.path.starts_with("src/store/") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for word in DATABASE_CRATES {
        for at in source.places(word) {
            faults.push(source.fault(at, &format!("{word} outside the store")));
        }
    }
    for (at, string) in &source.strings {
        if is_sql(string) {
            faults.push(source.fault(*at, "SQL outside the store"));
        }
    }
    faults
}

/// Capitals only: the same words are English too.
fn is_sql(text: &str) -> bool {
    let words: Vec<_> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    [
        ("SELECT", "FROM"),
        ("INSERT", "INTO"),
        ("UPDATE", "SET"),
        ("DELETE", "FROM"),
    ]
    .iter()
    .any(|(verb, partner)| {
        let rest = words.iter().skip_while(|word| *word != verb);
        rest.skip(1).any(|word| word == partner)
    })
}

/// A sleep: it makes a test slow or, on a slow machine, wrong.
pub(super) fn asleep(source: &Source) -> Vec<String> {
    let called = |at: &usize| {
        source.code[at + "sleep".len()..]
            .trim_start()
            .starts_with('(')
    };
    source
        .places("sleep")
        .into_iter()
        .filter(called)
        .map(|at| source.fault(at, "sleeps"))
        .collect()
}

/// A path that only one machine has, in any text file.
pub(super) fn folders_of_one_machine(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for folder in FOLDERS {
            let needle = format!("/{folder}/");
            let begins = |at: usize| {
                // Inside a longer path or an address it is somebody else's.
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~}/$*".contains(c))
            };
            if line.match_indices(&needle).any(|(at, _)| begins(at)) {
                faults.push(format!("{path}:{number} names {needle}"));
            }
        }
    }
    faults
}

#[test]
fn a_module_without_a_word_is_a_fault() {
    assert!(found(silent_module, "a.rs", "//! Says.\n").is_empty());
    assert_eq!(
        found(silent_module, "a.rs", "// No.\n"),
        ["a.rs:1 the file does not open with //!"]
    );
    assert_eq!(found(silent_module, "a.rs", "\n//! Late.\n").len(), 1);
}

#[test]
fn sql_is_a_fault_but_in_the_store() {
    let web = |text: &str| found(sql_outside_the_store, "src/web.rs", text);

    assert_eq!(
        web("\nuse diesel::prelude::*;"),
        ["src/web.rs:2 diesel outside the store"]
    );
    assert_eq!(
        web("f(\"SELECT id\n FROM customers\")"),
        ["src/web.rs:1 SQL outside the store"]
    );
    assert_eq!(web("f(r#\"DELETE FROM customers\"#)").len(), 1);
    assert_eq!(web("f(\"INSERT OR IGNORE INTO customers\")").len(), 1);
    assert_eq!(web("f(\"UPDATE customers SET id = 1\")").len(), 1);
    assert!(web("// SELECT 1 FROM x\nf(\"select one from these; UPDATE it\")").is_empty());
    assert!(found(sql_outside_the_store, "src/store/x.rs", "use diesel::sql;").is_empty());
}

#[test]
fn a_sleep_is_a_fault() {
    assert_eq!(found(asleep, "a.rs", "a\n::sleep (one)"), ["a.rs:2 sleeps"]);
    assert!(found(asleep, "a.rs", "fn asleep() {} // sleep()").is_empty());
}

#[test]
fn a_folder_of_one_machine_is_a_fault() {
    for folder in FOLDERS {
        let text = format!("fine\n`/{folder}/x`");
        assert_eq!(
            folders_of_one_machine("a", &text),
            [format!("a:2 names /{folder}/")]
        );
    }
    assert!(folders_of_one_machine("a", "https://example.org/home/x src/root/ /homes/").is_empty());
}

fn found(rule: fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
    rule(&Source::new(path, text))
}
