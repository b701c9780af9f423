//! The true server on a port of its own, with a signer beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use squaresync::domain::id::MerchantId;
use squaresync::domain::merge::Rule;
use squaresync::flows::counters::Counters;
use squaresync::flows::receive::{Queue, Receive, Ticket};
use squaresync::square::client::Square;
use squaresync::square::signature::{NotificationUrl, SigningKey, Verifier, sign};
use squaresync::store::{Location, Store, sellers};
use squaresync::web::{BODY_TIME, Stop, Web};

use super::sql::Other;
use super::wire::{Answer, ask, request};
use crate::support::{Kind, TestDb};

/// The seller of every fixture.
pub(crate) const SELLER: &str = "MLFIXTURE0001";
pub(crate) const URL: &str = "https://example.com/webhooks/square";
pub(crate) const KEY: &str = "a-key-nobody-may-see";
pub(crate) const OLD_KEY: &str = "an-old-key-nobody-may-see";
pub(crate) const SIGNATURE: &str = "x-square-hmacsha256-signature";
pub(crate) const POST: &str = "POST /webhooks/square";

/// A running server.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) store: Store,
    pub(crate) receive: Receive,
    pub(crate) stop: Stop,
    pub(crate) other: Other,
}

/// A server that knows its seller.
pub(crate) async fn served(db: &TestDb) -> Served {
    let served = Served::new(db, BODY_TIME, None).await;
    served.meet(SELLER).await;
    served
}

impl Served {
    pub(crate) async fn new(db: &TestDb, body_time: Duration, square: Option<Square>) -> Self {
        let (served, _, ticket) = Self::waiting(db, body_time, square).await;
        tokio::spawn(ticket.run(served.receive.clone(), Utc::now));
        served
    }

    /// A server whose deliveries wait in its queue until somebody runs the ticket.
    pub(crate) async fn waiting(
        db: &TestDb,
        body_time: Duration,
        square: Option<Square>,
    ) -> (Self, Queue, Ticket) {
        let url = db.url();
        let location = match db.kind() {
            Kind::Sqlite => Location::Sqlite(url.trim_start_matches("sqlite:").into()),
            Kind::Postgres => Location::Postgres(url),
        };
        let store = Store::open(location).await.unwrap();
        let counters = Arc::new(Counters::default());
        let receive = Receive::new(store.clone(), Rule::Square, Arc::clone(&counters));
        let (queue, ticket) = Queue::new();
        let web = Web {
            verifier: Verifier::new(
                NotificationUrl::parse(URL).unwrap(),
                [KEY, OLD_KEY].map(key).to_vec(),
            ),
            queue: queue.clone(),
            counters,
            store: store.clone(),
            square,
            body_time,
            clock: Utc::now,
        };
        let bound = web.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (address, stop) = (bound.address(), bound.stop());
        tokio::spawn(bound.run());
        let served = Self {
            address,
            store,
            receive,
            stop,
            other: Other::new(db),
        };
        (served, queue, ticket)
    }

    /// Records a seller, as the first contact with Square does.
    pub(crate) async fn meet(&self, merchant: &str) {
        let merchant = MerchantId::new(merchant);
        let record = move |db: &mut _| sellers::record(db, &merchant, "sandbox", Utc::now());
        self.store.write(record).await.unwrap();
    }

    /// Delivers a body as Square does.
    pub(crate) async fn deliver(&self, body: &[u8]) -> Answer {
        self.send(&signed(body)).await
    }

    /// Delivers a body that has to be taken.
    pub(crate) async fn take(&self, body: &[u8]) {
        assert_eq!(self.deliver(body).await.status, 200);
    }

    pub(crate) async fn send(&self, bytes: &[u8]) -> Answer {
        ask(self.address, bytes).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&request(&format!("GET {path}"), &[], b"")).await
    }

    /// The value of one line of the metrics.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").await.body;
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(value)
    }
}

pub(crate) fn key(text: &str) -> SigningKey {
    SigningKey::parse(text).unwrap()
}

/// What Square would sign a body with.
pub(crate) fn signature(body: &[u8]) -> String {
    sign(&NotificationUrl::parse(URL).unwrap(), &key(KEY), body)
}

/// A delivery as Square makes it.
pub(crate) fn signed(body: &[u8]) -> Vec<u8> {
    let headers = [
        (SIGNATURE, signature(body)),
        (
            "x-square-signature",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    request(POST, &headers, body)
}

/// A recorded body.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/webhooks");
    std::fs::read(format!("{folder}/{name}.json")).unwrap()
}
