//! The way over real sockets, for the smaller share of the stories: the true
//! server takes the webhooks, and the client speaks HTTP to the simulator.

use std::sync::Arc;

use squaresync::flows::counters::Counters;
use squaresync::flows::receive::{Queue, Receive};
use squaresync::square::signature::Verifier;
use squaresync::store::Store;
use squaresync::web::{BODY_TIME, Stop, Web};

/// A running server, and somebody who posts to it.
pub(super) struct Wire {
    address: String,
    stop: Stop,
    client: reqwest::Client,
}

impl Wire {
    pub(super) fn start(store: &Store, receive: &Receive, verifier: Verifier) -> Self {
        let (queue, ticket) = Queue::new();
        tokio::spawn(ticket.run(receive.clone(), chrono::Utc::now));
        let web = Web {
            verifier,
            queue,
            counters: Arc::new(Counters::default()),
            store: store.clone(),
            square: None,
            body_time: BODY_TIME,
            clock: chrono::Utc::now,
        };
        let bound = web.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = format!("http://{}/webhooks/square", bound.address());
        let stop = bound.stop();
        tokio::spawn(bound.run());
        Self {
            address,
            stop,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Posts a body. Gives whether it was acked.
    pub(super) async fn post(&self, body: &str, signatures: &[&[u8]]) -> bool {
        let mut request = self.client.post(&self.address).body(body.to_owned());
        for signature in signatures {
            request = request.header("x-square-hmacsha256-signature", *signature);
        }
        request
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
    }

    pub(super) async fn stop(self) {
        self.stop.gracefully().await;
    }
}
