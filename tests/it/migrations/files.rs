//! The files of SQLite belong to their owner alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use squaresync::store::{Location, Store};

/// Set for the second run of the same test, under another umask.
const FOLDER: &str = "SQUARESYNC_TEST_FOLDER";

/// A umask is the whole process's, so the test runs itself again in one of its own.
#[test]
fn files_are_their_owners_alone_whatever_the_umask() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return owner_alone(&PathBuf::from(folder));
    }
    let folder = tempfile::tempdir().unwrap();

    let again = Command::new("sh")
        .args(["-c", "umask 000; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("migrations::files::files_are_their_owners_alone_whatever_the_umask")
        .env(FOLDER, folder.path())
        .output()
        .unwrap();

    assert!(again.status.success(), "{again:?}");
    assert!(folder.path().join("control").exists(), "{again:?}");
}

#[tokio::main(flavor = "current_thread")]
async fn owner_alone(folder: &Path) {
    fs::write(folder.join("control"), "").unwrap();
    assert_eq!(mode(&folder.join("control")), 0o666);

    let store = Store::open(Location::Sqlite(folder.join("a.db")))
        .await
        .unwrap();
    store.probe().await.unwrap();

    for name in ["a.db", "a.db-wal", "a.db-shm"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
