//! Rust text with its literals and comments told apart from its code.
//!
//! In: a file. Out: the same text with every comment, string and character
//! blanked, byte for byte, so that a place in one is the same place in the
//! other; and the strings by themselves. Rules then look at code or at strings
//! and are not misled by a brace in a comment.

/// One Rust file, read for the rules.
pub(super) struct Source<'a> {
    /// From the top of the repository.
    pub(super) path: &'a str,
    /// As it is.
    pub(super) text: &'a str,
    /// Only the code; blanks elsewhere.
    pub(super) code: String,
    /// Where each string begins, and what is between its quotes.
    pub(super) strings: Vec<(usize, &'a str)>,
}

impl<'a> Source<'a> {
    /// Tells the parts of `text` apart.
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        let mut code = String::with_capacity(text.len());
        let mut strings = Vec::new();
        while code.len() < text.len() {
            let at = code.len();
            let rest = &text[at..];
            let before = code.chars().next_back();
            let (length, string) = match literal(rest, before) {
                Some(found) => found,
                None => {
                    code.extend(rest.chars().next());
                    continue;
                }
            };
            if let Some((start, end)) = string {
                strings.push((at, &rest[start..end]));
            }
            let blank = |byte| if byte == b'\n' { '\n' } else { ' ' };
            code.extend(rest.bytes().take(length).map(blank));
        }
        Self {
            path,
            text,
            code,
            strings,
        }
    }

    /// The line, from 1, of a place in the text.
    pub(super) fn line(&self, at: usize) -> usize {
        1 + self
            .text
            .bytes()
            .take(at)
            .filter(|byte| *byte == b'\n')
            .count()
    }

    /// Says where a fault is.
    pub(super) fn fault(&self, at: usize, what: &str) -> String {
        format!("{}:{} {what}", self.path, self.line(at))
    }

    /// The places where `word` stands in the code and is not part of a longer one.
    pub(super) fn places(&self, word: &str) -> Vec<usize> {
        let free = |c: Option<char>| !c.is_some_and(is_word);
        let stands = |at: usize| {
            free(self.code[..at].chars().next_back())
                && free(self.code[at + word.len()..].chars().next())
        };
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|at| stands(*at))
            .collect()
    }
}

/// May this character be part of a name?
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The name at the start of `code`, perhaps empty.
pub(super) fn name(code: &str) -> &str {
    code.split(|c| !is_word(c)).next().unwrap_or_default()
}

/// How long, and for a string where between the quotes is.
type Literal = (usize, Option<(usize, usize)>);

/// The comment, string or character at the start of `rest`.
fn literal(rest: &str, before: Option<char>) -> Option<Literal> {
    if rest.starts_with("//") {
        return Some((rest.find('\n').unwrap_or(rest.len()), None));
    }
    if rest.starts_with("/*") {
        return Some((block(rest), None));
    }
    if rest.starts_with('\'') {
        return character(rest).map(|length| (length, None));
    }
    if rest.starts_with('"') {
        return Some(string(rest));
    }
    // `br"` and `cr"` too: the `r` is then preceded by a letter of a prefix only.
    let raw = rest.strip_prefix('r')?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let prefixed = before.is_none_or(|c| !is_word(c) || c == 'b' || c == 'c');
    (prefixed && raw[hashes..].starts_with('"')).then(|| raw_string(rest, hashes))
}

fn block(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let pair = rest.as_bytes().get(at..at + 2).unwrap_or_default();
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// `'a'` and `'\n'`, but not the lifetime `'a`.
fn character(rest: &str) -> Option<usize> {
    let inner = &rest[1..];
    if inner.starts_with('\\') {
        // The character after the backslash may itself be a quote.
        let skip = 1 + inner.chars().nth(1)?.len_utf8();
        return inner[skip..].find('\'').map(|end| 1 + skip + end + 1);
    }
    let width = inner.chars().next()?.len_utf8();
    inner[width..].starts_with('\'').then_some(width + 2)
}

fn string(rest: &str) -> Literal {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (at + 1, Some((1, at))),
            _ => {}
        }
    }
    (rest.len(), Some((1, rest.len())))
}

fn raw_string(rest: &str, hashes: usize) -> Literal {
    let start = 1 + hashes + 1;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = rest[start..]
        .find(&close)
        .map_or(rest.len(), |end| start + end);
    (rest.len().min(end + close.len()), Some((start, end)))
}

#[test]
fn code_is_what_is_left_without_comments_and_literals() {
    let code = |text: &str| Source::new("a.rs", text).code;
    let check = |text: &str, left: &str| assert_eq!(code(text), left, "{text}");

    check("a // {\nb", "a     \nb");
    check("a /* { /* \" */ } */ b", "a                   b");
    check(r#"f("{ \" //", x)"#, "f(         , x)");
    check(r###"f(r#"{ " \"#, x)"###, "f(          , x)");
    check(r##"br"\" + bar"##, "b     + bar");
    check(
        r"['{', '\'', '\u{7f}', '\\']",
        "[   ,     ,         ,     ]",
    );
    check(
        "fn f<'a>(x: &'a str) -> &'a str {}",
        "fn f<'a>(x: &'a str) -> &'a str {}",
    );
    check("'é' + \"ü{\"", "     +      ");
}

#[test]
fn strings_are_told_with_their_places() {
    let source = Source::new("a.rs", "f(\"one\",\n r#\"two\"#)");

    assert_eq!(source.strings, [(2, "one"), (10, "two")]);
    assert_eq!(source.fault(10, "here"), "a.rs:2 here");
}
