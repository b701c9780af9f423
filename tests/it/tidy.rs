//! The rules of the house that no compiler keeps.
//!
//! Each rule is a function from a file's path and text to its faults, here
//! tried on a planted fault and then held against the whole repository.

mod floors;
mod length;
mod source;
mod words;

use std::fs;
use std::path::Path;

use source::Source;

/// What the repository's `.gitignore` leaves out, and git's own folder.
const IGNORED: [&str; 3] = [".git", "target", "squaresync.toml"];

#[test]
fn imports_run_downwards() {
    check("src", floors::faults);
}

#[test]
fn the_checker_of_stories_shares_no_code_with_the_flows() {
    check("tests", floors::borrowed_by_the_checker);
}

#[test]
fn files_end_at_300_lines_and_functions_at_50() {
    check("src", length::faults);
    check("tests", length::faults);
}

#[test]
fn every_module_says_what_it_is() {
    check("src", words::silent_module);
    check("tests", words::silent_module);
}

#[test]
fn only_the_store_speaks_sql() {
    check("src", words::sql_outside_the_store);
}

#[test]
fn no_test_sleeps() {
    check("tests", words::asleep);
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    let mut faults = Vec::new();
    for (path, text) in files("") {
        faults.extend(words::folders_of_one_machine(&path, &text));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn bugs_are_in_no_build_that_does_not_ask_for_them() {
    let (_, manifest) = files("")
        .into_iter()
        .find(|(path, _)| path == "Cargo.toml")
        .unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let features =
        toml::Table::from_iter([("seeded-bugs".to_owned(), toml::Value::Array(Vec::new()))]);
    assert_eq!(
        manifest["features"].as_table(),
        Some(&features),
        "no other, and no default"
    );
}

/// Holds `rule` against every Rust file below `folder`.
#[track_caller]
fn check(folder: &str, rule: fn(&Source) -> Vec<String>) {
    let rust: Vec<_> = files(folder)
        .into_iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .collect();
    assert!(!rust.is_empty(), "no Rust file in {folder}");
    let faults: Vec<_> = rust
        .iter()
        .flat_map(|(path, text)| rule(&Source::new(path, text)))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Every text file below `folder`, by its path from the top of the repository.
fn files(folder: &str) -> Vec<(String, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![top.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder that can be read") {
            let path = entry.expect("an entry of a folder").path();
            let name = path.strip_prefix(top).expect("a path below the top");
            let name = name.to_string_lossy().into_owned();
            if IGNORED.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push((name, text));
            }
        }
    }
    found.sort_unstable();
    found
}
