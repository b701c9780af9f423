//! A file ends before line 301, a function before its line 51; a test, which may
//! hold a table of cases, before its line 61.

use super::source::{Source, is_word, name};

const FILE: usize = 300;
const FUNCTION: usize = 50;
const TEST: usize = 60;

/// Names the file if it is too long, and each function that is.
pub(super) fn faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = source.text.lines().count();
    if FILE < lines {
        faults.push(format!("{}:1 the file has {lines} lines", source.path));
    }
    let longest = if source.path.starts_with("tests/") {
        TEST
    } else {
        FUNCTION
    };
    for (at, name, lines) in functions(source) {
        if longest < lines {
            faults.push(source.fault(at, &format!("{name} has {lines} lines")));
        }
    }
    faults
}

/// Where each function with a body begins, its name and its lines.
fn functions<'a>(source: &'a Source) -> Vec<(usize, &'a str, usize)> {
    let mut found = Vec::new();
    for at in source.places("fn") {
        let rest = &source.code[at..];
        let name = name(rest[2..].trim_start().trim_start_matches('$'));
        // A nameless `fn` is a type.
        if name.is_empty() || !rest[2..].starts_with(|c: char| !is_word(c) && c != '(') {
            continue;
        }
        if let Some(end) = end_of_body(rest) {
            found.push((at, name, 1 + rest[..end].matches('\n').count()));
        }
    }
    found
}

/// The place of the brace that ends the first body; none where `;` comes first.
fn end_of_body(code: &str) -> Option<usize> {
    let mut brackets = 0_usize;
    let mut braces = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces == 1 && brackets == 0 => return Some(at),
            '}' => braces = braces.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn a_long_file_is_a_fault() {
    let found = |lines: usize| faults(&Source::new("a.rs", &"\n".repeat(lines)));

    assert!(found(300).is_empty());
    assert_eq!(found(301), ["a.rs:1 the file has 301 lines"]);
}

#[test]
fn a_long_function_is_a_fault() {
    let found = |head: &str, inner: &str| {
        let body = format!("{inner}\n").repeat(49);
        faults(&Source::new(
            "a.rs",
            &format!("\n{head} {{\n{body}}}\nfn next() {{}}\n"),
        ))
    };

    assert_eq!(found("fn f()", ""), ["a.rs:2 f has 51 lines"]);
    assert_eq!(
        found(
            "pub async fn f<T>(x: [u8; 4]) -> T where T: X",
            "{ g('}'); } // }"
        ),
        ["a.rs:2 f has 51 lines"]
    );
    assert_eq!(found("fn $name()", "\"}\""), ["a.rs:2 name has 51 lines"]);
    assert!(found("mod m", "").is_empty());
    assert!(found("trait T { fn f(); } mod m", "").is_empty());
    assert!(found("type F = fn(u8) -> u8; mod m", "").is_empty());
}

#[test]
fn a_function_of_fifty_lines_is_none() {
    let body = "\n".repeat(49);
    assert!(faults(&Source::new("a.rs", &format!("fn f() {{{body}}}"))).is_empty());
}

#[test]
fn a_test_may_be_longer_but_not_without_end() {
    let found = |lines: usize| {
        let body = "\n".repeat(lines - 1);
        faults(&Source::new("tests/it/a.rs", &format!("fn f() {{{body}}}")))
    };

    assert!(found(60).is_empty());
    assert_eq!(found(61), ["tests/it/a.rs:1 f has 61 lines"]);
}
