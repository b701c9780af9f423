//! The status in words: one line a subject, aligned, then what a person should
//! do, if anything.

use std::collections::BTreeMap;
use std::fmt;

use chrono::TimeDelta;

use crate::domain::Timestamp;
use crate::flows::status::{Backfill, Seller, Status};
use crate::flows::table;
use crate::store::customers::{self, SyncState};
use crate::store::inbox::State;
use crate::store::marks;

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (subject, words) in self.lines() {
            writeln!(f, "{subject:<11} {words}")?;
        }
        let advice = self.advice();
        if advice.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nTo do:")?;
        for line in advice {
            writeln!(f, "- {line}")?;
        }
        Ok(())
    }
}

impl Status {
    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        if self.sellers.is_empty() {
            lines.push((
                "seller",
                "not known yet: Square has not said whose token this is".to_owned(),
            ));
        }
        for seller in &self.sellers {
            let name = format!("{} ({})", seller.merchant_id, seller.environment);
            lines.push(("seller", name));
            lines.extend(self.passes(seller));
        }
        let states = counted(
            &self.customers.states,
            SyncState::ALL.map(SyncState::as_str),
        );
        let customers = format!("{states}, {} deleted", self.customers.deleted);
        lines.push(("customers", customers));
        let events = counted(&self.inbox.states, State::ALL.map(State::as_str));
        lines.push(("events", events));
        let conflicts = format!("{} wait for a person", self.conflicts.open);
        lines.push(("conflicts", conflicts));
        if let Some(newest) = self.inbox.newest {
            lines.push(("last event", self.moment(newest)));
        }
        let owed = match self.outbox.oldest {
            Some(oldest) => format!(
                "{} waiting for Square, the oldest since {}",
                self.outbox.waiting,
                self.moment(oldest)
            ),
            None => "nothing waits for Square".to_owned(),
        };
        lines.push(("outbox", owed));
        lines.push(("edits", format!("{} not noticed yet", self.local_edits)));
        lines.extend(self.leases_and_alarms());
        lines
    }

    fn leases_and_alarms(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for lease in &self.leases {
            let words = format!(
                "{} is being done by {} until {}",
                lease.name,
                lease.holder,
                table::moment(lease.until)
            );
            lines.push(("lease", words));
        }
        for alarm in &self.alarms {
            let words = format!("{} of {}", alarm.name, alarm.merchant_id);
            lines.push((
                "alarm",
                format!("{words} since {}", self.moment(alarm.since)),
            ));
        }
        lines
    }

    fn passes(&self, seller: &Seller) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for (name, reached) in &seller.marks {
            let moment = self.moment(*reached);
            lines.push(match name.as_str() {
                marks::UPDATED => ("changes", format!("read up to {moment}")),
                marks::CENSUS => ("census", format!("last taken {moment}")),
                marks::EVENTS => ("events", format!("asked for up to {moment}")),
                _ => ("mark", format!("{name} {moment}")),
            });
        }
        if let Some(Backfill {
            began,
            windows_left,
        }) = &seller.backfill
        {
            let since = began.map_or_else(String::new, |began| {
                format!(" since {}", self.moment(began))
            });
            let words = format!("under way{since}, windows left: {windows_left}");
            lines.push(("backfill", words));
        }
        lines
    }

    /// What a person should do, one sentence each.
    fn advice(&self) -> Vec<String> {
        let mut advice: Vec<String> = self
            .alarms
            .iter()
            .map(|alarm| alarm.detail.clone())
            .collect();
        for seller in &self.sellers {
            if let Some(refusal) = &seller.refusal {
                advice.push(format!(
                    "Square refuses the token of {} since {} ({}): no call is made. Give a valid one in \
                     SQUARE_ACCESS_TOKEN and start again.",
                    seller.merchant_id,
                    self.moment(refusal.since),
                    refusal.code
                ));
            }
        }
        self.advise_on_rows(&mut advice);
        if count(&self.inbox.states, State::Dead.as_str()) != 0 {
            advice.push(
                "Events could not be read or stored; the next pass brings what they told of. To list \
                 them: squaresync dead list; to try them again: squaresync dead retry --all."
                    .to_owned(),
            );
        }
        if self.customers.of_unknown_sellers != 0 {
            advice.push(format!(
                "{} customers name a seller that this database does not know, and are not synced: \
                 look at their merchant_id.",
                self.customers.of_unknown_sellers
            ));
        }
        advice
    }

    /// What a person should do about rows that Square refused or that wait.
    fn advise_on_rows(&self, advice: &mut Vec<String>) {
        if self.conflicts.open != 0 {
            advice.push(
                "Conflicts wait for a person to decide. To list them: squaresync conflicts list; to \
                 decide one: squaresync conflicts resolve NUMBER --take square|local|VALUE."
                    .to_owned(),
            );
        }
        for (state, words) in [
            (SyncState::Failed, "were refused by Square"),
            (SyncState::Conflict, "wait for a person to decide"),
        ] {
            let word = state.as_str();
            let has_better = state == SyncState::Conflict && self.conflicts.open != 0;
            if count(&self.customers.states, word) != 0 && !has_better {
                advice.push(format!(
                    "Customers {words}. Correct them with plain SQL; to list them: {} '{word}';",
                    customers::LIST_BY_STATE
                ));
            }
        }
    }

    /// A moment, and how long ago that is.
    fn moment(&self, moment: Timestamp) -> String {
        format!(
            "{} ({} ago)",
            table::moment(moment),
            length(self.at - moment)
        )
    }
}

/// A length of time in its largest whole unit.
fn length(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn counted<const N: usize>(counts: &BTreeMap<&str, i64>, words: [&str; N]) -> String {
    words
        .map(|word| format!("{} {word}", count(counts, word)))
        .join(", ")
}

fn count(counts: &BTreeMap<&str, i64>, word: &str) -> i64 {
    counts.get(word).copied().unwrap_or(0)
}
