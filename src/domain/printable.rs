//! Text of others as a terminal may show it. In: any text or bytes; out: the
//! same with everything spelled out that moves the cursor, hides, or turns
//! what stands beside it round. The promise: what is shown is one line.

/// `text` in one line.
pub fn text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    shown
}

/// `bytes` as text in one line; those that are no UTF-8 as `\xff`.
pub fn bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown += &text(chunk.valid());
        for byte in chunk.invalid() {
            shown += &format!("\\x{byte:02x}");
        }
    }
    shown
}

/// JSON text that says the same and is as safe: only inside its texts can there be anything to spell out.
pub fn json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_plain(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            shown += &format!("\\u{unit:04x}");
        }
    }
    shown
}

/// Whether a terminal shows `c` as itself, at its own place. Joiners are part of emoji and of some scripts.
fn is_plain(c: char) -> bool {
    let hides_or_turns = matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !hides_or_turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_when_spelled_out() {
        let value = serde_json::json!({"a": "Zoë\u{9b}2J\u{202e}\u{e0041}\u{1b}\n"});

        let shown = json(&value.to_string());

        assert!(shown.chars().all(is_plain), "{shown}");
        assert!(shown.contains("Zoë"), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).ok(),
            Some(value)
        );
    }

    #[test]
    fn what_could_play_with_a_terminal_is_spelled_out() {
        assert_eq!(text("Zoë O'Hara 👩‍🍳"), "Zoë O'Hara 👩‍🍳");
        assert_eq!(text("a\u{1b}[2J\r\nb"), "a\\u{1b}[2J\\u{d}\\u{a}b");
        assert_eq!(text("\u{202e}gnp.exe\u{9b}"), "\\u{202e}gnp.exe\\u{9b}");
        assert_eq!(
            bytes(b"{\"a\":\"\xff\xfe\0\"}"),
            "{\"a\":\"\\xff\\xfe\\u{0}\"}"
        );
    }
}
