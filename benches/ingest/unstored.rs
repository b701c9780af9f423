//! The ceiling: the program's own server, which reads, verifies and parses each
//! event as it always does, on a queue whose other end answers at once and stores
//! nothing. A process of its own, as the real one is: this bench, run with
//! [`ROLE`], so that the product needs no such switch.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use squaresync::flows::receive::{Outcome, Queue};
use squaresync::square::signature::{NotificationUrl, SigningKey, Verifier};
use squaresync::store::inbox::State;
use squaresync::store::{Location, Store};
use squaresync::web::{BODY_TIME, Web};
use tempfile::TempDir;

use crate::events::{KEY, URL};

/// The argument that makes this bench the server.
pub(crate) const ROLE: &str = "--store-nothing";

/// Serves until it is killed.
#[expect(clippy::print_stderr, reason = "it says where it listens")]
pub(crate) fn serve() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = TempDir::new().expect("a folder");
        let file = Location::Sqlite(folder.path().join("empty.db"));
        let (queue, mut ticket) = Queue::new();
        let web = Web {
            verifier: Verifier::new(
                NotificationUrl::parse(URL).expect("a URL"),
                vec![SigningKey::parse(KEY).expect("a key")],
            ),
            queue,
            counters: Arc::default(),
            store: Store::open(file).await.expect("a database"),
            square: None,
            body_time: BODY_TIME,
            clock: chrono::Utc::now,
        };
        let bound = web.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let bound = bound.expect("an address");
        eprintln!(r#"{{"address":"{}"}}"#, bound.address());
        let unstored = tokio::spawn(async move {
            while let Some(batch) = ticket.batch().await {
                let kept = batch
                    .deliveries
                    .iter()
                    .map(|_| Ok(Outcome::Kept(State::Applied)));
                let kept = kept.collect();
                batch.answers.send(kept);
            }
        });
        bound.run().await.expect("to serve");
        drop(unstored);
    });
}
