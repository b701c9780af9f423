//! What a comparison found: ids and names of fields, for people and programs.

use serde::Serialize;

use crate::domain::id::{CustomerId, SquareId};

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it comes to.
    pub verdict: Verdict,
    /// Why it could not be told; empty where it could.
    pub reasons: Vec<String>,
    /// How many customers Square's list named.
    pub at_square: u64,
    /// How many live rows there are here.
    pub rows: u64,
    /// Square has it, and no live row does.
    pub missing: Vec<Entry>,
    /// It is live here, and Square says that there is no such customer.
    pub extra: Vec<Entry>,
    /// Both have it, not with the same content.
    pub unequal: Vec<Entry>,
    /// The row holds something that Square is still to be told.
    pub owed: Vec<Entry>,
    /// Square refused what the row holds.
    pub failed: Vec<Entry>,
    /// A person has to decide about the row.
    pub conflict: Vec<Entry>,
    /// Square answers for the id with another profile than this side does.
    pub stale_alias: Vec<Entry>,
    /// The row does not have all that Square showed, and waits for it.
    pub unmerged: Vec<Entry>,
    /// Events that could not be read or stored. They are no difference by themselves.
    pub dead_events: i64,
}

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// Both sides are the same.
    #[serde(rename = "equal")]
    Equal,
    /// They are not.
    #[serde(rename = "differs")]
    Differs,
    /// Not all could be seen.
    #[serde(rename = "could not tell")]
    CouldNotTell,
}

/// One customer that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Our row, where there is one.
    pub row_id: Option<CustomerId>,
    /// Square's profile, where there is one.
    pub square_id: Option<SquareId>,
    /// The columns that differ; `image` is what this program remembers of the profile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<&'static str>,
    /// Whose change did not get across.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// The profile that Square shows under this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leads_to: Option<SquareId>,
    /// Why Square refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whose change did not get across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Side {
    /// What Square shows was not taken into the row.
    #[serde(rename = "news not taken")]
    NewsNotTaken,
    /// What the row holds was not sent, and nothing is going to.
    #[serde(rename = "edit not sent")]
    EditNotSent,
}

impl Report {
    /// Of a comparison that did not get to its end.
    pub fn unknown(reason: String) -> Self {
        Self {
            verdict: Verdict::CouldNotTell,
            reasons: vec![reason],
            at_square: 0,
            rows: 0,
            missing: Vec::new(),
            extra: Vec::new(),
            unequal: Vec::new(),
            owed: Vec::new(),
            failed: Vec::new(),
            conflict: Vec::new(),
            stale_alias: Vec::new(),
            unmerged: Vec::new(),
            dead_events: 0,
        }
    }

    /// Every list, under the name that reports give it.
    pub fn lists(&self) -> [(&'static str, &[Entry]); 8] {
        [
            ("missing", &self.missing),
            ("extra", &self.extra),
            ("unequal", &self.unequal),
            ("owed", &self.owed),
            ("failed", &self.failed),
            ("conflict", &self.conflict),
            ("stale alias", &self.stale_alias),
            ("unmerged", &self.unmerged),
        ]
    }

    /// The profiles of all that was found to differ.
    pub fn profiles(&self) -> Vec<SquareId> {
        let lists = [
            &self.missing,
            &self.extra,
            &self.unequal,
            &self.stale_alias,
            &self.unmerged,
        ];
        lists
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.square_id.clone())
            .collect()
    }

    /// What the lists come to.
    pub(super) fn judged(mut self) -> Self {
        let is_equal = self
            .lists()
            .into_iter()
            .all(|(_, entries)| entries.is_empty());
        self.verdict = match (self.reasons.is_empty(), is_equal) {
            (false, _) => Verdict::CouldNotTell,
            (true, true) => Verdict::Equal,
            (true, false) => Verdict::Differs,
        };
        self
    }
}
