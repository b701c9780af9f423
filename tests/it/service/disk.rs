//! A disk whose power can be cut: ext4 in an image file, mounted by a loop
//! device. And a small one in memory, that is soon full.
//!
//! Only root may mount. Where that cannot be done, the test that asks for it
//! says so and is skipped. Whatever happens to the test, nothing stays mounted.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// Stops the file system as a power cut would: what was not synced is gone.
/// The number is `EXT4_IOC_SHUTDOWN`, 2 says that not even its log is flushed.
const CUT: &str = r#"open(my $disk, "<", $ARGV[0]) or die $!; my $how = pack("L", 2);
    ioctl($disk, 0x8004587d, $how) or die $!;"#;

/// A mounted disk.
pub(super) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// A new one, or why there cannot be one.
    pub(super) fn new() -> Result<Self, String> {
        let disk = Self::unmounted();
        let image = disk.image();
        // Only what is written takes space.
        run("truncate", &["--size=1G", &image])?;
        run("mkfs.ext4", &["-q", "-F", &image])?;
        run("perl", &["-e", "1"])?;
        disk.mount()?;
        Ok(disk)
    }

    /// One in memory, of that size, or why there cannot be one.
    pub(super) fn small(size: &str) -> Result<Self, String> {
        let disk = Self::unmounted();
        let mounted = disk.mounted().display().to_string();
        let size = format!("size={size}");
        run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &mounted])?;
        Ok(disk)
    }

    fn unmounted() -> Self {
        let folder = TempDir::with_prefix("squaresync-disk.").unwrap();
        let disk = Self { folder };
        std::fs::create_dir(disk.mounted()).unwrap();
        disk
    }

    /// Where it is seen.
    pub(super) fn mounted(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn image(&self) -> String {
        self.folder.path().join("image").display().to_string()
    }

    /// Cuts its power. All that uses it fails from now on.
    pub(super) fn cut(&self) {
        let mounted = self.mounted().display().to_string();
        run("perl", &["-e", CUT, &mounted]).unwrap();
    }

    /// Gives it power again, once nobody uses it any more.
    pub(super) fn restart(&self) {
        run("umount", &[&self.mounted().display().to_string()]).unwrap();
        self.mount().unwrap();
    }

    fn mount(&self) -> Result<(), String> {
        let mounted = self.mounted().display().to_string();
        run("mount", &["-o", "loop", &self.image(), &mounted])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a test that fails may still have the disk in use. The loop device goes with the mount.
        let mounted = self.mounted().display().to_string();
        drop(run("umount", &["--lazy", &mounted]));
    }
}

/// Runs a command of the system to its end.
pub(super) fn run(command: &str, arguments: &[&str]) -> Result<(), String> {
    let ended = Command::new(command).args(arguments).output();
    let ended = ended.map_err(|error| format!("{command}: {error}"))?;
    if ended.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
    Err(format!("{command}: {told}"))
}

/// Says that a test is skipped, past the harness, which keeps what a test that passes prints.
pub(super) fn skip(test: &str, reason: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "skipped: {test}: {reason}").unwrap();
}
