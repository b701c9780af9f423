//! squaresync with everything around it: a database, Square as the simulator
//! over real HTTP, and another program on the same table. Tests step the flows
//! and pass time in; nothing runs by itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use squaresync::domain::Timestamp;
use squaresync::domain::lookalike::Matching;
use squaresync::domain::merge::Rule;
use squaresync::flows::Step;
use squaresync::flows::backfill::Backfill;
use squaresync::flows::caught_up::CaughtUp;
use squaresync::flows::census::Census;
use squaresync::flows::counters::Counters;
use squaresync::flows::error::FlowError;
use squaresync::flows::events::Events;
use squaresync::flows::identify::identify;
use squaresync::flows::push::{Push, Pushing};
use squaresync::flows::reading::Reading;
use squaresync::flows::receive::{Delivery, Outcome, Receive};
use squaresync::flows::reconcile::Reconcile;
use squaresync::square::client::{AccessToken, ClientSettings, Square};
use squaresync::square::signature::{NotificationUrl, SigningKey, Verifier};
use squaresync::square::simulator::{Clock, Event, Options, Simulator, Webhook};
use squaresync::store::lease::Holder;
use squaresync::store::{Location, Store};

use super::{Kind, TestDb};

const URL: &str = "https://example.com/webhooks/square";
const KEY: &str = "a-signature-key";

/// How far behind the index stays; tests let it pass by advancing the clock.
pub(crate) const LAG: Duration = Duration::from_secs(2);

/// The flows on one database, as one process has them.
pub(crate) struct App {
    pub(crate) db: TestDb,
    pub(crate) square: Simulator,
    pub(crate) store: Store,
    pub(crate) client: Square,
    pub(crate) receive: Receive,
    pub(crate) events: Events,
    pub(crate) reconcile: Reconcile,
    pub(crate) backfill: Backfill,
    pub(crate) census: Census,
    pub(crate) reading: Reading,
    pub(crate) push: Push,
    pub(crate) counters: Arc<Counters>,
    /// What the pusher works with, to make others.
    pub(crate) pushing: Pushing,
    /// Whether a pass has ended since the process started.
    pub(crate) caught_up: CaughtUp,
    push_deletes: bool,
    rule: Rule,
    /// How many of Square's events were delivered.
    delivered: usize,
}

/// A simulator's options for tests: its clock stands until a test moves it.
pub(crate) fn options() -> Options {
    let start = chrono::DateTime::parse_from_rfc3339("2026-03-02T10:15:30Z").unwrap();
    Options {
        clock: Clock::manual(start.to_utc()),
        index_lag: LAG,
        webhook: Some(Webhook {
            notification_url: URL.to_owned(),
            post_to: None,
            keys: vec![KEY.to_owned()],
        }),
        ..Options::default()
    }
}

/// Where the store finds a test's database.
pub(crate) fn location(db: &TestDb) -> Location {
    match db.kind() {
        Kind::Sqlite => Location::Sqlite(db.url().trim_start_matches("sqlite:").into()),
        Kind::Postgres => Location::Postgres(db.url()),
    }
}

/// A client that does not wait long, and asks again at once after a refusal.
pub(crate) fn client(square: &Simulator) -> Square {
    let token = AccessToken::parse(&square.token).unwrap();
    let settings = ClientSettings {
        authorization_pause: Duration::ZERO,
        // Time stands still until a test moves it.
        is_paced: false,
        total_timeout: Duration::from_secs(5),
        ..ClientSettings::new(square.url(), token)
    };
    Square::new(settings).unwrap()
}

impl App {
    /// With an empty directory, whose seller is known and whose backfill is done.
    pub(crate) async fn new(db: TestDb) -> Self {
        Self::with(db, options(), false).await
    }

    pub(crate) async fn with(db: TestDb, options: Options, push_deletes: bool) -> Self {
        let mut app = Self::unread(db, options, push_deletes).await;
        app.read_all().await;
        app
    }

    /// Like [`with`](Self::with), but nothing of the directory was read yet.
    pub(crate) async fn unread(db: TestDb, options: Options, push_deletes: bool) -> Self {
        let square = Simulator::start(options).unwrap();
        Self::open(db, square, push_deletes, Rule::Square, 0).await
    }

    /// With an empty directory, where this rule decides about conflicts.
    pub(crate) async fn ruled(db: TestDb, rule: Rule) -> Self {
        let square = Simulator::start(options()).unwrap();
        let mut app = Self::open(db, square, false, rule, 0).await;
        app.read_all().await;
        app
    }

