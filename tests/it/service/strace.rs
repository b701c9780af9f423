//! System calls of a running process that fail for a while: strace is attached,
//! puts an error in their place, and is sent away again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::process::{LONG, Running, until};

/// Errors that are put in the place of calls, until this is stopped or dropped.
pub(super) struct Injected {
    strace: Child,
    _folder: TempDir,
    log: PathBuf,
}

impl Injected {
    /// Whether strace is here, and why not.
    pub(super) fn is_possible() -> Result<(), String> {
        let shown = Command::new("strace").arg("-V").output();
        let works = Command::new("strace")
            .args(["-qq", "-e", "trace=none", "true"])
            .output();
        match shown.and(works) {
            Ok(ended) if ended.status.success() => Ok(()),
            Ok(ended) => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
            Err(error) => Err(format!("strace: {error}")),
        }
    }

    /// Lets these calls fail with this error, where `paths` are given only on those.
    pub(super) async fn start(
        serve: &Running,
        calls: &str,
        error: &str,
        paths: &[PathBuf],
    ) -> Self {
        let folder = TempDir::with_prefix("squaresync-strace.").unwrap();
        let log = folder.path().join("log");
        let process = serve.process().to_string();
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-p", &process, "-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:error={error}"), "-o"]);
        command.arg(&log);
        for path in paths {
            command.arg("-P").arg(path);
        }
        let strace = command.stderr(Stdio::null()).spawn().unwrap();
        let injected = Self {
            strace,
            _folder: folder,
            log,
        };
        let told = || "strace is not attached".to_owned();
        until(LONG, told, || is_traced(&process).then_some(())).await;
        injected
    }

    /// How often a call was made to fail.
    pub(super) fn hits(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.matches("(INJECTED)").count()
    }

    /// Lets all calls through again, and gives how many failed.
    pub(super) fn stop(mut self) -> usize {
        self.detach();
        self.hits()
    }

    /// Asks strace to go: one that is killed would leave its process stopped.
    fn detach(&mut self) {
        if self.strace.try_wait().unwrap().is_some() {
            return;
        }
        let process = self.strace.id().to_string();
        drop(Command::new("kill").args(["-TERM", &process]).status());
        drop(self.strace.wait());
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        self.detach();
    }
}

/// Whether every thread of a process has a tracer.
fn is_traced(process: &str) -> bool {
    let threads = Path::new("/proc").join(process).join("task");
    let threads = std::fs::read_dir(threads).unwrap();
    threads.map(|thread| thread.unwrap().path()).all(|thread| {
        let status = std::fs::read_to_string(thread.join("status")).unwrap_or_default();
        status.contains("TracerPid:") && !status.contains("TracerPid:\t0\n")
    })
}
