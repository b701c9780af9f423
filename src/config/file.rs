//! The settings file, `squaresync.toml`.
//!
//! In comes a path; out go the values by setting and the faults of the file as
//! a whole. Nothing of its content gets into a fault but a key that is no
//! setting: the parser's own messages quote lines, and lines hold secrets.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use toml::{Table, Value};

use crate::config::fault::{Complaint, SettingsFault};
use crate::config::setting::{self, Setting};

/// The file that is read when none is named, if it exists.
pub const FILE_NAME: &str = "squaresync.toml";

/// What the file says.
#[derive(Default)]
pub struct SettingsFile {
    /// By setting: the text, or why the value is none.
    values: BTreeMap<Setting, Result<String, Complaint>>,
    /// What is wrong with the file as a whole.
    pub faults: Vec<SettingsFault>,
    /// Whether every user of the machine may read it.
    pub readable_by_all: bool,
}

impl SettingsFile {
    /// Reads the file at `named`, which must exist, or else `squaresync.toml`
    /// in `folder`, which need not.
    pub fn read(named: Option<&Path>, folder: &Path) -> Self {
        let path = folder.join(named.unwrap_or(Path::new(FILE_NAME)));
        match read(&path) {
            Ok((bytes, metadata)) => Self {
                readable_by_all: is_readable_by_all(&metadata),
                ..Self::parse(bytes)
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => match named {
                Some(_) => Self::broken(None, "the one given as --config does not exist"),
                None => Self::default(),
            },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Self::broken(
                None,
                "may not be read by this user: change its owner or mode",
            ),
            Err(_) => Self::broken(None, "cannot be read: it must be a plain file"),
        }
    }

    /// The value of one setting.
    pub fn get(&self, setting: Setting) -> Option<&Result<String, Complaint>> {
        self.values.get(&setting)
    }

    fn broken(line: Option<usize>, complaint: Complaint) -> Self {
        Self {
            faults: vec![SettingsFault::File { line, complaint }],
            ..Self::default()
        }
    }

    fn parse(bytes: Vec<u8>) -> Self {
        let Ok(text) = String::from_utf8(bytes) else {
            return Self::broken(None, "is not UTF-8 text: save it as UTF-8");
        };
        let table = match text.parse::<Table>() {
            Ok(table) => table,
            Err(error) => {
                let line = error.span().map(|span| line_of(&text, span.start));
                return Self::broken(
                    line,
                    "is not valid TOML: write lines such as square_environment = \"sandbox\", \
                     each name once",
                );
            }
        };
        let mut file = Self::default();
        for (key, value) in table {
            match setting::ALL.into_iter().find(|known| known.key == key) {
                Some(setting) => {
                    file.values.insert(setting, text_of(value));
                }
                None => file.faults.push(unknown(&key)),
            }
        }
        file
    }
}

fn read(path: &Path) -> io::Result<(Vec<u8>, Metadata)> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok((bytes, metadata))
}

#[cfg(unix)]
fn is_readable_by_all(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    metadata.permissions().mode() & 0o004 != 0
}

/// Elsewhere the mode says nothing about other users.
#[cfg(not(unix))]
fn is_readable_by_all(_: &Metadata) -> bool {
    false
}

fn line_of(text: &str, position: usize) -> usize {
    let before = text.bytes().take(position);
    before.filter(|byte| *byte == b'\n').count() + 1
}

/// Yes, no and whole numbers may stand without quotes.
fn text_of(value: Value) -> Result<String, Complaint> {
    match value {
        Value::String(text) => Ok(text),
        Value::Boolean(yes) => Ok(yes.to_string()),
        Value::Integer(number) => Ok(number.to_string()),
        _ => Err("must be a text in quotes"),
    }
}

fn unknown(key: &str) -> SettingsFault {
    // Tokens and keys have digits or are long, names are neither: who swapped
    // the two sides of the equals sign must not find a secret in the log.
    let is_name = key.len() <= 40
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'-');
    let lower = key.to_lowercase().replace('-', "_");
    SettingsFault::UnknownKey {
        key: is_name.then(|| key.to_owned()),
        meant: setting::ALL.into_iter().find(|known| {
            known.key == lower || known.key.strip_prefix("squaresync_") == Some(&lower)
        }),
    }
}
