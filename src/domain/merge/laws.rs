//! What holds of every merge, whatever the values.

use proptest::prelude::*;

use super::*;

const RULES: [Rule; 3] = [Rule::Square, Rule::Local, Rule::Newest];

/// Fields that Square spells in its own way stand beside those that it does not.
const TRIED: [Field; 4] = [
    Field::GivenName,
    Field::EmailAddress,
    Field::Birthday,
    Field::Note,
];

fn value(field: Field) -> BoxedStrategy<String> {
    match field {
        Field::Birthday => prop::sample::select(vec!["", "03-04", "0000-03-04", "1990-03-04"])
            .prop_map(str::to_owned)
            .boxed(),
        _ => "[ ]?[ab]?[ ]?".boxed(),
    }
}

fn fields() -> impl Strategy<Value = Fields> {
    TRIED.map(value).prop_map(|values| {
        TRIED
            .into_iter()
            .zip(values)
            .fold(Fields::default(), |fields, (field, value)| {
                fields.with(field, &value)
            })
    })
}

/// What Square makes of fields that it takes.
fn spelt(fields: &Fields) -> Fields {
    let mut spelt = Fields::default();
    for field in Field::ALL {
        let text = fields.get(field).unwrap_or_default().trim();
        let year = if field == Field::Birthday && text.len() == 5 {
            "0000-"
        } else {
            ""
        };
        spelt.set(field, Some(format!("{year}{text}")));
    }
    spelt
}

fn at(second: i64) -> Option<Timestamp> {
    chrono::DateTime::from_timestamp(second, 0)
}

/// When each field was edited, if anybody knows.
fn edits() -> impl Strategy<Value = BTreeMap<Field, Timestamp>> {
    prop::collection::btree_map(
        prop::sample::select(TRIED.to_vec()),
        (0..9_i64).prop_filter_map("a moment", at),
        0..4,
    )
}

/// The sides of a merge, by value.
#[derive(Clone, Debug)]
struct World {
    base: Fields,
    remote: Fields,
    local: Fields,
    remote_at: Option<Timestamp>,
    local_at: BTreeMap<Field, Timestamp>,
}

impl World {
    fn merge(&self, sent: Option<Sent<'_>>, rule: Rule) -> Decision {
        let sides = Sides {
            base: &self.base,
            remote: &self.remote,
            local: &self.local,
            sent,
            remote_at: self.remote_at,
            local_at: &self.local_at,
        };
        merge(&sides, rule)
    }

    /// Takes what was decided: from now on both agree on what Square shows.
    fn take(&mut self, decision: &Decision) {
        self.local = decision.fields.clone();
        self.base = self.remote.clone();
    }
}

fn world() -> impl Strategy<Value = World> {
    let times = (prop::option::of(0..9_i64), edits());
    (fields(), fields(), fields(), times).prop_map(|(base, remote, local, (second, local_at))| {
        World {
            base: spelt(&base),
            remote: spelt(&remote),
            local,
            remote_at: second.and_then(at),
            local_at,
        }
    })
}

