//! Dead events in words: the reports in, lines for a person out.

use std::fmt;

use crate::flows::dead::{Dropped, Event, List, Shown, Tried};
use crate::flows::table;
use crate::store::inbox::State;

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.events.is_empty() {
            write!(f, "No event is dead.")?;
        } else {
            let heads = ["number", "received", "type", "event", "seller", "reason"];
            let rows: Vec<_> = self.events.iter().map(cells).collect();
            write!(f, "{}", table::lines(heads, &rows))?;
        }
        if 0 < self.failed_rows {
            write!(
                f,
                "\n\n{} rows of customers were refused by Square; `squaresync status` says how to list them.",
                self.failed_rows
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = &self.event;
        let pairs = [
            ("number", Some(event.number.to_string())),
            ("received", Some(table::moment(event.received))),
            ("type", event.kind.clone()),
            ("event", Some(event.event_id.clone())),
            ("seller", event.merchant_id.clone()),
            ("reason", event.reason.clone()),
            ("body", Some(self.body.clone())),
        ];
        f.write_str(&table::pairs(&pairs))
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.events.is_empty() {
            return write!(f, "No event is dead.");
        }
        let heads = ["number", "now", "event", "reason"];
        let cells = |event: &Event| {
            [
                event.number.to_string(),
                words(event.state).to_owned(),
                event.event_id.clone(),
                event.reason.clone().unwrap_or_default(),
            ]
        };
        let rows: Vec<_> = self.events.iter().map(cells).collect();
        write!(f, "{}", table::lines(heads, &rows))?;
        match self.still_dead {
            0 => Ok(()),
            dead => write!(f, "\n\nStill dead: {dead} of {}", self.events.len()),
        }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events dropped: {}", self.dropped.len())
    }
}

fn cells(event: &Event) -> [String; 6] {
    [
        event.number.to_string(),
        table::moment(event.received),
        event.kind.clone().unwrap_or_else(|| "unknown".to_owned()),
        event.event_id.clone(),
        event
            .merchant_id
            .clone()
            .unwrap_or_else(|| "unknown".to_owned()),
        event.reason.clone().unwrap_or_default(),
    ]
}

/// What a state means to somebody who asked for a retry.
fn words(state: &str) -> &str {
    if state == State::Dead.as_str() {
        "still dead"
    } else if state == State::Superseded.as_str() {
        "told nothing new"
    } else {
        state
    }
}
