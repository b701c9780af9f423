//! What Square has shown of one profile over time, folded into one image.
//!
//! Observations come in by many ways, late, doubled and out of order. Folding
//! takes the highest version of everything, which does not depend on order or
//! number: the same observations always give the same image. Only Square's
//! direct answer for an id may bring a deleted profile back at an old version,
//! since it says what is true now.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::id::SquareId;
use crate::domain::observation::{Cause, Origin, Shown};
use crate::domain::profile::Profile;
use crate::domain::seeded::{self, Bug};

/// The end of a profile: it lives again only above this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tombstone {
    /// The last version that is dead.
    pub version: i64,
    /// How we know.
    pub cause: Cause,
}

/// A tombstone's version where nobody said one: no event can outdo it.
pub const FINAL: i64 = i64::MAX;

/// Keys that not every origin carries, each with a version of its own: an
/// origin that leaves one out must not clear it.
const APART: [(&str, &[Origin]); 2] = [
    (
        "segment_ids",
        &[Origin::Search, Origin::Write, Origin::Retrieve],
    ),
    ("cards", &[Origin::Retrieve]),
];

/// One profile as all observations together show it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// The newest version shown; none while only its end is known.
    pub version: Option<i64>,
    /// The profile at that version, and the keys of `APART` at theirs.
    pub profile: Profile,
    /// The version at which each key of `APART` was last shown.
    pub apart: BTreeMap<String, i64>,
    /// Set once the profile was shown to be gone.
    pub tombstone: Option<Tombstone>,
    /// The profile that this one went into.
    pub merged_into: Option<SquareId>,
}

/// What an observation did to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It told something new.
    News,
    /// It told what was known.
    Known,
    /// It told less than what was known.
    Superseded,
}

