//! Where values come from, and the order in which they count.
//!
//! In come the command line, the environment and the file; out goes one
//! checked value a setting. Faults are put aside and a stand-in goes on, so
//! that one run finds them all.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::config::database;
use crate::config::fault::{Complaint, Origin, SettingsFault};
use crate::config::file::SettingsFile;
use crate::config::setting::{self, Setting};

/// What the command line says about settings.
#[derive(Clone, Default)]
pub struct Flags {
    /// `--config`: a file that must exist.
    pub config: Option<PathBuf>,
    /// The values given, by setting.
    pub values: BTreeMap<Setting, String>,
    /// Secrets that were given as flags. The values are gone already.
    pub refused: Vec<Setting>,
}

/// Everything that settings are read from. The caller hands it in, so that
/// nothing here touches the process.
pub struct Sources<'a> {
    /// The command line, which counts most.
    pub flags: &'a Flags,
    /// The environment by name, which comes next.
    pub variables: &'a dyn Fn(&str) -> Option<OsString>,
    /// Where `squaresync.toml` is looked for, and what `--config` starts from.
    pub folder: &'a Path,
    /// Whether the log goes to a terminal: the default format depends on it.
    pub terminal: bool,
}

/// Reads one setting after the other and keeps what is wrong.
pub(super) struct Reader<'a> {
    sources: &'a Sources<'a>,
    file: SettingsFile,
    faults: Vec<SettingsFault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a Sources<'a>) -> Self {
        let mut file = SettingsFile::read(sources.flags.config.as_deref(), sources.folder);
        let mut faults = std::mem::take(&mut file.faults);
        faults.extend(sources.flags.refused.iter().map(|setting| {
            unusable(
                *setting,
                Origin::Flag,
                "is a secret and no flag, since others can see the command line: \
                 set it in the environment or in the settings file",
            )
        }));
        Self {
            sources,
            file,
            faults,
        }
    }

    /// The value of a setting that may be left out.
    pub(super) fn optional<T>(
        &mut self,
        setting: Setting,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        let (origin, found) = self.find(setting)?;
        match found.and_then(|text| parse(checked(&text)?)) {
            Ok(value) => Some(value),
            Err(complaint) => {
                self.complain(setting, origin, complaint);
                None
            }
        }
    }

    /// The value of a setting, or `default` where none is given.
    pub(super) fn with_default<T>(
        &mut self,
        setting: Setting,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> T {
        self.optional(setting, parse).unwrap_or(default)
    }

    /// Records a setting as missing, unless it was given and refused already,
    /// or may stand in a file that could not be read.
    pub(super) fn require(&mut self, setting: Setting) {
        let refused = self.sources.flags.refused.contains(&setting);
        let unread = self
            .faults
            .iter()
            .any(|fault| matches!(fault, SettingsFault::File { .. }));
        if self.find(setting).is_none() && !refused && !unread {
            self.faults.push(SettingsFault::Missing(setting));
        }
    }

    /// Where the value of a setting comes from.
    pub(super) fn origin(&self, setting: Setting) -> Option<Origin> {
        self.find(setting).map(|(origin, _)| origin)
    }

    pub(super) fn complain(&mut self, setting: Setting, origin: Origin, complaint: Complaint) {
        self.faults.push(unusable(setting, origin, complaint));
    }

    /// Whether the file shows a secret to every user of the machine, even one
    /// that the environment overrules.
    pub(super) fn file_gives_away(&self) -> bool {
        let holds = |setting: Setting| match self.file.get(setting) {
            Some(Ok(text)) if setting == setting::DATABASE_URL => {
                database::parse(text).is_ok_and(|location| location.holds_password())
            }
            Some(_) => setting.is_secret(),
            None => false,
        };
        self.file.readable_by_all && setting::ALL.into_iter().any(holds)
    }

    pub(super) fn into_faults(self) -> Vec<SettingsFault> {
        self.faults
    }

    fn find(&self, setting: Setting) -> Option<(Origin, Result<String, Complaint>)> {
        if let Some(text) = self.sources.flags.values.get(&setting) {
            return Some((Origin::Flag, Ok(text.clone())));
        }
        if let Some(text) = (self.sources.variables)(setting.variable) {
            let text = text.into_string().ok().ok_or("is not UTF-8 text");
            return Some((Origin::Environment, text));
        }
        let found = self.file.get(setting)?;
        Some((Origin::File, found.clone()))
    }
}

fn unusable(setting: Setting, origin: Origin, complaint: Complaint) -> SettingsFault {
    SettingsFault::Unusable {
        setting,
        origin,
        complaint,
    }
}

/// What no setting may be or hold.
fn checked(text: &str) -> Result<&str, Complaint> {
    if text.is_empty() {
        return Err("is empty: set it or remove it");
    }
    if text.trim().is_empty() {
        return Err("is blank: set it or remove it");
    }
    if text.contains(char::is_control) {
        return Err("holds a line break or another control character: write it on one line");
    }
    if text.trim() != text {
        return Err("begins or ends with a space: remove the space");
    }
    Ok(text)
}
