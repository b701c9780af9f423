//! A sender of webhooks that does not forgive: many connections, each repeating
//! its event until that is answered 200, and a ledger of what was sent and
//! answered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use squaresync::square::signature::{NotificationUrl, SigningKey, sign};
use squaresync::square::simulator::Simulator;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::webhooks;
use crate::support::process::{KEY, LONG, NAME, URL, until};
use crate::support::{OtherProgram, TestDb};

/// Connections at a time.
const CONNECTIONS: usize = 12;
/// The least time between two attempts on one connection.
const PACE: Duration = Duration::from_millis(15);

/// What was sent and what came back.
#[derive(Clone, Default)]
pub(super) struct Answers {
    /// Every event that was ever sent.
    sent: BTreeSet<String>,
    /// Those that were answered 200, and when.
    pub(super) kept: BTreeMap<String, Instant>,
    /// How often the answer was to send it again.
    pub(super) later: usize,
    /// Statuses that a genuine event never gets.
    others: Vec<u16>,
}

impl Answers {
    /// The events that were answered 200 and are not in the inbox. Nothing may
    /// be there that was never sent, or twice.
    #[track_caller]
    pub(super) fn lost(&self, db: &TestDb) -> Vec<String> {
        let there = OtherProgram::new(db).values("SELECT event_id AS value FROM inbox");
        let all = there.len();
        let there: BTreeSet<String> = there.into_iter().flatten().collect();
        assert_eq!(there.len(), all, "an event is there twice");
        let unexpected: Vec<_> = there.difference(&self.sent).collect();
        assert!(unexpected.is_empty(), "never sent: {unexpected:?}");
        let kept = self.kept.keys();
        kept.filter(|id| !there.contains(*id)).cloned().collect()
    }
}

/// How long an answer is waited for. A connection that cannot be opened is
/// tried for five seconds, by the batch before as well.
const PATIENCE: Duration = Duration::from_secs(12);

/// Sends until it is told to stop.
pub(super) struct Sender {
    /// Where to; none while nobody listens.
    address: watch::Sender<Option<SocketAddr>>,
    answers: Arc<Mutex<Answers>>,
    connections: Vec<JoinHandle<()>>,
}

impl Sender {
    /// A seller creates and changes customers, and each change is sent.
    pub(super) fn start(square: &Arc<Simulator>) -> Self {
        let (address, _) = watch::channel(None);
        let answers = Arc::new(Mutex::new(Answers::default()));
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let connections = (0..CONNECTIONS)
            .map(|number| {
                tokio::spawn(send(Connection {
                    number,
                    square: Arc::clone(square),
                    client: client.clone(),
                    address: address.subscribe(),
                    answers: Arc::clone(&answers),
                }))
            })
            .collect();
        Self {
            address,
            answers,
            connections,
        }
    }

    /// Where to send from now on.
    pub(super) fn send_to(&self, address: SocketAddr) {
        self.address.send_replace(Some(address));
    }

    /// What is known so far.
    pub(super) fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap()
    }

    /// Waits until so many events were answered 200.
    pub(super) async fn has_sent(&self, count: usize) {
        let told = || format!("{} events were answered", self.answers().kept.len());
        let look = || (count <= self.answers().kept.len()).then_some(());
        until(LONG, told, look).await;
    }

    /// Stops, and gives what became of the events.
    pub(super) async fn stop(self) -> Answers {
        drop(self.address);
        for connection in self.connections {
            connection.await.unwrap();
        }
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        assert_eq!(answers.others, [0; 0], "statuses of genuine events");
        answers
    }
}

struct Connection {
    number: usize,
    square: Arc<Simulator>,
    client: reqwest::Client,
    address: watch::Receiver<Option<SocketAddr>>,
    answers: Arc<Mutex<Answers>>,
}

/// Sends event after event: a customer is created, then changed, then the next one.
async fn send(mut connection: Connection) {
    let mut last: Option<String> = None;
    for round in 0_u32.. {
        let square = &connection.square;
        let name = format!("{NAME} of {} in {round}", connection.number);
        let (kind, id) = match last.take() {
            Some(id) if square.update(&id, &json!({"given_name": name})) => {
                ("customer.updated", id)
            }
            _ => {
                let id = square.create(&json!({"given_name": name}));
                last = Some(id.clone());
                ("customer.created", id)
            }
        };
        let event_id = Uuid::new_v4().to_string();
        let customer = square.customer(&id).unwrap();
        let body = event(square, &event_id, kind, &customer);
        connection
            .answers
            .lock()
            .unwrap()
            .sent
            .insert(event_id.clone());
        if !deliver(&mut connection, &body).await {
            return;
        }
        let answered = (event_id, Instant::now());
        connection.answers.lock().unwrap().kept.extend([answered]);
    }
}

/// Repeats until it is answered 200. False if the sender stops first.
async fn deliver(connection: &mut Connection, body: &str) -> bool {
    let key = SigningKey::parse(KEY).unwrap();
    let signature = sign(&NotificationUrl::parse(URL).unwrap(), &key, body.as_bytes());
    let mut pace = tokio::time::interval(PACE);
    loop {
        pace.tick().await;
        // Nothing changes only while the sender is there.
        if connection.address.has_changed().is_err() {
            return false;
        }
        let Some(address) = *connection.address.borrow_and_update() else {
            continue;
        };
        let request = connection
            .client
            .post(webhooks(address))
            .header("x-square-hmacsha256-signature", &signature)
            .body(body.to_owned());
        let Ok(answer) = request.send().await else {
            continue;
        };
        match answer.status().as_u16() {
            200 => return true,
            503 => connection.answers.lock().unwrap().later += 1,
            other => connection.answers.lock().unwrap().others.push(other),
        }
    }
}

/// An event in Square's words.
pub(super) fn event(square: &Simulator, event_id: &str, kind: &str, customer: &Value) -> String {
    json!({
        "merchant_id": square.merchant_id,
        "type": kind,
        "event_id": event_id,
        "created_at": customer["updated_at"],
        "data": {"type": "customer", "id": customer["id"], "object": {"customer": customer}},
    })
    .to_string()
}
