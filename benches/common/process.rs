//! A process of the program, and what it used: settings in; its address, its
//! CPU time and its memory out. One that is dropped is ended.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::usage;

/// The real program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_squaresync");

/// A process that runs.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a command that says on standard error, in JSON lines, on which
    /// address it listens, and waits until it says so.
    pub(crate) fn listening(command: &mut Command) -> (Self, SocketAddr) {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("a process");
        let said = BufReader::new(child.stderr.take().expect("what it says"));
        let mut lines = said.lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once(r#""address":""#)?;
            rest.split('"').next()?.parse().ok()
        });
        let process = Self { child };
        // It must never wait for somebody who reads what it says.
        thread::spawn(move || {
            for line in lines {
                if line.contains(r#""level":"ERROR""#) {
                    eprintln!("{line}");
                }
            }
        });
        (process, address.expect("its address"))
    }

    /// The time that its threads have computed so far, user and system.
    pub(crate) fn cpu(&self) -> Duration {
        usage::cpu(self.child.id())
    }

    /// The most memory it ever had, in MiB.
    pub(crate) fn peak(&self) -> u64 {
        usage::peak(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
