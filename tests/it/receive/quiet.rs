//! What must not be said: secrets and people are in no answer and no log.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::effects::event;
use super::served::{KEY, OLD_KEY, POST, Served, fixture, served, signature};
use super::wire::{Answer, request};
use crate::support::{Kind, TestDb, on_each_database};

on_each_database! { secrets_and_people_are_in_no_answer_and_no_log }

/// All that was logged since the first test that asks.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn secrets_and_people_are_in_no_answer_and_no_log(db: TestDb) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(|| Log)
        .finish();
    // The test on the other database may have been first.
    tracing::subscriber::set_global_default(subscriber).ok();
    let mut app = served(&db).await;
    let body = fixture("customer.updated");
    let said = provoked(&mut app, &db).await;

    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let log = String::from_utf8_lossy(&log).into_owned();
    assert!(log.contains("webhooks were refused"), "{log}");
    let statuses: Vec<u16> = said.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses[..5], [200, 200, 200, 403, 503]);
    let said = format!("{said:?}{log}");
    let url_password = db.url();
    for secret in [
        KEY,
        OLD_KEY,
        &signature(&body),
        "ann@example.com",
        "2125550101",
        "First Street",
        "Canary 0",
        "Canary 1",
        "\"Canary",
        &url_password,
    ] {
        let place = said.find(secret);
        let near = place.map(|at| &said[at.saturating_sub(200)..at]);
        assert!(near.is_none(), "{secret} after {near:?}");
    }
}

/// The answers to all that could make the program say too much.
async fn provoked(app: &mut Served, db: &TestDb) -> Vec<Answer> {
    let body = fixture("customer.updated");
    let mut said = Vec::new();
    said.push(app.deliver(&body).await);
    said.push(
        app.deliver(&event("e", "customer.created", "Canary", 0))
            .await,
    );
    said.push(app.deliver(b"{\"given_name\":\"Canary").await);
    said.push(app.send(&request(POST, &[], &body)).await);
    app.other.run(match db.kind() {
        Kind::Sqlite => "BEGIN IMMEDIATE",
        Kind::Postgres => "BEGIN; LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE",
    });
    said.push(app.deliver(&fixture("customer.deleted")).await);
    app.other.run("ROLLBACK; DROP TABLE changes");
    said.push(
        app.deliver(&event("f", "customer.updated", "Canary", 1))
            .await,
    );
    for path in ["/", "/health/ready", "/metrics", "/x"] {
        said.push(app.get(path).await);
    }
    said
}
