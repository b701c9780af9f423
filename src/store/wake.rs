//! PostgreSQL tells at once when an application has changed `customers`; this
//! listens. SQLite cannot tell, so there the pusher looks by itself.
//!
//! In: the notifications that the triggers send at commit. Out: a wake-up. One
//! that is lost, with its connection for one, costs the wait until the next
//! look and nothing else.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tokio::sync::Notify;

use crate::store::Location;

/// How often the connection is asked for what has come in. Asking sends nothing.
const ASK: Duration = Duration::from_millis(50);
/// How long to wait before listening again after the connection broke.
const BROKEN: Duration = Duration::from_secs(2);

/// Gives what wakes whenever an application changes `customers`, for as long as somebody holds it.
pub(super) fn listen(location: &Location) -> Arc<Notify> {
    let wake = Arc::new(Notify::new());
    if let Location::Postgres(url) = location {
        let (url, awaited) = (url.clone(), Arc::downgrade(&wake));
        let listener = thread::Builder::new().name("listen".to_owned());
        if let Err(error) = listener.spawn(move || listen_while(&url, &awaited)) {
            tracing::warn!(%error, "nothing listens for changes; they are looked for instead");
        }
    }
    wake
}

fn listen_while(url: &str, awaited: &Weak<Notify>) {
    while 0 < awaited.strong_count() {
        if let Err(error) = hear(url, awaited) {
            tracing::debug!(%error, "listening for changes was interrupted");
            thread::sleep(BROKEN);
        }
    }
}

/// Listens on one connection until it breaks or nobody waits any more.
fn hear(url: &str, awaited: &Weak<Notify>) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = PgConnection::establish(url)?;
    connection.batch_execute("LISTEN squaresync")?;
    loop {
        let mut heard = false;
        for notification in connection.notifications_iter() {
            notification?;
            heard = true;
        }
        let Some(wake) = awaited.upgrade() else {
            return Ok(());
        };
        if heard {
            wake.notify_one();
        }
        drop(wake);
        thread::sleep(ASK);
    }
}
