//! Merges: every old id leads to the profile that it went into (I17).

use std::collections::BTreeMap;

use super::{Evidence, Row, Violation, text};

impl Evidence<'_> {
    pub(super) fn check_merges(&self, found: &mut Vec<Violation>) {
        let aliases = self.square.aliases();
        let images: BTreeMap<&str, &Row> = self
            .table("images")
            .iter()
            .filter_map(|image| Some((text(image, "square_id")?, image)))
            .collect();
        let rows: BTreeMap<&str, &Row> = self
            .table("customers")
            .iter()
            .filter_map(|row| Some((text(row, "id")?, row)))
            .collect();
        for (old, new) in &aliases {
            let mut last = new;
            while let Some(further) = aliases.get(last)
                && !self.cannot_know(images.get(last.as_str()).copied(), last, further)
            {
                last = further;
            }
            // Where the survivor is gone too, Square answers 404 for both.
            let is_alive = self.square.customer(last).is_some() || aliases.contains_key(last);
            let Some(image) = images.get(old.as_str()).filter(|_| is_alive) else {
                continue;
            };
            if text(image, "merged_into").is_none() {
                if self.cannot_know(Some(image), old, new) {
                    continue;
                }
                found.push(Violation::new(
                    "I17",
                    format!("{old} went into {new}, which is not known"),
                ));
                continue;
            }
            let Some(row) = text(image, "customer_id").and_then(|id| rows.get(id)) else {
                continue;
            };
            if text(row, "square_id") != Some(old) {
                continue;
            }
            let survivor = images
                .get(last.as_str())
                .and_then(|image| text(image, "customer_id"));
            if text(row, "deleted_at").is_none() || text(row, "merged_into") != survivor {
                found.push(Violation::new(
                    "I17",
                    format!("the row of {old} does not point to {survivor:?}: {row:?}"),
                ));
            }
        }
    }

    /// Once a profile that had ended is back and went into another one, no list shows
    /// it, and nobody asks for it; nor for one that went into a profile which had
    /// ended when it was asked for, and is back; nor does an answer of 404 tell where
    /// it went. Only an event could have told.
    fn cannot_know(&self, image: Option<&Row>, old: &str, new: &str) -> bool {
        if image.is_some_and(|image| text(image, "merged_into").is_some()) {
            return false;
        }
        let is_told = self.told().iter().any(|event| {
            let event = event.to_string();
            event.contains(old) && event.contains(new)
        });
        let aliases = self.square.aliases();
        let chain = std::iter::successors(Some(old), |id| aliases.get(*id).map(String::as_str));
        let was_back = chain.map(|id| self.square.history(id)).any(|history| {
            let mut pairs = history.windows(2);
            pairs.any(|pair| pair[0].is_null() && !pair[1].is_null())
        });
        let has_ended = |image| text(image, "tombstone_cause").is_some();
        let is_gone = match image {
            Some(image) => (was_back || self.setting.forgets_merged) && has_ended(image),
            None => self.setting.forgets_merged,
        };
        is_gone && !is_told
    }
}
