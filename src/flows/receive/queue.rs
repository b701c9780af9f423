//! Where deliveries wait for their commit: while one commit runs, the next
//! batch gathers, so many share the cost of one and a lone one waits for none.

use tokio::sync::{mpsc, oneshot};

use crate::domain::Timestamp;
use crate::flows::receive::{Delivery, Outcome, Receive};
use crate::store::{StoreError, StoreResult};

/// How many deliveries may wait. With those that share the commit under way these
/// are fewer than there may be connections, so that others can still be told to
/// come later, and somebody can ask how things stand.
const WAITING: usize = 512;
/// How many share a commit: enough to make its cost small, few enough to keep it short.
const TOGETHER: usize = 256;

type Answer = oneshot::Sender<StoreResult<Outcome>>;

/// The way in, for every worker of the server.
#[derive(Clone, Debug)]
pub struct Queue(mpsc::Sender<(Delivery, Answer)>);

/// The other end of a [`Queue`].
#[derive(Debug)]
pub struct Ticket(mpsc::Receiver<(Delivery, Answer)>);

/// Too many deliveries wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many events wait already")]
pub struct Overloaded;

impl Queue {
    /// A queue and its other end, for [`Ticket::run`].
    pub fn new() -> (Self, Ticket) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Ticket(receiver))
    }

    /// Waits until the delivery is committed, and tells what became of it.
    pub async fn commit(&self, delivery: Delivery) -> Result<StoreResult<Outcome>, Overloaded> {
        let (answer, outcome) = oneshot::channel();
        self.0
            .try_send((delivery, answer))
            .map_err(|_full| Overloaded)?;
        let stopped = || StoreError::Unavailable("the program is stopping".to_owned());
        Ok(outcome.await.unwrap_or_else(|_dropped| Err(stopped())))
    }
}

/// Deliveries that share a commit, and those who wait for their answers.
#[derive(Debug)]
pub struct Batch {
    /// What was delivered.
    pub deliveries: Vec<Delivery>,
    /// Where to say what became of each.
    pub answers: Answers,
}

/// Those who wait for the answers of a [`Batch`].
#[derive(Debug)]
pub struct Answers(Vec<Answer>);

impl Answers {
    /// Tells each what became of its delivery.
    pub fn send(self, outcomes: Vec<StoreResult<Outcome>>) {
        for (answer, outcome) in self.0.into_iter().zip(outcomes) {
            if answer.send(outcome).is_err() {
                tracing::debug!("a sender hung up before its event was committed");
            }
        }
    }
}

impl Ticket {
    /// What waits, as soon as anything does. None once every [`Queue`] is gone
    /// and the last delivery was given.
    pub async fn batch(&mut self) -> Option<Batch> {
        let first = self.0.recv().await?;
        Some(self.batch_of(first))
    }

    /// This one and what waits behind it.
    fn batch_of(&mut self, first: (Delivery, Answer)) -> Batch {
        let behind = std::iter::from_fn(|| self.0.try_recv().ok());
        let together = std::iter::once(first).chain(behind).take(TOGETHER);
        let (deliveries, answers) = together.unzip();
        Batch {
            deliveries,
            answers: Answers(answers),
        }
    }

    /// Commits what waits, batch by batch, until every [`Queue`] is gone and
    /// the last delivery answered. A batch grows until it is its turn to be written.
    pub async fn run(mut self, receive: Receive, clock: impl Fn() -> Timestamp + Send) {
        while let Some(first) = self.0.recv().await {
            let turn = receive.turn().await;
            let batch = self.batch_of(first);
            let outcomes = receive.take_in(turn, batch.deliveries, clock()).await;
            batch.answers.send(outcomes);
        }
    }
}