proptest! {
    #[test]
    fn nothing_changed_means_nothing_changes(mut world in world()) {
        world.remote = world.base.clone();
        world.local = world.base.clone();
        for rule in RULES {
            let expected = Decision { fields: world.base.clone(), ..Decision::default() };
            prop_assert_eq!(world.merge(None, rule), expected);
        }
    }

    #[test]
    fn an_untouched_side_follows_the_other(world in world()) {
        let theirs = World { local: world.base.clone(), ..world.clone() };
        let ours = World { remote: world.base.clone(), ..world };
        for rule in RULES {
            let decision = theirs.merge(None, rule);
            prop_assert_eq!(&decision.fields, &theirs.remote);
            prop_assert!(decision.owed.is_empty() && decision.conflicts.is_empty());
            let decision = ours.merge(None, rule);
            prop_assert_eq!(&decision.fields, &ours.local);
            prop_assert!(decision.news.is_empty() && decision.conflicts.is_empty());
        }
    }

    #[test]
    fn both_sides_agree_after_at_most_two_rounds(mut world in world()) {
        for rule in RULES {
            let first = world.merge(None, rule);
            world.take(&first);
            let sent = first.fields.clone();
            let asked = spelt(&sent);
            for field in &first.owed {
                world.remote.set(*field, asked.get(*field).map(str::to_owned));
            }
            let answered = Sent { fields: &sent, carried: &first.owed, answered: true };
            let second = world.merge(Some(answered).filter(|_| !first.owed.is_empty()), rule);
            world.take(&second);
            let third = world.merge(None, rule);
            for decision in [&second, &third] {
                prop_assert!(decision.owed.is_empty(), "{:?}", decision);
                prop_assert!(decision.conflicts.is_empty(), "{:?}", decision);
            }
            prop_assert!(third.news.is_empty());
            prop_assert_eq!(&world.local, &world.remote);
        }
    }

    #[test]
    fn merging_again_changes_nothing(mut world in world()) {
        for rule in RULES {
            let once = world.merge(None, rule);
            world.take(&once);
            let again = world.merge(None, rule);
            prop_assert_eq!(&again.fields, &once.fields);
            prop_assert_eq!(&again.owed, &once.owed);
            prop_assert!(again.news.is_empty() && again.conflicts.is_empty());
        }
    }

    /// Versions that come late are passed over, so an order is a rising series of
    /// versions that ends with the last. A value that Square had before does not
    /// come back: who saw it go and come saw a conflict that others did not. Where the
    /// last change wins it may matter: Square tells a profile's time, and no field's.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        world in world(),
        changed in prop::collection::vec(prop::collection::vec(prop::sample::select(TRIED.to_vec()), 0..3), 1..5),
        seen in prop::collection::vec(any::<bool>(), 5),
    ) {
        let mut now = world.base.clone();
        let mut versions = Vec::new();
        for (number, fields) in changed.iter().enumerate() {
            for field in fields {
                now.set(*field, Some(format!("version {number}")));
            }
            versions.push(now.clone());
        }
        let last = versions.len() - 1;
        for rule in [Rule::Square, Rule::Local] {
            let arrive = |seen: &[bool]| {
                let mut world = world.clone();
                let mut lost = Vec::new();
                for (at, version) in versions.iter().enumerate() {
                    if at != last && seen.get(at) != Some(&true) {
                        continue;
                    }
                    world.remote = version.clone();
                    let decision = world.merge(None, rule);
                    lost.extend(decision.conflicts.iter().map(|conflict| (conflict.field, conflict.local.clone())));
                    world.take(&decision);
                }
                lost.sort();
                lost.dedup();
                (world.local, lost)
            };
            prop_assert_eq!(arrive(&[]), arrive(&seen));
        }
    }

    #[test]
    fn each_field_is_one_sides_value_and_no_change_is_lost_unsaid(world in world()) {
        for rule in RULES {
            let decision = world.merge(None, rule);
            for field in Field::ALL {
                let (now, theirs, ours) = (decision.fields.get(field), world.remote.get(field), world.local.get(field));
                prop_assert!(now == theirs || now == ours);
                let is_lost = |side: Option<&str>| side != world.base.get(field) && !alike(field, side, now);
                let is_said = decision.conflicts.iter().any(|conflict| conflict.field == field);
                prop_assert_eq!(is_lost(theirs) || is_lost(ours), is_said);
            }
        }
    }

    #[test]
    fn what_differs_is_news_or_owed_and_a_conflict_is_one_of_them(world in world()) {
        for rule in RULES {
            let decision = world.merge(None, rule);
            for field in Field::ALL {
                let (now, theirs, ours) = (decision.fields.get(field), world.remote.get(field), world.local.get(field));
                prop_assert_eq!(decision.news.contains(&field), ours != theirs && now == theirs);
                prop_assert_eq!(decision.owed.contains(&field), now != theirs);
            }
            for conflict in &decision.conflicts {
                let has_won = match conflict.taken {
                    Side::Square => decision.news.contains(&conflict.field),
                    Side::Local => decision.owed.contains(&conflict.field),
                };
                prop_assert!(has_won);
                prop_assert!(conflict.square != conflict.base && conflict.local != conflict.base);
            }
        }
    }

    #[test]
    fn the_last_change_wins_where_that_is_the_rule(world in world()) {
        for conflict in world.merge(None, Rule::Newest).conflicts {
            let is_ours_newer = world.local_at.get(&conflict.field).zip(world.remote_at).is_some_and(|(ours, theirs)| theirs < *ours);
            prop_assert_eq!(conflict.taken == Side::Local, is_ours_newer);
        }
    }
}
