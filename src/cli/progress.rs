//! How far a long piece of work has come: a bar on a terminal, now and then a
//! line elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output;

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// The progress of one flow.
pub(super) struct Bar {
    bar: ProgressBar,
    /// What is counted, such as `customers read`.
    what: &'static str,
    /// When a line was last printed; none on a terminal.
    last_line: Option<Instant>,
    /// What was said last.
    told: String,
}

impl Bar {
    pub(super) fn new(what: &'static str) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            bar: ProgressBar::no_length().with_style(style("{spinner} {pos} {msg}  {per_sec}")),
            what,
            last_line: (!is_terminal).then(Instant::now),
            told: String::new(),
        }
    }

    /// Shows how many are done, of how many where that is known.
    pub(super) fn show(&mut self, done: u64, total: Option<u64>) {
        if let Some(total) = total
            && self.bar.length().is_none()
        {
            self.bar
                .set_style(style("{bar:40} {pos}/{len} {msg}  {per_sec}  {eta} left"));
            self.bar.set_length(total);
        }
        self.bar.set_message(self.what);
        self.bar.set_position(done);
        if self.last_line.is_some_and(|last| EVERY <= last.elapsed()) {
            self.last_line = Some(Instant::now());
            let total = total.map_or_else(String::new, |total| format!(" of {total}"));
            output::say(&format!("{done}{total} {}", self.what));
        }
    }

    /// Says something, unless it was the last thing said.
    pub(super) fn say_once(&mut self, text: String) {
        if text != self.told {
            self.bar.suspend(|| output::say(&text));
            self.told = text;
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// How the bar looks; the library's own look should the template be none.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
