//! Events that wait together: one commit for all that came in time, and an end
//! to how many may wait.

use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use chrono::Utc;
use squaresync::flows::receive::{Delivery, Overloaded, Queue};
use squaresync::square::signature::Verified;
use squaresync::web::BODY_TIME;

use super::effects::event;
use super::served::{SELLER, Served};
use crate::support::{Kind, TestDb, on_each_database};

on_each_database! {
    what_comes_while_another_write_runs_shares_one_commit,
    a_full_queue_turns_away_and_loses_nothing,
}

/// How far a future comes without waiting.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

fn created(id: &str) -> Delivery {
    let body = event(id, "customer.created", id, 0);
    Delivery::read(&Verified::recorded(Bytes::from(body)))
}

async fn what_comes_while_another_write_runs_shares_one_commit(db: TestDb) {
    let (mut app, queue, ticket) = Served::waiting(&db, BODY_TIME, None).await;
    app.meet(SELLER).await;
    let mut run = pin!(ticket.run(app.receive.clone(), Utc::now));
    let mut others = Vec::new();
    for _ in 0..writers(&db) {
        others.push(app.store.turn().await);
    }
    let mut first = pin!(queue.commit(created("A")));
    assert!(once(first.as_mut()).await.is_pending());
    assert!(once(run.as_mut()).await.is_pending());
    let mut second = pin!(queue.commit(created("B")));
    assert!(once(second.as_mut()).await.is_pending());

    drop(others);
    tokio::select! {
        () = run => panic!("its queue is still there"),
        _ = async { tokio::join!(first, second) } => {}
    }

    assert_eq!(app.other.inbox(), ["customer.created applied"; 2]);
    let commits = app.metric("squaresync_event_commits_total").await;
    assert_eq!(commits, Some(1.0));
}

/// How many may write at a time.
fn writers(db: &TestDb) -> usize {
    match db.kind() {
        Kind::Sqlite => 1,
        Kind::Postgres => 8,
    }
}

async fn a_full_queue_turns_away_and_loses_nothing(db: TestDb) {
    let (mut app, queue, ticket) = Served::waiting(&db, BODY_TIME, None).await;
    app.meet(SELLER).await;
    let waiting = fill(&queue).await;

    let refused = event("late", "customer.created", "L", 0);
    let answer = app.deliver(&refused).await;

    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("1"))
    );
    let label = "squaresync_events_rejected_total{reason=\"overloaded\"}";
    assert_eq!(app.metric(label).await, Some(1.0));

    tokio::spawn(ticket.run(app.receive.clone(), Utc::now));
    for one in waiting {
        assert!(matches!(one.await, Ok(Ok(_))));
    }
    app.take(&refused).await;
    assert_eq!(app.other.inbox(), ["customer.created applied"; 2]);
}

/// Lets deliveries of one event wait until no more may.
async fn fill(queue: &Queue) -> Vec<Pin<Box<impl Future<Output = Answer>>>> {
    let mut waiting = Vec::new();
    loop {
        let mut one = Box::pin(queue.commit(created("A")));
        match once(one.as_mut()).await {
            Poll::Pending => waiting.push(one),
            Poll::Ready(answer) => {
                assert!(matches!(answer, Err(Overloaded)));
                // There may be 1,024 connections, and 256 share a commit.
                assert!(
                    (257..1024).contains(&waiting.len()),
                    "{} may wait",
                    waiting.len()
                );
                return waiting;
            }
        }
    }
}

/// What a delivery comes to.
type Answer =
    Result<squaresync::store::StoreResult<squaresync::flows::receive::Outcome>, Overloaded>;
