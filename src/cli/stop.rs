//! The signals that end a command that runs until it is stopped, and one that
//! must not end any.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, which from now on end nothing by themselves.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on: one that comes before anybody waits is not lost.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for either.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn asked() -> io::Result<()> {
    Signals::listen()?.asked().await;
    Ok(())
}

/// `SIGXFSZ`, which most systems know by this number.
const FILE_SIZE: i32 = 25;

/// Lets a write beyond a limit on the size of files fail, which is told of and
/// waited out like a full disk. Without this, the system would end the process.
pub(super) fn outlive_file_limits() -> io::Result<()> {
    // Once listened to, it stays so for as long as the process lives.
    signal(SignalKind::from_raw(FILE_SIZE)).map(drop)
}
