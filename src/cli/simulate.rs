//! `simulate`: a local Square, until it is told to stop.

use anyhow::Context;

use crate::cli::args::simulate::{FaultArgs, SimulateArgs};
use crate::cli::{DONE, output, stop};
use crate::config::Settings;
use crate::square::simulator::{Fault, Faults, Options, Simulator, Webhook};

/// What signs webhooks where no key is set.
use crate::cli::args::simulate::DEFAULT_SIGNATURE_KEY;

pub(super) async fn run(settings: Settings, args: SimulateArgs) -> anyhow::Result<u8> {
    let listen = args
        .listen()
        .map_err(|complaint| anyhow::anyhow!("--listen {complaint}"))?;
    let keys = signature_keys(&settings);
    let webhook = args.webhook_url.as_ref().map(|url| Webhook {
        notification_url: url.clone(),
        post_to: Some(url.clone()),
        keys,
    });
    let defaults = Options::default();
    let options = Options {
        listen,
        token: args.token.clone(),
        merchant_id: args.merchant_id.clone(),
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..)),
        customers: usize::try_from(args.customers)?,
        index_lag: args.faults.index_lag.unwrap_or(defaults.index_lag),
        events_enabled: args.events,
        deliver: webhook.is_some(),
        webhook,
        faults: faults(&args.faults),
        // Nobody reads the ledger here, and it would grow for ever.
        keep_calls: false,
        ..defaults
    };
    let simulator =
        Simulator::start(options).with_context(|| format!("{listen} cannot be listened on"))?;
    output::line(&format!(
        "A simulated Square is at {url} with {customers} customers. To let squaresync talk to it:\n\
         export SQUARE_API_URL={url} SQUARE_ACCESS_TOKEN={token}",
        url = simulator.url(),
        customers = simulator.len(),
        token = args.token,
    ));
    if let Some(url) = &args.webhook_url {
        output::line(&format!(
            "export SQUARE_WEBHOOK_URL={url} SQUARE_WEBHOOK_SIGNATURE_KEY={}",
            told_key(&settings)
        ));
    }
    stop::asked().await?;
    simulator.stop().await;
    Ok(DONE)
}

/// The keys to sign with, the first one first.
fn signature_keys(settings: &Settings) -> Vec<String> {
    let mut keys: Vec<String> = settings
        .webhook
        .keys
        .iter()
        .map(|key| key.expose().to_owned())
        .collect();
    if keys.is_empty() {
        keys.push(DEFAULT_SIGNATURE_KEY.to_owned());
    }
    keys
}

/// How the key is told: the default one is no secret, any other is.
fn told_key(settings: &Settings) -> &'static str {
    if settings.webhook.keys.is_empty() {
        DEFAULT_SIGNATURE_KEY
    } else {
        "(as it is set here)"
    }
}

fn faults(args: &FaultArgs) -> Faults {
    let mut faults = Faults::default();
    faults.latency = args.latency.unwrap_or_default();
    for (fault, chance) in [
        (Fault::RateLimited, args.rate_limited),
        (Fault::InternalError, args.internal_errors),
        (Fault::LostAnswer, args.answers_lost),
        (Fault::Reset, args.resets),
        (Fault::WebhookDropped, args.webhooks_dropped),
        (Fault::WebhookDoubled, args.webhooks_doubled),
        (
            Fault::WebhookReordered,
            if args.webhooks_reordered { 0.5 } else { 0.0 },
        ),
        (
            Fault::WebhookDelayed,
            if args.webhooks_delayed.is_some() {
                1.0
            } else {
                0.0
            },
        ),
    ] {
        faults.chance(fault, chance);
    }
    faults.webhook_delay = args.webhooks_delayed.unwrap_or_default();
    faults
}
