//! A sender of webhooks that does not forgive: many connections, each repeating
//! its event until that is answered 200, and a list of what was.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use squaresync::square::signature::{NotificationUrl, SigningKey, sign};
use squaresync::square::simulator::Simulator;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::webhooks;
use crate::support::process::{KEY, LONG, NAME, URL, until};

/// Connections at a time.
const CONNECTIONS: usize = 12;
/// The least time between two attempts on one connection.
const PACE: Duration = Duration::from_millis(15);

/// Sends until it is told to stop.
pub(super) struct Sender {
    /// Where to; none while nobody listens.
    address: watch::Sender<Option<SocketAddr>>,
    answered: Arc<Mutex<BTreeSet<String>>>,
    connections: Vec<JoinHandle<()>>,
}

impl Sender {
    /// A seller creates and changes customers, and each change is sent.
    pub(super) fn start(square: &Arc<Simulator>) -> Self {
        let (address, _) = watch::channel(None);
        let answered = Arc::new(Mutex::new(BTreeSet::new()));
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let connections = (0..CONNECTIONS)
            .map(|number| {
                tokio::spawn(send(Connection {
                    number,
                    square: Arc::clone(square),
                    client: client.clone(),
                    address: address.subscribe(),
                    answered: Arc::clone(&answered),
                }))
            })
            .collect();
        Self {
            address,
            answered,
            connections,
        }
    }

    /// Where to send from now on.
    pub(super) fn send_to(&self, address: SocketAddr) {
        self.address.send_replace(Some(address));
    }

    /// Waits until so many events were answered 200.
    pub(super) async fn has_sent(&self, count: usize) {
        let sent = || self.answered.lock().unwrap().len();
        let told = || format!("{} events were answered", sent());
        until(LONG, told, || (count <= sent()).then_some(())).await;
    }

    /// Stops, and gives the ids of all events that were answered 200.
    pub(super) async fn stop(self) -> BTreeSet<String> {
        drop(self.address);
        for connection in self.connections {
            connection.await.unwrap();
        }
        std::mem::take(&mut self.answered.lock().unwrap())
    }
}

struct Connection {
    number: usize,
    square: Arc<Simulator>,
    client: reqwest::Client,
    address: watch::Receiver<Option<SocketAddr>>,
    answered: Arc<Mutex<BTreeSet<String>>>,
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
        if !deliver(&mut connection, &body).await {
            return;
        }
        connection.answered.lock().unwrap().insert(event_id);
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
        if request
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 200)
        {
            return true;
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
