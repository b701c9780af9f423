//! What happens in the demo: somebody at Square and the shop's own program
//! change customers, never both the same one at once, and each change is
//! watched until it has arrived on the other side.

mod acts;

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::demo::elapsed;
use crate::cli::output;
use crate::domain::field::Field;
use crate::square::simulator::{Fault, Simulator};
use crate::store::StoreResult;
use crate::store::shop::{Person, Shop};

/// How often it is looked whether a change has arrived.
const LOOK: Duration = Duration::from_millis(10);
/// The pause between two changes.
const PAUSE: Duration = Duration::from_millis(350);
/// Below it nobody is deleted or merged any more.
const FEW: usize = 10;

/// The story as it goes.
pub(super) struct Story<'a> {
    simulator: &'a Simulator,
    shop: Shop,
    random: fastrand::Rng,
    began: Instant,
    /// Changes that have not arrived yet.
    under_way: Vec<Change>,
    /// How many changes were made on each side.
    at_square: usize,
    in_shop: usize,
    /// The longest time that a change took.
    slowest: Duration,
}

/// A change that is on its way to the other side.
struct Change {
    words: String,
    made: Instant,
    /// The profile, where it is known, so that nobody else changes it meanwhile.
    square_id: Option<String>,
    goal: Goal,
}

/// When a change has arrived.
enum Goal {
    /// The shop's row of this profile holds this.
    Row(String, Field, String),
    /// The shop has no live row of these profiles.
    Gone(Vec<String>),
    /// Square's profile holds this.
    Profile(String, Field, String),
    /// The shop's row has a profile.
    Linked(String),
}

impl<'a> Story<'a> {
    pub(super) fn open(file: &Path, simulator: &'a Simulator, seed: u64) -> StoreResult<Self> {
        Ok(Self {
            simulator,
            shop: Shop::open(file)?,
            random: fastrand::Rng::with_seed(seed),
            began: Instant::now(),
            under_way: Vec::new(),
            at_square: 0,
            in_shop: 0,
            slowest: Duration::ZERO,
        })
    }

    /// Waits until the shop has everybody whom Square had at first.
    pub(super) async fn wait_for_directory(&mut self, customers: usize) -> StoreResult<()> {
        while self.shop.people()?.len() < customers
            && self.began.elapsed() < Duration::from_secs(30)
        {
            tokio::time::sleep(LOOK).await;
        }
        output::line(&format!(
            "{}  the directory of {} customers was read in {}",
            elapsed(self.began),
            self.shop.people()?.len(),
            words_of(self.began.elapsed())
        ));
        Ok(())
    }

    /// Makes changes for as long as `time`, and waits for the last to arrive.
    pub(super) async fn play(&mut self, time: Duration) -> StoreResult<()> {
        let began = Instant::now();
        let mut next = Instant::now();
        while began.elapsed() < time || !self.under_way.is_empty() {
            if next <= Instant::now() && began.elapsed() < time {
                self.change().await?;
                next = Instant::now() + PAUSE;
            }
            self.watch()?;
            if time + Duration::from_secs(30) < began.elapsed() {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        self.simulator.faults(|faults| {
            faults.chance(Fault::WebhookDoubled, 0.0);
            faults.chance(Fault::LostAnswer, 0.0);
            faults.chance(Fault::InternalError, 0.0);
        });
        Ok(())
    }

    /// What was done, in numbers.
    pub(super) fn summary(&self, seconds: u64) -> String {
        let fired = |fault| self.simulator.fired(fault);
        let lost = self.under_way.len();
        format!(
            "\nIn {seconds} s: {} changes at Square and {} in the shop's table; {} webhooks lost, {} doubled and {} late,\n\
             {} answers lost and {} calls failed, all on purpose. The slowest change took {}.{}",
            self.at_square,
            self.in_shop,
            fired(Fault::WebhookDropped),
            fired(Fault::WebhookDoubled),
            fired(Fault::WebhookDelayed),
            fired(Fault::LostAnswer),
            fired(Fault::InternalError),
            words_of(self.slowest),
            if lost == 0 {
                String::new()
            } else {
                format!(" {lost} changes have NOT arrived.")
            },
        )
    }

    /// Makes one change somewhere.
    async fn change(&mut self) -> StoreResult<()> {
        let people = self.free_people()?;
        let Some(person) = self.random.choice(&people).cloned() else {
            return Ok(());
        };
        match self.random.u8(0..20) {
            0..=3 => self.create_at_square(),
            4..=8 => self.edit_at_square(&person, false).await,
            9..=10 => self.edit_at_square(&person, true).await,
            11 if FEW < people.len() => self.delete_at_square(&person),
            12 if FEW < people.len() => self.merge_at_square(&people),
            13..=15 => self.insert_in_shop()?,
            _ => self.edit_in_shop(&person)?,
        }
        Ok(())
    }

    /// People of both sides whom no change under way is about.
    fn free_people(&mut self) -> StoreResult<Vec<Person>> {
        let busy: HashSet<&str> = self
            .under_way
            .iter()
            .filter_map(|change| change.square_id.as_deref())
            .collect();
        let people = self.shop.people()?.into_iter();
        let is_free = |person: &Person| {
            person
                .square_id
                .as_deref()
                .is_some_and(|id| !busy.contains(id) && self.simulator.customer(id).is_some())
        };
        Ok(people.filter(is_free).collect())
    }

    fn under_way(&mut self, words: String, square_id: Option<String>, goal: Goal) {
        self.under_way.push(Change {
            words,
            made: Instant::now(),
            square_id,
            goal,
        });
    }

    /// Tells of the changes that have arrived.
    fn watch(&mut self) -> StoreResult<()> {
        for change in std::mem::take(&mut self.under_way) {
            if !arrived(&mut self.shop, self.simulator, &change.goal)? {
                self.under_way.push(change);
                continue;
            }
            let took = change.made.elapsed();
            self.slowest = self.slowest.max(took);
            output::line(&format!(
                "{}  {:<72} {:>7}",
                elapsed(self.began),
                change.words,
                words_of(took)
            ));
        }
        Ok(())
    }
}

fn arrived(shop: &mut Shop, simulator: &Simulator, goal: &Goal) -> StoreResult<bool> {
    match goal {
        Goal::Row(id, field, value) => Ok(shop.value(id, *field)?.as_ref() == Some(value)),
        Goal::Gone(ids) => ids
            .iter()
            .try_fold(true, |gone, id| Ok(gone && !shop.has(id)?)),
        Goal::Profile(id, field, value) => Ok(simulator.customer(id).is_some_and(|customer| {
            customer.get(field.key()).and_then(Value::as_str) == Some(value)
        })),
        Goal::Linked(id) => Ok(shop
            .square_id(id)?
            .is_some_and(|square_id| simulator.customer(&square_id).is_some())),
    }
}

/// A span of time for people.
fn words_of(time: Duration) -> String {
    match time.as_millis() {
        millis @ ..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