    async fn open(
        db: TestDb,
        square: Simulator,
        push_deletes: bool,
        rule: Rule,
        delivered: usize,
    ) -> Self {
        let store = Store::open(location(&db)).await.unwrap();
        let client = client(&square);
        let merchant = identify(&store, &client, "sandbox", square.now()).await;
        let merchant = merchant.unwrap();
        let counters = Arc::new(Counters::default());
        let caught_up = CaughtUp::default();
        let reading = Reading {
            store: store.clone(),
            square: client.clone(),
            merchant: merchant.clone(),
            rule,
            holder: Holder::named("test"),
            counters: Arc::clone(&counters),
            caught_up: caught_up.clone(),
        };
        let pushing = Pushing {
            store: store.clone(),
            square: client.clone(),
            merchant,
            rule,
            push_deletes,
            approved: false,
            matching: Matching::Off,
            caught_up: caught_up.clone(),
            holder: Holder::named("test"),
            counters: Arc::clone(&counters),
        };
        let receive = Receive::new(store.clone(), rule, Arc::clone(&counters));
        Self {
            events: Events::new(reading.clone(), receive.clone()),
            receive,
            counters,
            reconcile: Reconcile::new(reading.clone(), TimeDelta::minutes(5)),
            backfill: Backfill::new(reading.clone()),
            census: Census::new(reading.clone(), false),
            reading,
            push: Push::new(pushing.clone()),
            pushing,
            caught_up,
            db,
            square,
            store,
            client,
            push_deletes,
            rule,
            delivered,
        }
    }

    /// Ends the process without a word and starts another on what is on disk.
    pub(crate) async fn crash(self) -> Self {
        self.again(|_| ()).await
    }

    /// Like [`crash`](Self::crash), with something done to the database before the next start.
    pub(super) async fn again(self, meanwhile: impl FnOnce(&TestDb)) -> Self {
        drop((
            self.receive,
            self.events,
            self.reconcile,
            self.backfill,
            self.census,
            self.reading,
            self.push,
            self.pushing,
            self.store,
            self.client,
        ));
        meanwhile(&self.db);
        Self::open(
            self.db,
            self.square,
            self.push_deletes,
            self.rule,
            self.delivered,
        )
        .await
    }

    /// The same process with another pusher.
    pub(crate) fn pushing(&mut self, change: impl FnOnce(&mut Pushing)) {
        change(&mut self.pushing);
        self.push = Push::new(self.pushing.clone());
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.square.now()
    }

    /// Lets time pass, for Square and for us.
    pub(crate) async fn advance(&self, by: Duration) {
        self.square.advance(by);
        // An answer carries Square's clock to us; one that is lost leaves us behind, which is allowed.
        drop(self.client.token_status().await);
    }

    /// Reads the whole directory.
    pub(crate) async fn read_all(&mut self) {
        self.advance(LAG).await;
        while self.backfill.step(self.now()).await.unwrap() == Step::Worked {}
    }

    /// One whole pass over Square's list of events.
    pub(crate) async fn ask_for_events(&mut self) {
        while self.events.step(self.now()).await.unwrap() == Step::Worked {}
    }

    /// One whole pass of the reconciler, once the index shows everything.
    pub(crate) async fn pass(&mut self) {
        self.advance(LAG).await;
        while self.reconcile.step(self.now()).await.unwrap() == Step::Worked {}
    }

    /// One whole census, once the index shows everything.
    pub(crate) async fn census_all(&mut self) {
        self.advance(LAG).await;
        while self.census.step(self.now()).await.unwrap() == Step::Worked {}
    }

    /// Sends what is owed until nothing is due; time passes for what has to wait.
    pub(crate) async fn push_all(&mut self) {
        for _ in 0..1000 {
            while self.push.step(self.now(), 0.0).await.unwrap() == Step::Worked {}
            if self.other().count("outbox") == 0 {
                return;
            }
            self.advance(Duration::from_secs(1)).await;
        }
        panic!("calls are still owed:\n{}", self.dump());
    }

    /// One step of the pusher.
    pub(crate) async fn push_once(&mut self) -> Result<Step, FlowError> {
        self.push.step(self.now(), 0.0).await
    }

    /// Square's events that were not delivered yet.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        let events = self.square.events().split_off(self.delivered);
        self.delivered += events.len();
        events
    }

    /// Delivers one event as Square signed it.
    pub(crate) async fn deliver(&self, event: &Event) -> Outcome {
        deliver(&self.receive, event, self.now()).await
    }

    /// Delivers every event that was not.
    pub(crate) async fn deliver_all(&mut self) {
        for event in self.events() {
            self.deliver(&event).await;
        }
    }
}

/// Delivers one event as Square signed it, also while another flow is busy.
pub(crate) async fn deliver(receive: &Receive, event: &Event, now: Timestamp) -> Outcome {
    let key = SigningKey::parse(KEY).unwrap();
    let verifier = Verifier::new(NotificationUrl::parse(URL).unwrap(), vec![key]);
    let body = Bytes::copy_from_slice(event.body.as_bytes());
    let verified = verifier
        .verify(&[event.signature.as_bytes()], body)
        .unwrap();
    let taken = receive.take(vec![Delivery::read(&verified)], now).await;
    taken.into_iter().next().unwrap().unwrap()
}
