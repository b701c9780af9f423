//! `replay`: recorded webhook bodies, taken in as if Square had just sent them,
//! or signed and posted to somebody who takes webhooks.

mod recorded;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;

use crate::cli::args::ReplayArgs;
use crate::cli::replay::recorded::Recorded;
use crate::cli::{DONE, FAILED, output};
use crate::config::Settings;
use crate::flows::receive::{Delivery, Outcome, Receive};
use crate::service::clock;
use crate::square::signature::{NotificationUrl, Verified, sign};
use crate::square::tls;
use crate::store::Store;
use crate::store::inbox::State;

/// How many bodies share a commit.
const TOGETHER: usize = 100;

pub(super) async fn run(settings: Settings, args: ReplayArgs) -> anyhow::Result<u8> {
    let recorded = recorded::read(&args.paths)?;
    match &args.to {
        Some(to) => post(&settings, to, recorded, args.report.json).await,
        None => take(settings, recorded, args.report.json).await,
    }
}

/// What became of the bodies taken in.
#[derive(Debug, Default, Serialize)]
struct Taken {
    events: usize,
    applied: usize,
    superseded: usize,
    ignored: usize,
    known: usize,
    waiting: usize,
    dead: usize,
    /// JSON in the files that is no webhook's body.
    skipped: usize,
}

async fn take(settings: Settings, recorded: Recorded, json: bool) -> anyhow::Result<u8> {
    let store = Store::open(settings.database).await?;
    let receive = Receive::new(store, settings.conflicts, Arc::default());
    let mut taken = Taken {
        events: recorded.bodies.len(),
        skipped: recorded.skipped,
        ..Taken::default()
    };
    for bodies in recorded.bodies.chunks(TOGETHER) {
        let read = |body: &Bytes| Delivery::read(&Verified::recorded(body.clone()));
        for outcome in receive
            .take(bodies.iter().map(read).collect(), clock())
            .await
        {
            *match outcome? {
                Outcome::Kept(State::Applied) => &mut taken.applied,
                Outcome::Kept(State::Superseded) => &mut taken.superseded,
                Outcome::Kept(State::Ignored) => &mut taken.ignored,
                Outcome::Kept(State::Waiting) => &mut taken.waiting,
                Outcome::Kept(State::Dead) => &mut taken.dead,
                Outcome::Again => &mut taken.known,
            } += 1;
        }
    }
    output::report(&taken, json, taken_words)?;
    Ok(DONE)
}

fn taken_words(taken: &Taken) -> String {
    let mut words = format!("{} events:", taken.events);
    for (count, what) in [
        (taken.applied, "applied"),
        (taken.superseded, "told nothing new"),
        (taken.ignored, "not about a customer of this database"),
        (taken.known, "known already"),
        (
            taken.waiting,
            "waiting, since the seller is not known yet: run sync or serve with SQUARE_ACCESS_TOKEN once",
        ),
        (taken.dead, "unreadable, kept as dead"),
    ] {
        if 0 < count {
            words += &format!("\n  {count} {what}");
        }
    }
    if 0 < taken.skipped {
        words += &format!("\n{} other JSON documents were skipped", taken.skipped);
    }
    words
}

/// What the other side said to the bodies posted.
#[derive(Debug, Default, Serialize)]
struct Posted {
    events: usize,
    taken: usize,
    refused: usize,
    skipped: usize,
}

async fn post(
    settings: &Settings,
    to: &NotificationUrl,
    recorded: Recorded,
    json: bool,
) -> anyhow::Result<u8> {
    let Some(key) = settings.webhook.keys.first() else {
        bail!("SQUARE_WEBHOOK_SIGNATURE_KEY is needed")
    };
    let signed = settings.webhook.url.as_ref().unwrap_or(to);
    tls::provide();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()?;
    let mut posted = Posted {
        events: recorded.bodies.len(),
        skipped: recorded.skipped,
        ..Posted::default()
    };
    for body in recorded.bodies {
        let request = client
            .post(to.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("x-square-hmacsha256-signature", sign(signed, key, &body))
            .body(body);
        let status = request
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .context("--to cannot be reached")?
            .status();
        if status.is_success() {
            posted.taken += 1;
        } else {
            output::say(&format!("answered {status}"));
            posted.refused += 1;
        }
    }
    output::report(&posted, json, |posted| {
        format!(
            "{} events posted: {} taken, {} refused",
            posted.events, posted.taken, posted.refused
        )
    })?;
    Ok(if posted.refused == 0 { DONE } else { FAILED })
}
