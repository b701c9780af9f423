//! Tables for people: rows in; text on the terminal and a section of
//! `benches/RESULTS.md` out, with the machine and the date. Other sections of
//! that file are left as they are.

use std::fmt::Write;
use std::path::Path;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md");
const HEAD: &str = "# Results of the benches\n\nEach bench writes its section anew (`cargo bench --bench NAME`). \
    Ratios are within one run; rates of different runs and machines tell little beside each other.\n";

/// What a bench has to say; the default has no head, and is printed only.
#[derive(Default)]
pub(crate) struct Report {
    name: &'static str,
    text: String,
}

impl Report {
    /// The report of the bench of this name.
    pub(crate) fn new(name: &'static str, title: &str) -> Self {
        let mut report = Self {
            name,
            text: String::new(),
        };
        report.say(&format!("## {name}: {title}\n"));
        report.say(&format!("{}\n", machine()));
        report
    }

    /// Says a line, now and in the file.
    #[expect(clippy::print_stdout, reason = "a bench prints what it measures")]
    pub(crate) fn say(&mut self, line: &str) {
        println!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Begins a table.
    pub(crate) fn table(&mut self, columns: &[&str]) {
        self.say("");
        self.say(&format!("| {} |", columns.join(" | ")));
        self.say(&format!("|{}", " --- |".repeat(columns.len())));
    }

    /// Adds a row to it.
    pub(crate) fn row(&mut self, cells: &[String]) {
        self.say(&format!("| {} |", cells.join(" | ")));
    }

    /// Puts the section into the file, in the place of the one that is there.
    pub(crate) fn write(self) -> std::io::Result<()> {
        let path = Path::new(FILE);
        let old = std::fs::read_to_string(path).unwrap_or_else(|_| HEAD.to_owned());
        let mut sections = old.split("\n## ");
        let mut new = sections.next().unwrap_or_default().trim_end().to_owned();
        let mine = format!("{}:", self.name);
        let others = sections.filter(|section| !section.starts_with(&mine));
        for section in others {
            // Writing to a text cannot fail.
            write!(new, "\n\n## {}", section.trim_end()).ok();
        }
        write!(new, "\n\n{}\n", self.text.trim_end()).ok();
        std::fs::write(path, new)
    }
}

/// What this ran on, and when.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |rest| {
        rest.trim_start_matches([' ', '\t', ':'])
    });
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let memory = memory
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!(
        "{}, {cores} cores of {model}, {} MiB, {} {}; load average at the start {load}.",
        chrono::Utc::now().format("%Y-%m-%d %H:%M UTC"),
        memory / 1024,
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}
