//! How many calls Square is asked to take from one seller: who may call now.
//!
//! In: questions for leave, outcomes, the time. Out: leave, or how long to wait.
//! Square does not say what its limit is, so it is looked for: with each answer
//! a little more is asked for, and a 429 halves it (additive increase,
//! multiplicative decrease). The promise: no more calls leave than the budget
//! has; while a more urgent call waits no other one goes before it; after a
//! 429 nobody calls until the wait is over, and then one alone until Square
//! answers. Nothing is kept on disk: a new process looks for the limit anew.

use std::time::{Duration, Instant};

use crate::domain::backoff;

/// What a call is for. The more urgent goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A change on one of the sides waits for it.
    #[default]
    Change,
    /// A pass over what changed.
    Reconcile,
    /// A pass over everything.
    Backfill,
    /// A search for what is gone.
    Census,
}

impl Class {
    /// All, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Change, Self::Reconcile, Self::Backfill, Self::Census];

    /// How many calls more than the least urgent ones this class may have under way.
    fn ahead(self) -> f64 {
        match self {
            Self::Change => 6.0,
            Self::Reconcile => 4.0,
            Self::Backfill => 2.0,
            Self::Census => 0.0,
        }
    }
}

/// The most calls a second. No seller's limit is known to be near it.
const FASTEST: f64 = 1000.0;
/// The fewest calls a second that are asked for once Square answers again.
const SLOWEST: f64 = 0.5;
/// How much faster a second of answers makes it.
const FASTER: f64 = 1.0;
/// How many calls may be under way at first, and at most.
const NARROW: f64 = 4.0;
const WIDE: f64 = 32.0;
/// Over how long it is counted what was sent.
const SECOND: Duration = Duration::from_secs(1);

/// What a call that wants to leave is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Go.
    Go,
    /// Ask again then, or when another call has ended.
    Later(Instant),
    /// Ask again when another call has ended.
    AfterOthers,
}

/// How a call ended, as far as the budget is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Square answered.
    Answered,
    /// Square wants fewer calls, and none for so long, where it says.
    Limited(Option<Duration>),
    /// Nothing is known.
    Unknown,
}

/// One seller's budget.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Calls a second.
    rate: f64,
    /// Calls that may leave at once, as of `counted_at`.
    credit: f64,
    counted_at: Instant,
    /// How many calls may be under way.
    width: f64,
    under_way: u32,
    /// How many calls of each class wait.
    waiting: [u32; 4],
    /// When Square last wanted fewer calls; calls that left before tell nothing new.
    slowed_at: Option<Instant>,
    /// Nobody calls before.
    closed_until: Option<Instant>,
    /// How often in a row Square wanted fewer calls.
    refusals: u32,
    /// What was sent in this second, and in the one before.
    sent: [u32; 2],
    second_began: Instant,
}

impl Budget {
    /// Of a seller of whose limit nothing is known.
    pub fn new(now: Instant) -> Self {
        Self {
            rate: FASTEST,
            credit: NARROW,
            counted_at: now,
            width: NARROW,
            under_way: 0,
            waiting: [0; 4],
            slowed_at: None,
            closed_until: None,
            refusals: 0,
            sent: [0; 2],
            second_began: now,
        }
    }

    /// Leave for a call to go now. One that goes has to [`end`](Self::end).
    pub fn ask(&mut self, class: Class, now: Instant) -> Leave {
        if let Some(until) = self.closed_until.filter(|until| now < *until) {
            return Leave::Later(until);
        }
        self.count(now);
        let is_trial = 0 < self.refusals;
        let is_full = self.width + class.ahead() <= f64::from(self.under_way);
        if (is_trial && 0 < self.under_way) || is_full || self.is_outdone(class) {
            return Leave::AfterOthers;
        }
        if self.credit < 1.0 {
            return Leave::Later(now + Duration::from_secs_f64((1.0 - self.credit) / self.rate));
        }
        self.credit -= 1.0;
        self.under_way += 1;
        let [sent, _] = &mut self.sent;
        *sent += 1;
        Leave::Go
    }

    /// A call of this class begins to wait.
    pub fn wait(&mut self, class: Class) {
        if let Some((_, waiting)) = self.queues().find(|(queue, _)| *queue == class) {
            *waiting += 1;
        }
    }

    /// A call of this class waits no more, whatever it was told.
    pub fn stop_waiting(&mut self, class: Class) {
        if let Some((_, waiting)) = self.queues().find(|(queue, _)| *queue == class) {
            *waiting = waiting.saturating_sub(1);
        }
    }

    /// A call that left at `left` has ended. `random` in [0, 1) spreads waits.
    pub fn end(&mut self, left: Instant, ending: Ending, now: Instant, random: f64) {
        self.under_way = self.under_way.saturating_sub(1);
        match ending {
            Ending::Answered => {
                // What left before the last refusal does not show that it is over.
                if self.slowed_at.is_none_or(|slowed| slowed < left) {
                    self.refusals = 0;
                }
                self.rate = (self.rate + FASTER / self.rate).min(FASTEST);
                self.width = (self.width + self.wider()).min(WIDE);
            }
            Ending::Limited(after) => self.slow_down(left, after, now, random),
            Ending::Unknown => {}
        }
    }

    /// How many calls of this class may be under way.
    pub fn width(&self, class: Class) -> usize {
        let free = 0..=64_u32;
        let room = self.width + class.ahead();
        let width = free.take_while(|width| f64::from(*width) < room).count();
        if 0 < self.refusals { 1 } else { width.max(1) }
    }

    fn slow_down(&mut self, left: Instant, after: Option<Duration>, now: Instant, random: f64) {
        let is_news = self.slowed_at.is_none_or(|slowed| slowed <= left);
        if is_news {
            self.count(now);
            let [this, before] = self.sent;
            // Half of a rate that was never reached would change nothing.
            let reached = f64::from(this.max(before)).min(self.rate);
            self.rate = (reached / 2.0).clamp(SLOWEST, FASTEST);
            self.credit = self.credit.min(1.0);
            self.width = (self.width / 2.0).max(1.0);
            self.refusals = self.refusals.saturating_add(1);
            self.slowed_at = Some(now);
        }
        let wait = if is_news {
            backoff::wait(self.refusals, after, random)
        } else {
            after.unwrap_or_default()
        };
        let until = now + wait;
        self.closed_until = Some(self.closed_until.map_or(until, |closed| closed.max(until)));
    }

    /// What one answer adds to the width: at first a call, so that it doubles
    /// with each round; once the limit was met, a call a round.
    fn wider(&self) -> f64 {
        match self.slowed_at {
            None => 1.0,
            Some(_) => 1.0 / self.width,
        }
    }

    /// Whether a more urgent call waits.
    fn is_outdone(&self, class: Class) -> bool {
        let mut queues = Class::ALL.into_iter().zip(self.waiting);
        queues.any(|(queue, waiting)| queue < class && 0 < waiting)
    }

    fn queues(&mut self) -> impl Iterator<Item = (Class, &mut u32)> {
        Class::ALL.into_iter().zip(&mut self.waiting)
    }

    /// Adds what time has brought.
    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted_at);
        let most = (self.rate / 10.0).max(1.0);
        self.credit = (self.credit + passed.as_secs_f64() * self.rate).min(most);
        self.counted_at = self.counted_at.max(now);
        let age = now.saturating_duration_since(self.second_began);
        if SECOND <= age {
            let [this, _] = self.sent;
            self.sent = [0, if age < 2 * SECOND { this } else { 0 }];
            self.second_began = now;
        }
    }
}

#[cfg(test)]
mod tests;
