//! What people do in the demo: at Square as its own staff, in the shop as its
//! own program, with plain SQL.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Goal, LOOK, Story};
use crate::domain::field::Field;
use crate::square::simulator::Fault;
use crate::store::StoreResult;
use crate::store::shop::Person;

const GIVEN: [&str; 12] = [
    "Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jo", "Kim", "Léa",
];
const FAMILY: [&str; 8] = [
    "Abel", "Brook", "Cruz", "D'Arcy", "Eck", "Fry", "Gray", "Hill",
];
const NOTES: [&str; 6] = [
    "prefers mornings",
    "pays by card",
    "asks for Jo",
    "new in town",
    "likes the window seat",
    "has a dog",
];

impl Story<'_> {
    pub(super) fn create_at_square(&mut self) {
        let (given, family) = self.name();
        let id = self
            .simulator
            .create(&json!({"given_name": given, "family_name": family}));
        self.at_square += 1;
        let goal = Goal::Row(id.clone(), Field::GivenName, given.to_owned());
        self.under_way(
            format!("Square -> shop  {given} {family} is a new customer"),
            Some(id),
            goal,
        );
    }

    /// An edit at Square. One whose webhook is lost is left for the reconciler.
    pub(super) async fn edit_at_square(&mut self, person: &Person, lost: bool) {
        let Some(id) = person.square_id.clone() else {
            return;
        };
        let phone = format!("+1212555{:04}", self.random.u16(0..10_000));
        if lost {
            // The next event to be sent is the one that is lost: let those before it go first.
            let began = Instant::now();
            while self.simulator.outstanding() != 0 && began.elapsed() < Duration::from_secs(2) {
                tokio::time::sleep(LOOK).await;
            }
            self.simulator
                .faults(|faults| faults.next(Fault::WebhookDropped, 1));
        }
        self.simulator.update(&id, &json!({"phone_number": phone}));
        self.at_square += 1;
        let note = if lost { " (its webhook is lost)" } else { "" };
        let words = format!(
            "Square -> shop  {} has the phone number {phone}{note}",
            person.name
        );
        let goal = Goal::Row(id.clone(), Field::PhoneNumber, phone);
        self.under_way(words, Some(id), goal);
    }

    pub(super) fn delete_at_square(&mut self, person: &Person) {
        let Some(id) = person.square_id.clone() else {
            return;
        };
        self.simulator.delete(&id);
        self.at_square += 1;
        let goal = Goal::Gone(vec![id.clone()]);
        self.under_way(
            format!("Square -> shop  {} is deleted", person.name),
            Some(id),
            goal,
        );
    }

    pub(super) fn merge_at_square(&mut self, people: &[Person]) {
        let [one, other] = self.random.choose_multiple(people, 2)[..] else {
            return;
        };
        let (Some(first), Some(second)) = (one.square_id.clone(), other.square_id.clone()) else {
            return;
        };
        self.simulator.merge(&[&first, &second]);
        self.at_square += 1;
        let words = format!(
            "Square -> shop  {} and {} turn out to be one person, and are merged",
            one.name, other.name
        );
        self.under_way(words, None, Goal::Gone(vec![first, second]));
    }

    pub(super) fn insert_in_shop(&mut self) -> StoreResult<()> {
        let (given, family) = self.name();
        let id = self.shop.insert(given, family)?;
        self.in_shop += 1;
        self.under_way(
            format!("shop -> Square  INSERT {given} {family}"),
            None,
            Goal::Linked(id),
        );
        Ok(())
    }

    pub(super) fn edit_in_shop(&mut self, person: &Person) -> StoreResult<()> {
        let Some(square_id) = person.square_id.clone() else {
            return Ok(());
        };
        let note = NOTES
            .get(self.random.usize(0..NOTES.len()))
            .copied()
            .unwrap_or_default();
        self.shop.update(&person.id, Field::Note, note)?;
        self.in_shop += 1;
        let goal = Goal::Profile(square_id.clone(), Field::Note, note.to_owned());
        self.under_way(
            format!("shop -> Square  UPDATE note of {}: '{note}'", person.name),
            Some(square_id),
            goal,
        );
        Ok(())
    }

    fn name(&mut self) -> (&'static str, &'static str) {
        let pick = |names: &[&'static str], at: usize| names.get(at).copied().unwrap_or_default();
        (
            pick(&GIVEN, self.random.usize(0..GIVEN.len())),
            pick(&FAMILY, self.random.usize(0..FAMILY.len())),
        )
    }
}
