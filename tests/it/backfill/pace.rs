//! One budget for all calls: as many at once as it allows, and a storm of 429 slows
//! the backfill and nobody else.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Request, Response};
use squaresync::domain::budget::Class;
use squaresync::flows::Step;
use squaresync::flows::backfill::Backfill;
use squaresync::flows::reading::Reading;
use squaresync::square::client::{AccessToken, Answering, ClientSettings, Door, Square};
use squaresync::square::error::{Cause, SquareError};
use squaresync::square::simulator::Simulator;
use tokio::time::{Instant, timeout};

use super::trouble;
use crate::support::{TestDb, inside, on_each_database};

on_each_database! {
    as_many_pieces_are_read_side_by_side_as_a_slow_square_needs,
    few_pieces_are_open_where_the_database_is_what_takes_time,
}

/// Counts the calls that are under way to the Square behind it.
#[derive(Debug)]
struct Counted {
    square: Simulator,
    latency: Duration,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Door for Counted {
    fn answer(&self, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(now, Ordering::Relaxed);
            // Even at once it takes others their turn: what can be asked has been asked by then.
            tokio::task::yield_now().await;
            if !self.latency.is_zero() {
                pass(self.latency).await;
            }
            let answer = inside::answered(&self.square, &request);
            self.now.fetch_sub(1, Ordering::Relaxed);
            answer
        })
    }
}

/// Reads a directory of so many customers, in which each call takes so long. Gives how
/// many calls were under way at once at most.
async fn at_once(db: TestDb, customers: usize, latency: Duration) -> usize {
    let mut app = trouble::unread_of(db, customers).await;
    let door = Arc::new(Counted {
        // Another one with the same customers.
        square: Simulator::unserved(trouble::options(customers)),
        latency,
        now: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    door.square.advance(Duration::from_secs(2));
    let counted: Arc<dyn Door> = door.clone();
    let token = AccessToken::parse(&app.square.token).unwrap();
    let settings = ClientSettings {
        is_paced: false,
        ..ClientSettings::new(app.square.url(), token)
    };
    let reading = Reading {
        square: Square::behind(counted, &settings).unwrap(),
        ..app.reading.clone()
    };
    app.backfill = Backfill::new(reading).in_pieces_of(trouble::PIECE);

    while app.backfill.step(app.now()).await.unwrap() == Step::Worked {}

    app.assert_equal();
    door.most.load(Ordering::Relaxed)
}

async fn as_many_pieces_are_read_side_by_side_as_a_slow_square_needs(db: TestDb) {
    let most = at_once(db, 6000, Duration::from_millis(300)).await;

    assert!((10..=24).contains(&most), "{most} at once");
}

/// A crash reads again what is open.
async fn few_pieces_are_open_where_the_database_is_what_takes_time(db: TestDb) {
    let most = at_once(db, 2000, Duration::ZERO).await;

    assert_eq!(most, 4);
}

/// Lets time pass; where it is paused it stands still but for this.
async fn pass(time: Duration) {
    drop(timeout(time, std::future::pending::<()>()).await);
}

/// A Square that takes `limit` calls a second, and answers after a while.
#[derive(Debug)]
struct Narrow {
    limit: Mutex<usize>,
    taken: Mutex<Vec<Instant>>,
    refused: Mutex<Vec<Instant>>,
}

impl Narrow {
    fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: Mutex::new(limit),
            taken: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    fn taken(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    fn refused(&self) -> usize {
        self.refused.lock().unwrap().len()
    }

    fn respond(&self) -> Response {
        let now = Instant::now();
        let mut taken = self.taken.lock().unwrap();
        let recent = taken
            .iter()
            .rev()
            .take_while(|at| now - **at < Duration::from_secs(1));
        let is_taken = recent.count() < *self.limit.lock().unwrap();
        let answer = if is_taken {
            taken.push(now);
            http::Response::builder().status(200)
        } else {
            self.refused.lock().unwrap().push(now);
            http::Response::builder()
                .status(429)
                .header("retry-after", "3")
        };
        let body = if is_taken {
            "{}"
        } else {
            r#"{"errors":[{"category":"RATE_LIMIT_ERROR","code":"RATE_LIMITED"}]}"#
        };
        answer.body(body).unwrap().into()
    }
}

impl Door for Narrow {
    fn answer(&self, _request: Request) -> Answering<'_> {
        let answer: Pin<Box<dyn Future<Output = Option<Response>> + Send>> = Box::pin(async {
            pass(Duration::from_millis(80)).await;
            Some(self.respond())
        });
        answer
    }
}

fn client(door: &Arc<Narrow>) -> Square {
    let token = AccessToken::parse("a-token").unwrap();
    let settings = ClientSettings::new("http://127.0.0.1:9", token);
    let door: Arc<dyn Door> = door.clone();
    Square::behind(door, &settings).unwrap()
}

/// Calls again and again until `end`, and comes back when it is told to.
async fn calls(square: Square, end: Instant) -> Vec<Duration> {
    let mut waits = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        while let Err(SquareError::Retry {
            after,
            cause: Cause::RateLimited,
        }) = square.token_status().await
        {
            pass(after.unwrap_or_default()).await;
        }
        waits.push(began.elapsed());
    }
    waits
}

#[tokio::test(start_paused = true)]
async fn all_classes_share_one_budget_and_the_urgent_go_first() {
    let door = Narrow::new(10);
    let square = client(&door);
    let end = Instant::now() + Duration::from_secs(120);
    let backfill: Vec<_> = (0..24)
        .map(|_| tokio::spawn(calls(square.of_class(Class::Backfill), end)))
        .collect();
    // The limit is known by then.
    pass(Duration::from_secs(30)).await;

    let (taken, refused) = (door.taken(), door.refused());
    let urgent = calls(square.clone(), end).await;

    for call in backfill {
        call.await.unwrap();
    }
    let (taken, refused) = (door.taken() - taken, door.refused() - refused);
    assert!(400 < taken, "{taken} calls were taken");
    assert!(refused * 8 < taken, "{refused} refused, {taken} taken");
    // It waits for its own turn, and for what Square itself asks, but for no other call.
    let mut waits = urgent;
    waits.sort();
    let middle = waits[waits.len() / 2];
    assert!(middle < Duration::from_millis(400), "{middle:?}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_ends_and_all_goes_on() {
    let door = Narrow::new(0);
    let square = client(&door);
    let end = Instant::now() + Duration::from_secs(600);
    let callers: Vec<_> = [Class::Change, Class::Reconcile, Class::Backfill]
        .map(|class| tokio::spawn(calls(square.of_class(class), end)))
        .into_iter()
        .collect();

    pass(Duration::from_secs(300)).await;

    let refused = door.refused.lock().unwrap().clone();
    assert!(
        2 < refused.len() && refused.len() < 60,
        "{} calls",
        refused.len()
    );
    let too_early = |two: &&[Instant]| {
        let apart = two[1] - two[0];
        Duration::from_millis(80) < apart && apart < Duration::from_secs(3)
    };
    assert_eq!(refused.windows(2).find(too_early), None);
    *door.limit.lock().unwrap() = 1000;
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(1000 < door.taken(), "{} calls were taken", door.taken());
}
