//! What this process calls itself where people ask who does a piece of work,
//! and what it can say of others that ran on the same machine.

use std::fs;
use std::path::Path;

use crate::store::lease::Holder;

/// This process.
pub(super) fn this_process() -> Holder {
    Holder {
        name: name(std::process::id()),
        is_gone,
    }
}

/// The name of a process here: the machine for people, the process, and a mark
/// that only processes of the same run of the same system share.
fn name(process: u32) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() {
        "this machine"
    } else {
        host
    };
    format!("{host}, process {process}, system {}", system())
}

/// Tells one start of a system, and one container on it, from all others.
fn system() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let boot = boot.split('-').next().unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let namespace: String = namespace
        .to_string_lossy()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    format!("{boot}-{namespace}")
}

/// Whether a process of that name ran here and runs no more. Of one that ran
/// elsewhere nothing is known.
fn is_gone(holder: &str) -> bool {
    let process = holder
        .split_once(", process ")
        .and_then(|(_, rest)| rest.split_once(','));
    let Some(process) = process.and_then(|(process, _)| process.parse().ok()) else {
        return false;
    };
    let is_ours = system() != "-" && holder == name(process);
    is_ours && !Path::new(&format!("/proc/{process}")).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_is_not_gone_and_one_that_cannot_is() {
        assert!(!is_gone(&this_process().name));
        assert!(is_gone(&name(u32::MAX)));
    }

    #[test]
    fn nothing_is_known_of_other_systems() {
        assert!(!is_gone("elsewhere, process 4294967295, system 0-0"));
        assert!(!is_gone("test"));
    }
}
