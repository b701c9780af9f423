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
    began: Instant,
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
            began: Instant::now(),
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
            output::say(&line(done, total, self.what, self.began.elapsed()));
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

/// How far it has come, in words.
fn line(done: u64, total: Option<u64>, what: &str, passed: Duration) -> String {
    let rate = u128::from(done) * 1000 / passed.as_millis().max(1);
    let of_total = total.map_or_else(String::new, |total| format!(" of {total}"));
    let left = total.map(|total| u128::from(total.saturating_sub(done)));
    let left = left
        .and_then(|left| left.checked_div(rate))
        .map_or_else(String::new, |seconds| format!(", about {seconds} s left"));
    format!("{done}{of_total} {what}, {rate} a second{left}")
}

/// How the bar looks; the library's own look should the template be none.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_rate_and_the_time_left_where_it_is_known() {
        let line = |done, total| line(done, total, "customers read", Duration::from_secs(10));

        assert_eq!(
            line(4000, Some(10_000)),
            "4000 of 10000 customers read, 400 a second, about 15 s left"
        );
        assert_eq!(line(4000, None), "4000 customers read, 400 a second");
        assert_eq!(line(0, Some(5)), "0 of 5 customers read, 0 a second");
    }
}
