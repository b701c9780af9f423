//! `verify`: both sides compared, and mended where that is asked for.
//!
//! In come settings; out go a report and the exit code that belongs to it. What
//! keeps it from comparing is part of the report: whether the sides differ could
//! not be told then. Without `--repair` the database is opened in a way in which
//! nothing in it can be changed.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::cli::args::VerifyArgs;
use crate::cli::once::{self, Counted};
use crate::cli::progress::Bar;
use crate::cli::{DONE, DRIFT, UNKNOWN, output};
use crate::config::Settings;
use crate::domain::id::MerchantId;
use crate::flows::Step;
use crate::flows::error::FlowError;
use crate::flows::verify::{Compare, Confirm, Mend, Report, Verdict};
use crate::service::{Flow, Parts, Patience, until_idle};

/// How long what seems to differ may still be on its way: a webhook, or a row being written.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// What a repair found first, and what is left after it.
#[derive(Serialize)]
struct Repaired {
    verdict: Verdict,
    found: Report,
    left: Report,
    /// What the census would not do without a person.
    alarm: Option<String>,
}

pub(super) async fn run(settings: Settings, args: VerifyArgs) -> anyhow::Result<u8> {
    let json = args.report.json;
    let verdict = if args.repair {
        let repaired = Box::pin(repaired(&settings, args.approve)).await;
        output::report(&repaired, json, |repaired| {
            let alarm = repaired.alarm.iter().map(|alarm| format!("{alarm}\n\n"));
            format!(
                "Before the repair:\n{}\n\n{}After the repair:\n{}",
                repaired.found,
                alarm.collect::<String>(),
                repaired.left
            )
        })?;
        repaired.verdict
    } else {
        let report = looked(&settings).await.unwrap_or_else(unknown);
        output::report(&report, json, Report::to_string)?;
        report.verdict
    };
    Ok(match verdict {
        Verdict::Equal => DONE,
        Verdict::Differs => DRIFT,
        Verdict::CouldNotTell => UNKNOWN,
    })
}

/// Compares, and leaves everything as it is.
async fn looked(settings: &Settings) -> anyhow::Result<Report> {
    let parts = Parts::open_to_look(settings).await?;
    let mut asking = Recognising {
        parts: &parts,
        merchant: None,
    };
    drive(&mut asking, "asked").await?;
    let merchant = match asking.merchant {
        Some(merchant) => merchant,
        None => parts.recognise().await?,
    };
    compared(&parts, &merchant).await
}

/// Compares, mends, and compares again.
async fn repaired(settings: &Settings, approve: bool) -> Repaired {
    let opened = async {
        let mut parts = Parts::open(settings).await?;
        parts.approved = approve;
        let merchant = once::identify(&parts).await?;
        let found = compared(&parts, &merchant).await?;
        anyhow::Ok((parts, merchant, found))
    };
    let (parts, merchant, found) = match opened.await {
        Ok(opened) => opened,
        Err(error) => {
            let found = unknown(error);
            return Repaired {
                verdict: found.verdict,
                left: found.clone(),
                found,
                alarm: None,
            };
        }
    };
    let (left, alarm) = match Box::pin(mended(&parts, &merchant, &found)).await {
        Ok(alarm) => (compared(&parts, &merchant).await, alarm),
        Err(error) => (
            Err(error.context("the repair did not get to its end")),
            None,
        ),
    };
    let left = left.unwrap_or_else(unknown);
    Repaired {
        verdict: left.verdict,
        found,
        left,
        alarm,
    }
}

/// Makes both sides the same by the flows that do so every day. The census takes
/// the whole directory in, too. Gives what it would not do without a person.
async fn mended(
    parts: &Parts,
    merchant: &MerchantId,
    found: &Report,
) -> anyhow::Result<Option<String>> {
    once::pull(parts, merchant).await?;
    let mut census = parts.census(merchant);
    drive(&mut census, "customers read").await?;
    drive(
        &mut parts.mend(merchant, found.profiles()),
        "customers asked for",
    )
    .await?;
    once::push(parts, merchant).await?;
    Ok(census.found().alarm.clone())
}

/// Both sides compared: looked at once, and at what seems to differ once more.
async fn compared(parts: &Parts, merchant: &MerchantId) -> anyhow::Result<Report> {
    let mut compare = Compare::new(parts.sides(merchant));
    drive(&mut compare, "customers compared").await?;
    if compare.is_in_doubt() {
        tokio::time::sleep(ON_ITS_WAY).await;
    }
    let mut confirm = compare.confirm().context("nothing was read")?;
    drive(&mut confirm, "customers looked at again").await?;
    Ok(confirm.report().await?)
}

/// Drives a flow to its end, with a bar that counts `what`.
async fn drive<F: Flow + Counted>(flow: &mut F, what: &'static str) -> Result<(), FlowError> {
    let mut bar = Bar::new(what);
    until_idle(flow, Patience::COMMAND, &mut bar).await?;
    bar.finish();
    Ok(())
}

fn unknown(error: anyhow::Error) -> Report {
    Report::unknown(format!("Not compared: {error:#}."))
}

struct Recognising<'a> {
    parts: &'a Parts,
    merchant: Option<MerchantId>,
}

impl Flow for Recognising<'_> {
    async fn step(&mut self) -> Result<Step, FlowError> {
        self.merchant = Some(self.parts.recognise().await?);
        Ok(Step::Idle)
    }
}

impl Counted for Recognising<'_> {
    fn counted(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

impl Counted for Compare {
    fn counted(&self) -> (u64, Option<u64>) {
        (self.progress().read, self.progress().total)
    }
}

impl Counted for Confirm {
    fn counted(&self) -> (u64, Option<u64>) {
        (self.looked(), None)
    }
}

impl Counted for Mend {
    fn counted(&self) -> (u64, Option<u64>) {
        (self.asked(), None)
    }
}
