//! Deletions and merges at Square that nobody announced are found; and nobody
//! is taken for deleted because a list or an answer was not whole.

mod answers;
mod approval;
mod found;
mod lists;

use serde_json::json;
use squaresync::flows::census::Census;
use squaresync::square::simulator::Fault;
use squaresync::store::{alarms, marks};

use crate::support::App;

/// Customers at Square, known here, of whom no webhook is on its way.
async fn many(app: &mut App, customers: usize) -> Vec<String> {
    let ids = (0..customers)
        .map(|number| {
            app.square
                .create(&json!({"given_name": format!("C{number}")}))
        })
        .collect();
    app.read_all().await;
    aged(app).await;
    ids
}

/// Lets what was made grow so old that Square's list should show it.
async fn aged(app: &App) {
    app.advance(std::time::Duration::from_secs(15 * 60)).await;
}

/// Forgets the webhooks that are on their way.
fn drop_webhooks(app: &mut App) {
    assert_ne!(app.events().len(), 0);
}

/// Whoever is held for gone, and why.
fn gone(app: &App) -> Vec<String> {
    let mut gone = app.other().values(
        "SELECT square_id || ' ' || tombstone_cause AS value FROM images WHERE tombstone_cause IS NOT NULL",
    );
    gone.sort();
    gone.into_iter().flatten().collect()
}

fn alarm(app: &App) -> Option<String> {
    let mut all = app.other().values(&format!(
        "SELECT detail AS value FROM alarms WHERE name = '{}'",
        alarms::CENSUS
    ));
    all.pop().flatten()
}

/// When the last census began that ended well.
fn mark(app: &App) -> Option<String> {
    let mut all = app.other().values(&format!(
        "SELECT CAST(reached_at AS TEXT) AS value FROM marks WHERE name = '{}'",
        marks::CENSUS
    ));
    all.pop().flatten()
}

/// A census that a person approved.
async fn approved(app: &mut App) {
    app.census = Census::new(app.reading.clone(), true);
    app.census_all().await;
}

fn bulk_retrieves(app: &App) -> usize {
    let calls = app.square.calls();
    let asked = calls
        .iter()
        .filter(|call| call.path.ends_with("/bulk-retrieve"));
    asked.count()
}

/// Fails unless the fault did fire.
#[track_caller]
fn assert_fired(app: &App, fault: Fault) {
    assert_ne!(app.square.fired(fault), 0, "{fault} did not fire");
}
