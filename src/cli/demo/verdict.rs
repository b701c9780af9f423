//! Whether both sides agree: Square asked by itself, the table read by itself,
//! and compared field by field.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::domain::field::{FIELDS, Fields};
use crate::domain::id::MerchantId;
use crate::domain::profile::Profile;
use crate::square::simulator::Simulator;
use crate::store::customers::{self, SyncState};
use crate::store::{Store, StoreResult, edits, outbox};

/// How often both sides are looked at while they come to rest.
const LOOK: Duration = Duration::from_millis(100);
/// More customers than a demo ever has.
const ALL: i64 = 1_000_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    customers: usize,
    /// What does not agree, each in a line.
    differences: Vec<String>,
}

impl Verdict {
    pub(super) fn agree(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.agree() {
            return write!(
                f,
                "Checked: {} customers, {FIELDS} fields and the version of each, one row for each profile,\n\
                 nothing owed, refused or unsent.\nBoth sides agree.",
                self.customers
            );
        }
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        write!(f, "The sides do NOT agree.")
    }
}

/// Compares both sides until they agree, or `patience` has run out.
pub(super) async fn settled(
    simulator: &Simulator,
    store: &Store,
    patience: Duration,
) -> StoreResult<Verdict> {
    let began = Instant::now();
    loop {
        let verdict = compare(simulator, store).await?;
        if verdict.agree() || patience < began.elapsed() {
            return Ok(verdict);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn compare(simulator: &Simulator, store: &Store) -> StoreResult<Verdict> {
    let merchant = MerchantId::new(simulator.merchant_id.clone());
    let (rows, owed, unnoticed) = store
        .read(move |db| {
            let owed = outbox::backlog(db)?.0;
            Ok((
                customers::live(db, &merchant, "", ALL)?,
                owed,
                edits::any(db, &merchant)?,
            ))
        })
        .await?;
    let mut theirs = profiles(simulator);
    let mut verdict = Verdict {
        customers: theirs.len(),
        differences: Vec::new(),
    };
    for row in rows {
        let square_id = row.square_id.map(|id| id.to_string()).unwrap_or_default();
        match theirs.remove(&square_id) {
            _ if row.sync_state != SyncState::Synced => {
                verdict
                    .differences
                    .push(format!("row {} is {}", row.id, row.sync_state.as_str()));
            }
            None => verdict
                .differences
                .push(format!("row {} is of no profile at Square", row.id)),
            Some((version, fields))
                if row.square.version != Some(version) || row.fields != fields =>
            {
                verdict
                    .differences
                    .push(format!("row {} differs from profile {square_id}", row.id));
            }
            Some(_) => {}
        }
    }
    verdict
        .differences
        .extend(theirs.keys().map(|id| format!("profile {id} has no row")));
    if owed != 0 || unnoticed {
        verdict
            .differences
            .push(format!("{owed} calls are still owed to Square"));
    }
    Ok(verdict)
}

/// Everybody at Square, by id.
fn profiles(simulator: &Simulator) -> BTreeMap<String, (i64, Fields)> {
    let profiles = simulator
        .customers()
        .into_iter()
        .filter_map(|customer| Profile::parse(customer).ok());
    profiles
        .map(|profile| {
            (
                profile.id().to_string(),
                (profile.version(), profile.fields()),
            )
        })
        .collect()
}