impl Image {
    /// Whether Square has this profile, as far as we were shown.
    pub fn is_live(&self) -> bool {
        match (self.version, self.tombstone) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(version), Some(tombstone)) => tombstone.version < version,
        }
    }

    /// Folds one observation in.
    pub fn observe(&mut self, shown: &Shown) -> Effect {
        match shown {
            Shown::Profile(profile, origin) => self.observe_profile(profile, *origin),
            Shown::Deleted(version, cause) => self.bury(version.unwrap_or(FINAL), *cause),
            Shown::Merged(_) if seeded::is_on(Bug::AliasNotWritten) => {
                self.bury(FINAL, Cause::Merge)
            }
            Shown::Merged(into) => self.observe_merge(into),
            Shown::Leads(to) => self.lead(to),
        }
    }

    fn observe_profile(&mut self, shown: &Profile, origin: Origin) -> Effect {
        let known = self.version.unwrap_or(-1);
        let mut effect = match shown.version() {
            version if version < known && !seeded::is_on(Bug::LastComerWins) => Effect::Superseded,
            version if version == known && !seeded::is_on(Bug::EqualVersionIsNews) => Effect::Known,
            _ if seeded::is_on(Bug::TimeIsTheOrder)
                && shown.moment("updated_at") <= self.profile.moment("updated_at") =>
            {
                Effect::Superseded
            }
            _ => Effect::News,
        };
        if effect == Effect::News {
            self.replace(shown, origin);
        }
        if self.take_apart(shown, origin) | self.revive(shown, origin) {
            effect = Effect::News;
        }
        effect
    }

    /// Puts `shown` in place of the profile, keeping what `origin` does not carry.
    fn replace(&mut self, shown: &Profile, origin: Origin) {
        let old = std::mem::replace(&mut self.profile, shown.clone());
        let kept = APART.iter().filter(|(_, by)| !by.contains(&origin));
        kept.for_each(|(key, _)| self.profile.put(key, old.get(key)));
        self.version = Some(shown.version());
    }

    /// Takes the keys of `APART` that `origin` carries, unless a newer version showed them.
    fn take_apart(&mut self, shown: &Profile, origin: Origin) -> bool {
        let mut changed = false;
        for (key, origins) in APART {
            let held = self.apart.get(key).copied();
            let is_carried = origins.contains(&origin) || seeded::is_on(Bug::SegmentsCleared);
            if !is_carried || held.is_some_and(|version| shown.version() < version) {
                continue;
            }
            let value = shown.get(key).filter(|value| **value != Value::Null);
            // That a key was absent is kept too, or an older page could fill it.
            changed |= held != Some(shown.version()) || self.profile.get(key) != value;
            self.profile.put(key, value);
            self.apart.insert(key.to_owned(), shown.version());
        }
        changed
    }

    /// A direct answer proves that a profile is there whatever was said of its end.
    fn revive(&mut self, shown: &Profile, origin: Origin) -> bool {
        let outdated = shown.version() < self.version.unwrap_or(-1);
        let is_proof = origin == Origin::Retrieve || seeded::is_on(Bug::TombstoneForgotten);
        if !is_proof || self.is_live() || outdated {
            return false;
        }
        self.tombstone = None;
        self.merged_into = None;
        true
    }

    fn bury(&mut self, version: i64, cause: Cause) -> Effect {
        let tombstone = Tombstone { version, cause };
        if self.tombstone.is_some_and(|known| tombstone <= known) {
            return if self.tombstone == Some(tombstone) {
                Effect::Known
            } else {
                Effect::Superseded
            };
        }
        self.tombstone = Some(tombstone);
        if self.is_live() {
            Effect::Superseded
        } else {
            Effect::News
        }
    }

    /// A direct answer proves where the profile went whatever was said of it.
    fn lead(&mut self, to: &SquareId) -> Effect {
        let effect = self.bury(FINAL, Cause::Merge);
        if self.merged_into.as_ref() == Some(to) {
            return effect;
        }
        self.merged_into = Some(to.clone());
        Effect::News
    }

    /// A merge ends the profile for good. Of two survivors named, which are two
    /// links of one chain, the same is kept whatever their order.
    fn observe_merge(&mut self, into: &SquareId) -> Effect {
        let effect = self.bury(FINAL, Cause::Merge);
        match &self.merged_into {
            Some(known) if known <= into => effect,
            _ => {
                self.merged_into = Some(into.clone());
                Effect::News
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test says where it stopped")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn profile(version: i64, segments: Option<&str>) -> Profile {
        let mut value = json!({"id": "A", "version": version, "given_name": format!("v{version}")});
        if let (Some(segment), Some(map)) = (segments, value.as_object_mut()) {
            map.insert("segment_ids".to_owned(), json!([segment]));
        }
        Profile::parse(value).expect("a profile")
    }

    /// The segment that search shows at each version.
    const SEGMENT: [Option<&str>; 5] = [None, Some("x"), None, Some("y"), Some("x")];

    /// What Square may show of one profile; one version is always the same profile.
    fn shown() -> impl Strategy<Value = Shown> {
        prop_oneof![
            (0..5_i64).prop_map(|v| Shown::Profile(profile(v, None), Origin::Event)),
            (0..5_i64).prop_map(|v| Shown::Profile(
                profile(
                    v,
                    *SEGMENT
                        .get(usize::try_from(v).expect("small"))
                        .expect("one of five")
                ),
                Origin::Search
            )),
            (0..5_i64).prop_map(|v| Shown::Deleted(Some(v), Cause::Event)),
            Just(Shown::Deleted(None, Cause::NotFound)),
            Just(Shown::Merged(SquareId::new("B"))),
        ]
    }

    fn folded(observations: &[Shown]) -> Image {
        let mut image = Image::default();
        for shown in observations {
            image.observe(shown);
        }
        image
    }

    proptest! {
        #[test]
        fn order_and_number_of_observations_do_not_matter(
            (first, second) in prop::collection::vec(shown(), 0..8)
                .prop_flat_map(|all| {
                    let doubled = [all.clone(), all.clone()].concat();
                    (Just(all), Just(doubled).prop_shuffle())
                })
        ) {
            prop_assert_eq!(folded(&first), folded(&second));
        }

        #[test]
        fn what_is_known_is_never_news(all in prop::collection::vec(shown(), 0..8)) {
            let mut image = folded(&all);
            for shown in &all {
                let before = image.clone();
                prop_assert_ne!(image.observe(shown), Effect::News);
                prop_assert_eq!(&image, &before);
            }
        }
    }

    #[test]
    fn an_event_without_segments_keeps_them() {
        let image = folded(&[
            Shown::Profile(profile(1, Some("x")), Origin::Search),
            Shown::Profile(profile(2, None), Origin::Event),
        ]);

        assert_eq!(image.profile.get("segment_ids"), Some(&json!(["x"])));
        assert_eq!(image.version, Some(2));
    }

    #[test]
    fn a_deleted_profile_lives_again_by_a_higher_version_or_a_direct_answer_alone() {
        let gone = [
            Shown::Profile(profile(2, None), Origin::Event),
            Shown::Deleted(Some(3), Cause::Event),
        ];
        let after = |shown: Shown| {
            let mut image = folded(&gone);
            image.observe(&shown);
            image.is_live()
        };

        assert!(!after(Shown::Profile(profile(2, None), Origin::Search)));
        assert!(!after(Shown::Profile(profile(3, None), Origin::Event)));
        assert!(!after(Shown::Profile(profile(1, None), Origin::Write)));
        assert!(after(Shown::Profile(profile(4, None), Origin::Event)));
        assert!(after(Shown::Profile(profile(2, None), Origin::Retrieve)));
    }

    #[test]
    fn a_direct_answer_says_where_a_profile_went() {
        let mut image = folded(&[Shown::Merged(SquareId::new("B"))]);

        for to in ["C", "A"] {
            let to = SquareId::new(to);
            assert_eq!(image.observe(&Shown::Leads(to.clone())), Effect::News);
            assert_eq!(image.merged_into.as_ref(), Some(&to));
            assert_ne!(image.observe(&Shown::Leads(to)), Effect::News);
        }
    }
}
