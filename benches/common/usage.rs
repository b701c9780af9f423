//! What a process used so far, as Linux tells it: its number in, time and memory out.

use std::time::Duration;

/// Ticks of a second in `/proc`; Linux has had 100 of them for ever.
const TICKS: f64 = 100.0;

/// The time that its threads have computed so far, user and system.
pub(crate) fn cpu(process: u32) -> Duration {
    let stat = file(process, "stat");
    // The name in brackets may have blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    Duration::from_secs_f64(ticks / TICKS)
}

/// The most memory it ever had, in MiB.
pub(crate) fn peak(process: u32) -> u64 {
    number(process, "status", "VmHWM:") / 1024
}

/// The number after `key` in a file about the process; 0 once it has ended.
pub(crate) fn number(process: u32, name: &str, key: &str) -> u64 {
    let text = file(process, name);
    let rest = text.lines().find_map(|line| line.strip_prefix(key));
    let number = rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

fn file(process: u32, name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default()
}
