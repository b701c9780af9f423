//! Imports run downwards only, and rooms on one floor do not know each other.

use super::source::{Source, name};

/// Each room and its floor. The top one is a stair of its own: settings, the
/// service built from them, the commands that call it, and `main`.
const ROOMS: [(&str, u8); 9] = [
    ("domain", 1),
    ("store", 2),
    ("square", 2),
    ("flows", 3),
    ("web", 4),
    ("config", 5),
    ("service", 6),
    ("cli", 7),
    ("main", 8),
];

/// Names each import of a room that is not below the file's own.
pub(super) fn faults(source: &Source) -> Vec<String> {
    let Some(inside) = source.path.strip_prefix("src/") else {
        return Vec::new();
    };
    let room = name(inside);
    if room == "lib" {
        return Vec::new();
    }
    let Some(floor) = floor(room) else {
        return vec![format!(
            "{}:1 {room} has no floor in tidy/floors.rs",
            source.path
        )];
    };
    let depth = inside.split('/').count();
    let mut faults = Vec::new();
    for (at, other) in from_root(source, depth) {
        let allowed = other == room || self::floor(other).is_none_or(|other| other < floor);
        if !allowed {
            faults.push(source.fault(at, &format!("{room} imports {other}")));
        }
    }
    faults
}

/// Names each import of ours in the checker of stories that is not the simulator:
/// what it judges must not be what it judges by.
pub(super) fn borrowed_by_the_checker(source: &Source) -> Vec<String> {
    let checker = "tests/it/convergence/check";
    let is_checker = source
        .path
        .strip_prefix(checker)
        .is_some_and(|rest| rest.starts_with(['/', '.']));
    let is_theirs = |at: usize| !source.code[at..].starts_with("squaresync::square::simulator::");
    let places = source.places("squaresync").into_iter();
    places
        .filter(|at| is_checker && is_theirs(*at))
        .map(|at| source.fault(at, "the checker shares code with what it checks"))
        .collect()
}

fn floor(room: &str) -> Option<u8> {
    ROOMS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, floor)| *floor)
}

/// What is named by a path from the crate's root: `crate::x`, `squaresync::x`,
/// each of `crate::{x, y}`, and `super::x` where that leads to the root.
fn from_root<'a>(source: &'a Source, depth: usize) -> Vec<(usize, &'a str)> {
    let mut named = Vec::new();
    for start in ["crate", "squaresync"] {
        for at in source.places(start) {
            let names = heads(&source.code[at + start.len()..]);
            named.extend(names.into_iter().map(|name| (at, name)));
        }
    }
    let climb = vec!["super"; depth].join("::");
    for at in source.places(&climb) {
        let rest = source.code[at + climb.len()..].trim_start_matches("::super");
        named.extend(heads(rest).into_iter().map(|name| (at, name)));
    }
    named
}

/// The first names of `::x::y` or `::{x::y, z}`.
fn heads(path: &str) -> Vec<&str> {
    let Some(path) = path.strip_prefix("::") else {
        return Vec::new();
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut heads = vec![name(group.trim_start())];
    let mut depth = 1;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => heads.push(name(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    heads
}

#[test]
fn an_import_downwards_is_fine() {
    let check = |path, text| assert!(found(path, text).is_empty(), "{path} {text}");

    check("src/domain.rs", "use crate::domain::id;");
    check(
        "src/flows/push.rs",
        "use crate::{domain::{id, web}, store, square::client};",
    );
    check(
        "src/flows/push.rs",
        "// crate::web\nlet x = \"crate::web\";",
    );
    check("src/lib.rs", "use crate::web::x;");
    check("src/cli/demo.rs", "use crate::{config, service};");
    check("src/domain/id.rs", "use super::store;");
}

#[test]
fn an_import_upwards_or_sideways_is_a_fault() {
    let check = |path, text, fault: &str| assert_eq!(found(path, text), [fault], "{text}");

    check(
        "src/domain/id.rs",
        "\nuse crate::store::x;",
        "src/domain/id.rs:2 domain imports store",
    );
    check(
        "src/store.rs",
        "fn f(x: crate::square::X) {}",
        "src/store.rs:1 store imports square",
    );
    check(
        "src/web.rs",
        "use crate::{\n    domain,\n    cli,\n};",
        "src/web.rs:1 web imports cli",
    );
    check(
        "src/flows.rs",
        "use squaresync::web;",
        "src/flows.rs:1 flows imports web",
    );
    check(
        "src/square.rs",
        "use super::store;",
        "src/square.rs:1 square imports store",
    );
    check(
        "src/web/x.rs",
        "use super::super::cli;",
        "src/web/x.rs:1 web imports cli",
    );
}

#[test]
fn a_checker_that_asks_the_flows_is_a_fault() {
    let found = |path, text| borrowed_by_the_checker(&Source::new(path, text));
    let words = "the checker shares code with what it checks";
    let simulator = "use squaresync::square::simulator::{Call, Fault};";
    let domain = "\nuse squaresync::domain::merge;";
    let check = "tests/it/convergence/check/edits.rs";

    assert!(found(check, simulator).is_empty());
    assert!(found("tests/it/convergence/world.rs", domain).is_empty());
    assert_eq!(found(check, domain), [format!("{check}:2 {words}")]);
    let whole = "use squaresync::{square::simulator::Call, store};";
    assert_eq!(
        found("tests/it/convergence/check.rs", whole),
        [format!("tests/it/convergence/check.rs:1 {words}")]
    );
}

#[test]
fn a_room_without_a_floor_is_a_fault() {
    assert_eq!(
        found("src/utils.rs", ""),
        ["src/utils.rs:1 utils has no floor in tidy/floors.rs"]
    );
}

fn found(path: &str, text: &str) -> Vec<String> {
    faults(&Source::new(path, text))
}
