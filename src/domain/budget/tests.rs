//! Laws of the budget, held against a Square that takes only so many calls a second.

use proptest::prelude::*;

use super::*;

/// Callers who always want to call, and a Square that takes `limit` calls a second.
struct Played {
    budget: Budget,
    start: Instant,
    now: Instant,
    /// Square's answers come this much later.
    latency: Duration,
    limit: usize,
    /// Square says how long to wait.
    after: Option<Duration>,
    left: Vec<(Class, Instant)>,
    under_way: Vec<Instant>,
    taken: Vec<Instant>,
    refused: Vec<Instant>,
    random: fastrand::Rng,
}

impl Played {
    fn new(limit: usize, latency: u64, seed: u64) -> Self {
        let start = Instant::now();
        Self {
            budget: Budget::new(start),
            start,
            now: start,
            latency: Duration::from_millis(latency),
            limit,
            after: None,
            left: Vec::new(),
            under_way: Vec::new(),
            taken: Vec::new(),
            refused: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Lets everybody who wants to call do so for a while, five milliseconds at a time.
    fn play(&mut self, time: Duration, wanted: &[Class]) {
        let end = self.now + time;
        wanted.iter().for_each(|class| self.budget.wait(*class));
        while self.now < end {
            self.answer();
            // The least urgent asks first, and gets leave only where nobody else wants it.
            for class in wanted.iter().rev() {
                while self.budget.ask(*class, self.now) == Leave::Go {
                    self.left.push((*class, self.now));
                    self.under_way.push(self.now);
                }
            }
            self.now += Duration::from_millis(5);
        }
        wanted
            .iter()
            .for_each(|class| self.budget.stop_waiting(*class));
    }

    fn answer(&mut self) {
        let due = |left: &Instant| *left + self.latency <= self.now;
        let (answered, rest) = self.under_way.iter().partition(|left| due(left));
        self.under_way = rest;
        let answered: Vec<Instant> = answered;
        for left in answered {
            let a_second_ago = self.now.checked_sub(SECOND).unwrap_or(self.start);
            let recent = self.taken.iter().rev().take_while(|at| a_second_ago < **at);
            let ending = if recent.count() < self.limit {
                self.taken.push(self.now);
                Ending::Answered
            } else {
                self.refused.push(self.now);
                Ending::Limited(self.after)
            };
            self.budget.end(left, ending, self.now, self.random.f64());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_more_calls_are_under_way_than_there_is_room_for(
        limit in 1..60_usize, latency in 1..400_u64, seed in any::<u64>(),
    ) {
        let mut played = Played::new(limit, latency, seed);
        for _ in 0..200 {
            played.play(Duration::from_millis(20), &Class::ALL);
            let room = WIDE + Class::Change.ahead();
            prop_assert!(f64::from(played.budget.under_way) <= room);
            prop_assert!(played.budget.rate <= FASTEST);
        }
    }

    #[test]
    fn the_more_urgent_never_wait_for_the_less_urgent(
        limit in 1..60_usize, latency in 1..400_u64, seed in any::<u64>(), urgent in 0..3_usize,
    ) {
        let mut played = Played::new(limit, latency, seed);
        played.play(Duration::from_secs(2), &[Class::Census]);
        let before = played.left.len();

        let wanted: Vec<Class> = Class::ALL.into_iter().skip(urgent).collect();
        played.play(Duration::from_secs(20), &wanted);

        let first = wanted.first().copied();
        prop_assert!(played.left.iter().skip(before).all(|(class, _)| Some(*class) == first));
        prop_assert!(before < played.left.len());
    }

    #[test]
    fn the_limit_is_found_and_seldom_met(
        limit in 5..60_usize, latency in 1..400_u64, seed in any::<u64>(),
    ) {
        let mut played = Played::new(limit, latency, seed);
        played.play(Duration::from_secs(60), &[Class::Backfill]);
        let (taken, refused) = (played.taken.len(), played.refused.len());

        played.play(Duration::from_secs(60), &[Class::Backfill]);

        let taken = played.taken.len() - taken;
        let refused = played.refused.len() - refused;
        prop_assert!(60 * limit * 4 / 10 <= taken, "{} of {}", taken, 60 * limit);
        prop_assert!(refused * 8 <= taken, "{} refused, {} taken", refused, taken);
    }

    #[test]
    fn a_storm_is_waited_out_and_got_over(
        before in 1..30_u64, storm in 60..900_u64, latency in 1..400_u64, seed in any::<u64>(),
    ) {
        let mut played = Played::new(1000, latency, seed);
        played.play(Duration::from_secs(before), &[Class::Backfill]);
        played.limit = 0;
        let left = played.left.len();
        played.play(Duration::from_secs(storm), &[Class::Backfill]);

        // Those that were under way come back refused; then there is one trial a wait.
        let trials = played.left.len() - left;
        prop_assert!(trials <= 20 + usize::try_from(storm).unwrap_or(0) / 5, "{} calls", trials);

        played.limit = 50;
        let taken = played.taken.len();
        played.play(Duration::from_secs(160), &[Class::Backfill]);
        prop_assert!(taken + 1000 < played.taken.len(), "{} taken", played.taken.len() - taken);
    }

    #[test]
    fn the_wait_that_square_asks_for_is_kept(after in 1..120_u64, seed in any::<u64>()) {
        let mut played = Played::new(10, 50, seed);
        played.after = Some(Duration::from_secs(after));
        played.play(Duration::from_secs(300), &[Class::Change, Class::Backfill]);

        for refused in &played.refused {
            let until = *refused + Duration::from_secs(after);
            let early = |at: &&(Class, Instant)| *refused < at.1 && at.1 < until;
            prop_assert_eq!(played.left.iter().find(early), None);
        }
    }
}

#[test]
fn at_first_the_width_doubles_with_each_round() {
    let mut played = Played::new(1000, 50, 1);

    played.play(Duration::from_millis(220), &[Class::Backfill]);

    assert_eq!(played.budget.width(Class::Backfill), 34);
}
