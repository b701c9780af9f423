//! The same on a disk that takes its time: this machine's answers a flush from
//! its memory, and most do not. This bench runs itself once more, with a library
//! loaded before all others (`slow.c`) that makes each flush take longer: its own,
//! the program's, and those of a PostgreSQL server that it starts.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use squaresync::square::simulator::Simulator;
use tempfile::TempDir;

use crate::common::cluster::Kind;
use crate::common::report::Report;
use crate::{COLUMNS, database, number};

/// The argument that makes this bench the one on the slow disk.
pub(crate) const ROLE: &str = "--slow-disk";

/// Writes what the bench on the slow disk says.
pub(crate) fn compare(report: &mut Report) {
    let late = number("SQUARESYNC_BENCH_FLUSH_US", 5_000);
    report.say(&format!("\nThe same where a flush takes {late} µs longer:"));
    let folder = TempDir::new().expect("a folder");
    // The server of PostgreSQL may be another user's.
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("an open folder");
    let library = folder.path().join("slow.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&library)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/benches/ingest/slow.c"
        ))
        .arg("-ldl")
        .status();
    assert!(compiled.expect("cc").success(), "slow.c does not compile");
    let mut this = Command::new(std::env::current_exe().expect("this program"))
        .arg(ROLE)
        .env("LD_PRELOAD", &library)
        .env("FLUSH_US", late.to_string())
        .env_remove("TEST_DATABASE_URL")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program once more");
    let said = BufReader::new(this.stdout.take().expect("what it says"));
    for line in said.lines().map_while(Result::ok) {
        report.say(&line);
    }
    assert!(this.wait().expect("its end").success(), "see above");
}

/// Measures on the slow disk, and says so on standard output alone.
pub(crate) fn measure(square: &Simulator) {
    let mut report = Report::default();
    report.table(&COLUMNS);
    for kind in Kind::ALL {
        database(&mut report, kind, square, &[]);
    }
}
