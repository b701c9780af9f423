//! The service: started, and stopped cleanly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Settings;
use crate::flows::receive::{Queue, Ticket};
use crate::service::loops::{self, Stop, TROUBLE, lasting};
use crate::service::{Parts, clock, trim};
use crate::square::signature::Verifier;
use crate::store::StoreError;
use crate::web::{self, Web};

/// How long everything together may take to end.
const GRACE: Duration = Duration::from_secs(9);

/// A service that is bound to its address and ready to run.
pub struct Service {
    parts: Parts,
    bound: web::Bound,
    ticket: Ticket,
    reconcile_every: Duration,
    push_every: Duration,
}

/// Why a service ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The database is not the seller's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server.
    #[error("the HTTP server ended: {0}")]
    Server(#[from] std::io::Error),
    /// No event can be committed any more, so every webhook would be turned away.
    #[error("the part that commits events ended")]
    Committing,
}

impl Service {
    /// Opens the database and binds the address. Nothing runs yet.
    pub async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let parts = Parts::open(settings).await?;
        let url = settings
            .webhook
            .url
            .clone()
            .context("SQUARE_WEBHOOK_URL is needed")?;
        let (queue, ticket) = Queue::new();
        let web = Web {
            verifier: Verifier::new(url, settings.webhook.keys.clone()),
            queue,
            counters: Arc::clone(&parts.counters),
            store: parts.store.clone(),
            square: Some(parts.square.clone()),
            body_time: web::BODY_TIME,
            clock,
        };
        let bound = web.bind(settings.listen).with_context(|| {
            format!(
                "SQUARESYNC_LISTEN: {} cannot be listened on",
                settings.listen
            )
        })?;
        Ok(Self {
            parts,
            bound,
            ticket,
            reconcile_every: settings.reconcile_every,
            push_every: settings.push_every,
        })
    }

    /// Where it listens; the true port where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.bound.address()
    }

    /// Runs until `stop` is done, then finishes what was begun.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServiceError> {
        let (stopping, stopped) = watch::channel(false);
        let web_stop = self.bound.stop();
        let mut committing = commits(self.ticket, &self.parts);
        let mut serving = tokio::spawn(self.bound.run());
        let trim = tokio::spawn(trim(self.parts.clone(), Stop(stopped.clone())));
        let flows = flows(
            self.parts,
            self.reconcile_every,
            self.push_every,
            Stop(stopped),
        );
        let mut flows = tokio::spawn(flows);
        let mut flows_ended = false;
        tokio::pin!(stop);
        let ended: Result<(), ServiceError> = loop {
            tokio::select! {
                () = &mut stop => break Ok(()),
                server = &mut serving => break server.unwrap_or_else(|error| Err(error.into())).map_err(Into::into),
                _ = &mut committing => break Err(ServiceError::Committing),
                flow = &mut flows, if !flows_ended => {
                    flows_ended = true;
                    match flow {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => break Err(error.into()),
                        Err(panic) => tracing::error!(%panic, "the flows stopped; webhooks are still taken"),
                    }
                }
            }
        };
        tracing::info!("stopping: what was begun is finished");
        stopping.send_replace(true);
        let finish = async {
            // The server first: each delivery it took has its answer, and then nobody holds the queue any more.
            web_stop.gracefully().await;
            end_of(serving).await;
            end_of(committing).await;
            end_of(flows).await;
            end_of(trim).await;
        };
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::warn!(
                "not everything ended in time; what was under way is done again at the next start"
            );
        }
        ended
    }
}

/// Commits events, on a thread that does nothing else. It ends once no server holds the
/// queue any more; a runtime that is to end before must not wait for it.
fn commits(ticket: Ticket, parts: &Parts) -> JoinHandle<()> {
    let commits = ticket.run(parts.receive().on_its_own_thread(), clock);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(commits))
}

/// Waits for the end of a task, which may have been seen already.
async fn end_of<T>(task: JoinHandle<T>) {
    if !task.is_finished() {
        drop(task.await);
    }
}

/// Keeps the inbox small, whether Square answers or not.
async fn trim(parts: Parts, stop: Stop) {
    let part = || trim::keep_small(parts.clone(), stop.clone());
    lasting("trimming the inbox", TROUBLE, stop.clone(), part).await;
}

/// Everything that talks to Square.
async fn flows(
    parts: Parts,
    reconcile_every: Duration,
    push_every: Duration,
    stop: Stop,
) -> Result<(), StoreError> {
    let identify = || loops::identify(parts.clone(), stop.clone());
    let identified = lasting("asking for the seller", TROUBLE, stop.clone(), identify).await;
    let Some(merchant) = identified.transpose()?.flatten() else {
        return Ok(());
    };
    let every = reconcile_every;
    let read = || loops::read(parts.clone(), merchant.clone(), every, stop.clone());
    let push = || loops::push(parts.clone(), merchant.clone(), push_every, stop.clone());
    // Both stop when they are told to, and not when the other one breaks off.
    tokio::join!(
        lasting("reading the directory", TROUBLE, stop.clone(), read),
        lasting("sending rows", TROUBLE, stop.clone(), push),
    );
    Ok(())
}
