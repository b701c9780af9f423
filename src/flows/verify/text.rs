//! A report in words: counts, then the lists, then the verdict as the last line.

use std::fmt;

use crate::flows::verify::report::{Entry, Report, Side, Verdict};

/// How many entries of a list are shown to people.
const SHOWN: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.verdict == Verdict::CouldNotTell && self.at_square == 0 && self.rows == 0 {
            return self.end(f);
        }
        writeln!(
            f,
            "Compared: {} customers in Square's list, {} live rows here.",
            self.at_square, self.rows
        )?;
        let counts: Vec<String> = self
            .lists()
            .into_iter()
            .map(|(name, entries)| format!("{} {name}", entries.len()))
            .collect();
        writeln!(f, "Found: {}.", counts.join(", "))?;
        if self.dead_events != 0 {
            writeln!(
                f,
                "Events that could not be read or stored: {}.",
                self.dead_events
            )?;
        }
        for (name, entries) in self.lists() {
            list(f, name, entries)?;
        }
        self.end(f)
    }
}

impl Report {
    /// Why it could not be told, where that was so, and the last line.
    fn end(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for reason in &self.reasons {
            writeln!(f, "{reason}")?;
        }
        f.write_str(match self.verdict {
            Verdict::Equal => "Both sides are equal.",
            Verdict::Differs => "The sides differ.",
            Verdict::CouldNotTell => "It could not be told whether the sides are equal.",
        })
    }
}

fn list(f: &mut fmt::Formatter<'_>, name: &str, entries: &[Entry]) -> fmt::Result {
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{name}: {}", meaning(name))?;
    for entry in entries.iter().take(SHOWN) {
        writeln!(f, "  {entry}")?;
    }
    match entries.len().saturating_sub(SHOWN) {
        0 => writeln!(f),
        more => writeln!(f, "  and {more} more; --json lists all\n"),
    }
}

fn meaning(name: &str) -> &'static str {
    match name {
        "missing" => "at Square, and not live here",
        "extra" => "live here, and Square has no such customer",
        "unequal" => "on both sides, with different content",
        "owed" => "changed here, and Square is still to be told",
        "failed" => "refused by Square",
        "conflict" => "a person has to decide",
        "stale alias" => "Square answers for this id with another profile",
        _ => "shown by Square, and waiting to be put into the row",
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if let Some(id) = &self.row_id {
            words.push(format!("row {id}"));
        }
        if let Some(id) = &self.square_id {
            words.push(format!("profile {id}"));
        }
        if !self.fields.is_empty() {
            words.push(self.fields.join(" "));
        }
        words.extend(self.side.map(|side| match side {
            Side::NewsNotTaken => "Square's change was not taken".to_owned(),
            Side::EditNotSent => "the change here was not sent".to_owned(),
        }));
        words.extend(self.leads_to.as_ref().map(|id| format!("leads to {id}")));
        words.extend(self.reason.clone());
        f.write_str(&words.join(", "))
    }
}
