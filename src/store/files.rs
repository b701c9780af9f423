//! The files of a SQLite database: made their owner's alone, and looked at before
//! and after each commit. SQLite goes on writing to a file that was moved,
//! deleted or replaced, and what it commits there is lost with the last process
//! that has it open; so such a commit is not taken for one, and nothing is
//! written until the files are back or the program starts anew.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use diesel::connection::SimpleConnection;

use crate::store::connection::Db;
use crate::store::error::{StoreError, StoreResult};
use crate::store::location;

/// The database itself, its log and the index of that.
const ENDS: [&str; 3] = ["", "-wal", "-shm"];

/// The files that were there at the start.
pub(crate) struct Files {
    opened: Vec<(PathBuf, Identity)>,
    /// Kept for as long as the store is: without any connection SQLite would
    /// delete its log, and make another one later.
    _anchor: Mutex<Db>,
}

/// What tells a file from another one of the same name.
type Identity = (u64, u64);

impl Files {
    /// Those of a connection, which is in use for nothing else from now on.
    pub(crate) fn of(path: &Path, mut connection: Db) -> StoreResult<Self> {
        // The log is opened by who first reads.
        connection.batch_execute("PRAGMA schema_version")?;
        let named = ENDS.iter().map(|end| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        });
        let opened = named.filter_map(|path| Some((identity(&path)?, path)));
        Ok(Self {
            opened: opened.map(|(identity, path)| (path, identity)).collect(),
            _anchor: Mutex::new(connection),
        })
    }

    /// Whether they are still there, under their names.
    pub(crate) fn check(&self) -> StoreResult<()> {
        for (path, opened) in &self.opened {
            if identity(path).as_ref() != Some(opened) {
                return Err(StoreError::Unavailable(format!(
                    "{} was moved, deleted or replaced while it was in use; put it back, or stop this program, \
                     restore a backup and start it again",
                    path.display()
                )));
            }
        }
        Ok(())
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let found = path.metadata().ok()?;
    Some((found.dev(), found.ino()))
}

/// The name for SQLite to open, of a file that exists and is its owner's alone.
pub(crate) fn name(path: &Path, may_create: bool) -> StoreResult<String> {
    let name = path.to_str().filter(|name| location::is_plain_file(name));
    let Some(name) = name else {
        return Err(StoreError::Unusable(
            "the database's path is not one of a file".to_owned(),
        ));
    };
    if !may_create && !path.is_file() {
        let words = format!("the database file {name} is not there any more");
        return Err(StoreError::Unavailable(words));
    }
    create_private(path).map_err(|error| {
        StoreError::Unusable(format!(
            "the database file {} cannot be made or opened: {error}",
            path.display()
        ))
    })?;
    Ok(name.to_owned())
}

/// Makes the file with mode 0600 whatever the umask; SQLite gives -wal and -shm the same.
fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(file) => file.set_permissions(Permissions::from_mode(0o600)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}
