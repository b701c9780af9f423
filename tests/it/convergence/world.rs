//! One story's world: the flows as one process has them, Square behind a door,
//! an application on the table, and the runner's clock. The process can end at
//! any step; the world goes on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use squaresync::domain::Timestamp;
use squaresync::domain::id::MerchantId;
use squaresync::domain::lookalike::Matching;
use squaresync::domain::merge::Rule;
use squaresync::flows::backfill::Backfill;
use squaresync::flows::caught_up::CaughtUp;
use squaresync::flows::census::Census;
use squaresync::flows::counters::Counters;
use squaresync::flows::events::Events;
use squaresync::flows::identify::identify;
use squaresync::flows::push::{Push, Pushing};
use squaresync::flows::reading::Reading;
use squaresync::flows::receive::Receive;
use squaresync::flows::reconcile::Reconcile;
use squaresync::square::client::{AccessToken, ClientSettings, Square};
use squaresync::square::signature::{NotificationUrl, SigningKey, Verifier};
use squaresync::square::simulator::{Clock, Event, Options, Simulator, Stale, Webhook};
use squaresync::store::lease::Holder;

use super::door::Passage;
use super::ledger::{Copied, Ledger};
use super::stage::Stage;
use super::wire::Wire;

pub(super) const URL: &str = "https://example.com/webhooks/square";
pub(super) const KEY: &str = "a-signature-key";
/// How far a pass reaches back: little more than the index may lag, so that
/// changes get behind it in a story's time.
pub(super) const OVERLAP: TimeDelta = TimeDelta::seconds(90);

/// What a seed settles beside the acts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) rule: Rule,
    pub(super) push_deletes: bool,
    pub(super) matching: Matching,
    /// Whether Square says nothing of who was merged away but 404.
    pub(super) forgets_merged: bool,
}

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Within the process.
    Memory,
    /// Over real HTTP, in both directions.
    Sockets,
}

/// The flows of one process.
pub(super) struct Process {
    pub(super) receive: Receive,
    pub(super) reconcile: Reconcile,
    pub(super) backfill: Backfill,
    pub(super) census: Census,
    pub(super) events: Events,
    pub(super) push: Push,
}

/// Everything there is.
pub(super) struct World<'a> {
    pub(super) stage: &'a mut Stage,
    pub(super) square: Arc<Simulator>,
    pub(super) passage: Arc<Passage>,
    pub(super) client: Square,
    pub(super) process: Process,
    pub(super) setting: Setting,
    pub(super) ledger: Ledger,
    pub(super) rng: fastrand::Rng,
    /// How far the machine's clock is off.
    pub(super) skew: TimeDelta,
    /// Events that are on their way; the others came, or never will.
    pub(super) underway: Vec<Event>,
    /// Events that came.
    pub(super) came: Vec<Event>,
    /// How many of Square's events were looked at.
    pub(super) seen_events: usize,
    pub(super) verifier: Verifier,
    /// The way over sockets; none where the story does without.
    pub(super) wire: Option<Wire>,
    /// Whether the database takes no events now.
    pub(super) inbox_fails: bool,
    /// The copy, if there is one.
    pub(super) copied: Option<Copied>,
    /// Rows that an application deleted; their ids may be used again.
    pub(super) deleted_rows: BTreeSet<String>,
    /// Whether a person has approved of whatever the census finds.
    pub(super) is_approved: bool,
    /// Between two pages of the reconciler: how many changes there had been at Square.
    pub(super) read_at: Option<u64>,
    /// How many the census that is under way has ended.
    pub(super) ends_of_pass: usize,
    /// Numbers values, so that each is there once.
    pub(super) values: u32,
}

impl<'a> World<'a> {
    /// The world of a seed, before anything happens.
    pub(super) async fn new(stage: &'a mut Stage, seed: u64, way: Way) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        stage.empty();
        let setting = Setting {
            rule: *rng
                .choice(&[Rule::Square, Rule::Local, Rule::Newest])
                .unwrap(),
            push_deletes: rng.bool(),
            matching: *rng
                .choice(&[
                    Matching::Off,
                    Matching::Off,
                    Matching::Email,
                    Matching::Both,
                ])
                .unwrap(),
            forgets_merged: rng.u8(0..8) == 0,
        };
        let options = options(seed, setting, &mut rng);
        let square = Arc::new(match way {
            Way::Memory => Simulator::unserved(options),
            Way::Sockets => Simulator::start(options).unwrap(),
        });
        let passage = Arc::new(Passage::new(Arc::clone(&square), Arc::clone(&stage.disk)));
        let client = client(&square, &passage, way);
        identify(&stage.store, &client, "sandbox", square.now())
            .await
            .unwrap();
        let process = process(stage, &square, &client, setting);
        // An empty key, as the settings have it behind a comma too many, is none.
        let keys = [KEY, ""].into_iter();
        let keys = keys.filter_map(|key| SigningKey::parse(key).ok());
        let verifier = Verifier::new(NotificationUrl::parse(URL).unwrap(), keys.collect());
        let wire = (way == Way::Sockets)
            .then(|| Wire::start(&stage.store, &process.receive, verifier.clone()));
        Self {
            stage,
            square,
            passage,
            client,
            process,
            setting,
            wire,
            ledger: Ledger::default(),
            rng,
            skew: TimeDelta::zero(),
            underway: Vec::new(),
            came: Vec::new(),
            seen_events: 0,
            verifier,
            inbox_fails: false,
            copied: None,
            deleted_rows: BTreeSet::new(),
            is_approved: false,
            read_at: None,
            ends_of_pass: 0,
            values: 0,
        }
    }

