//! Recorded webhook bodies on disk: files and folders in, bodies out, in the
//! order of their names. A file holds one body, or one a line.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use serde_json::Value;

/// The endings of files in a folder that are looked into.
const ENDINGS: [&str; 4] = ["json", "jsonl", "ndjson", "raw"];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// Bodies, byte for byte but for the line end.
    pub(super) bodies: Vec<Bytes>,
    /// JSON that is no event.
    pub(super) skipped: usize,
}

/// Reads every path that was named.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Recorded> {
    let mut recorded = Recorded::default();
    for path in paths {
        read_path(path, &mut recorded)?;
    }
    Ok(recorded)
}

fn read_path(path: &Path, recorded: &mut Recorded) -> anyhow::Result<()> {
    let unreadable = || format!("{} cannot be read", path.display());
    if !path.is_dir() {
        take(&std::fs::read(path).with_context(unreadable)?, recorded);
        return Ok(());
    }
    let mut entries = std::fs::read_dir(path)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<std::io::Result<Vec<PathBuf>>>()
        })
        .with_context(unreadable)?;
    entries.sort();
    for entry in entries {
        let ending = entry
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default();
        if entry.is_dir() || ENDINGS.contains(&ending) {
            read_path(&entry, recorded)?;
        }
    }
    Ok(())
}

/// Takes one body, or one a line where the whole is none.
fn take(content: &[u8], recorded: &mut Recorded) {
    let whole = content.trim_ascii();
    let lines: Vec<&[u8]> = whole
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .collect();
    let one_a_line = 1 < lines.len()
        && lines
            .iter()
            .all(|line| line.first() == Some(&b'{') && line.last() == Some(&b'}'));
    let bodies = if one_a_line { lines } else { vec![whole] };
    for body in bodies {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) if !is_event(&value) => recorded.skipped += 1,
            // What cannot be read may have been a webhook all the same: the inbox says.
            _ => recorded.bodies.push(Bytes::copy_from_slice(body)),
        }
    }
}

/// Whether JSON has most of an event's envelope. Other answers have a `type` too.
fn is_event(value: &Value) -> bool {
    let names = ["event_id", "merchant_id", "type"];
    2 <= names
        .iter()
        .filter(|name| value.get(**name).is_some())
        .count()
}
