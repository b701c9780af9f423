//! What is wrong with the settings, all of it in one message.
//!
//! In come faults as they are found; out goes a text of one line a fault that
//! names the setting, where it was found, and what to do. A complaint is a
//! `&'static str`, written in this program: no value can slip into it.

use std::fmt;

use crate::config::setting::Setting;

/// What to do about one value, in words that were there before the value was.
pub type Complaint = &'static str;

/// Where a value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the command line.
    Flag,
    /// In the environment.
    Environment,
    /// In the settings file.
    File,
}

/// One thing to mend before the program can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsFault {
    /// A setting has a value that cannot be used.
    Unusable {
        /// Which one.
        setting: Setting,
        /// Where the value came from.
        origin: Origin,
        /// What to do about it.
        complaint: Complaint,
    },
    /// A setting that the command needs has no value anywhere.
    Missing(Setting),
    /// The file has a key that is no setting.
    UnknownKey {
        /// The key, unless it looks more like a value than like a name.
        key: Option<String>,
        /// The setting that was meant, if only its spelling is wrong.
        meant: Option<Setting>,
    },
    /// The file as a whole cannot be used.
    File {
        /// The line at which reading it failed.
        line: Option<usize>,
        /// What to do about it.
        complaint: Complaint,
    },
}

impl fmt::Display for SettingsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable {
                setting,
                origin: Origin::Flag,
                complaint,
            } => match setting.flag {
                Some(flag) => write!(f, "{setting} (given as {flag}): {complaint}"),
                None => write!(f, "{setting}: {complaint}"),
            },
            Self::Unusable {
                setting,
                origin: Origin::Environment,
                complaint,
            } => write!(f, "{setting} (in the environment): {complaint}"),
            Self::Unusable {
                setting,
                origin: Origin::File,
                complaint,
            } => write!(
                f,
                "{setting} ({} in the settings file): {complaint}",
                setting.key
            ),
            Self::Missing(setting) => write_missing(f, *setting),
            Self::UnknownKey { key, meant } => write_unknown(f, key.as_deref(), *meant),
            Self::File { line, complaint } => match line {
                Some(line) => write!(f, "settings file, line {line}: {complaint}"),
                None => write!(f, "settings file: {complaint}"),
            },
        }
    }
}

fn write_missing(f: &mut fmt::Formatter<'_>, setting: Setting) -> fmt::Result {
    write!(f, "{setting} is missing: set it in the environment, or ")?;
    match setting.flag {
        Some(flag) => write!(f, "{} in the settings file, or give {flag}", setting.key),
        None => write!(f, "{} in the settings file", setting.key),
    }
}

fn write_unknown(
    f: &mut fmt::Formatter<'_>,
    key: Option<&str>,
    meant: Option<Setting>,
) -> fmt::Result {
    match key {
        Some(key) => write!(f, "settings file: {key} is not a setting: ")?,
        None => f.write_str("settings file: one of the keys is not a setting: ")?,
    }
    match meant {
        Some(meant) => write!(f, "write {}", meant.key),
        None => f.write_str("remove it, or see --help for the names there are"),
    }
}

/// Everything that is wrong with the settings; its text has one line a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFaults(Vec<SettingsFault>);

impl SettingsFaults {
    /// What was found, or `None` when nothing was.
    pub fn of(faults: Vec<SettingsFault>) -> Option<Self> {
        (!faults.is_empty()).then_some(Self(faults))
    }

    /// The faults one by one.
    pub fn faults(&self) -> &[SettingsFault] {
        &self.0
    }
}

impl fmt::Display for SettingsFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            if 0 < position {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsFaults {}

/// What works but is better mended; the caller logs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsWarning {
    /// The file holds a secret and every user of the machine may read it.
    FileReadableByAll,
    /// The overlap is shorter than Square's search may lag.
    ShortOverlap,
}

impl fmt::Display for SettingsWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileReadableByAll => {
                "the settings file holds a secret and everyone on this machine may read it: chmod 600 it"
            }
            Self::ShortOverlap => {
                "SQUARESYNC_OVERLAP is shorter than 2m: Square's search may lag longer than that, \
                 and changes may be missed; 5m is safe"
            }
        })
    }
}