    /// Ends the process without a word and starts another.
    pub(super) async fn restart(&mut self, reopens: bool) {
        self.passage.crash_at(None);
        self.ledger.count("crash");
        let way = match self.wire.take() {
            Some(wire) => {
                wire.stop().await;
                Way::Sockets
            }
            None => Way::Memory,
        };
        if reopens {
            self.stage.reopen().await;
        }
        self.client = client(&self.square, &self.passage, way);
        self.process = process(self.stage, &self.square, &self.client, self.setting);
        (self.is_approved, self.read_at) = (false, None);
        self.wire = (way == Way::Sockets).then(|| {
            Wire::start(
                &self.stage.store,
                &self.process.receive,
                self.verifier.clone(),
            )
        });
    }

    /// A person has looked, and expects that so many are gone.
    pub(super) fn approve_census(&mut self) {
        let reading = reading(self.stage, &self.square, &self.client, self.setting);
        self.process.census = Census::new(reading, true);
        self.is_approved = true;
    }

    /// The time by this machine's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.square.now() + self.skew
    }

    /// Lets time pass, for Square and for us.
    pub(super) async fn advance(&mut self, by: Duration) {
        self.square.advance(by);
        // An answer carries Square's clock to us; one that is lost leaves us behind, which is allowed.
        self.passage.crash_at(None);
        drop(self.client.token_status().await);
    }
}

fn options(seed: u64, setting: Setting, rng: &mut fastrand::Rng) -> Options {
    let start = chrono::DateTime::parse_from_rfc3339("2026-03-02T10:15:30Z").unwrap();
    let lag = *rng.choice(&[0, 2, 2, 30, 60]).unwrap();
    let hour = Duration::from_secs(3600);
    Options {
        clock: Clock::manual(start.to_utc()),
        seed,
        customers: *rng.choice(&[0, 0, 3, 8]).unwrap(),
        index_lag: Duration::from_secs(lag),
        key_life: *rng
            .choice(&[None, Some(24 * hour), Some(2 * hour)])
            .unwrap(),
        stale: *rng
            .choice(&[Stale::VersionMismatch, Stale::Conflict])
            .unwrap(),
        closed_windows: rng.bool(),
        respells: rng.bool(),
        unknown_keys: rng.bool(),
        forgets_merged: setting.forgets_merged,
        cards: rng.bool(),
        events_enabled: rng.bool(),
        webhook: Some(Webhook {
            notification_url: URL.to_owned(),
            post_to: None,
            keys: vec![KEY.to_owned()],
        }),
        ..Options::default()
    }
}

fn client(square: &Simulator, passage: &Arc<Passage>, way: Way) -> Square {
    let token = AccessToken::parse(&square.token).unwrap();
    let settings = ClientSettings {
        authorization_pause: Duration::ZERO,
        is_paced: false,
        ..ClientSettings::new(square.url(), token)
    };
    match way {
        Way::Memory => Square::behind(Arc::clone(passage) as _, &settings).unwrap(),
        Way::Sockets => Square::new(settings).unwrap(),
    }
}

fn reading(stage: &Stage, square: &Simulator, client: &Square, setting: Setting) -> Reading {
    Reading {
        store: stage.store.clone(),
        square: client.clone(),
        merchant: MerchantId::new(square.merchant_id.clone()),
        rule: setting.rule,
        holder: Holder::named("story"),
        counters: Arc::new(Counters::default()),
        caught_up: CaughtUp::default(),
    }
}

fn process(stage: &Stage, square: &Simulator, client: &Square, setting: Setting) -> Process {
    let reading = reading(stage, square, client, setting);
    let counters = Arc::clone(&reading.counters);
    let pushing = Pushing {
        store: stage.store.clone(),
        square: client.clone(),
        merchant: reading.merchant.clone(),
        rule: setting.rule,
        push_deletes: setting.push_deletes,
        approved: false,
        matching: setting.matching,
        caught_up: reading.caught_up.clone(),
        holder: Holder::named("story"),
        counters: Arc::clone(&counters),
    };
    let receive = Receive::new(stage.store.clone(), setting.rule, counters);
    Process {
        events: Events::new(reading.clone(), receive.clone()),
        receive,
        reconcile: Reconcile::new(reading.clone(), OVERLAP),
        // Small ones, so that a few customers are read side by side.
        backfill: Backfill::new(reading.clone()).in_pieces_of(2),
        census: Census::new(reading, false),
        push: Push::new(pushing),
    }
}
