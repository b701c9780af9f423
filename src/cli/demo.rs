//! `demo`: all of it at work, on an empty machine and with nothing to set up.
//!
//! A simulated Square and the real service, on a throw-away SQLite file and
//! over loopback HTTP; somebody at Square and the shop's own program change
//! customers; each change is told once it has arrived on the other side. The
//! last line says whether both sides agree, and so does the exit code.

mod story;
mod verdict;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::cli::args::DemoArgs;
use crate::cli::demo::story::Story;
use crate::cli::stop::Signals;
use crate::cli::{DONE, DRIFT, FAILED, output};
use crate::config::{self, Settings};
use crate::domain::lookalike::Matching;
use crate::domain::merge::Rule;
use crate::service::Service;
use crate::square::client::AccessToken;
use crate::square::signature::{NotificationUrl, SigningKey};
use crate::square::simulator::{Fault, Faults, Options, Simulator, Webhook};
use crate::store::{Location, Store, shop};

/// What the demo's webhooks are signed for; they are posted to the service's own address.
const NOTIFICATION_URL: &str = "https://demo.example/webhooks/square";
const SIGNATURE_KEY: &str = "demo-signature-key";
/// How many customers Square has at first.
const CUSTOMERS: usize = 25;
/// How long both sides may take to come to rest after the last change.
const REST: Duration = Duration::from_secs(30);

pub(super) async fn run(settings: Settings, args: DemoArgs) -> anyhow::Result<u8> {
    let folder = TempDir::with_prefix("squaresync-demo.")?;
    let file = folder.path().join("demo.db");
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let simulator = Simulator::start(options(seed))?;
    let settings = settings_of(settings, &file, &simulator)?;
    let service = Service::start(&settings).await?;
    let address = service.address();
    simulator.post_to(format!("http://{address}/webhooks/square"));
    output::line(&introduction(
        &simulator,
        address,
        &file.display().to_string(),
    ));
    let (stop_service, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(service.run(async { drop(stopped.await) }));

    let mut signals = Signals::listen()?;
    let told = tokio::select! {
        told = tell(&simulator, &file, &args, seed) => Some(told?),
        () = signals.asked() => None,
    };
    let code = match told {
        Some(true) => DONE,
        Some(false) => DRIFT,
        None => {
            output::line("Stopped before both sides were compared.");
            FAILED
        }
    };
    if args.keep && told.is_some() {
        output::line(&format!(
            "It goes on until Ctrl-C. Try: sqlite3 {} \"{}\"",
            file.display(),
            shop::EXAMPLE
        ));
        signals.asked().await;
    }
    // A service that ended by itself has no need of it.
    stop_service.send(()).unwrap_or_default();
    running.await??;
    simulator.stop().await;
    Ok(code)
}

/// Lets the story happen and tells it. Gives whether both sides agree at its end.
async fn tell(
    simulator: &Simulator,
    file: &Path,
    args: &DemoArgs,
    seed: u64,
) -> anyhow::Result<bool> {
    let mut story = Story::open(file, simulator, seed)?;
    story.wait_for_directory(CUSTOMERS).await?;
    story.play(Duration::from_secs(args.seconds)).await?;
    let store = Store::open(Location::Sqlite(file.to_owned())).await?;
    let verdict = verdict::settled(simulator, &store, REST).await?;
    output::line(&story.summary(args.seconds));
    output::line(&verdict.to_string());
    Ok(verdict.agree())
}

fn options(seed: u64) -> Options {
    let mut faults = Faults::default();
    faults.webhook_delay = Duration::from_millis(800);
    faults.chance(Fault::WebhookDoubled, 0.2);
    faults.chance(Fault::WebhookDelayed, 0.15);
    faults.chance(Fault::LostAnswer, 0.05);
    faults.chance(Fault::InternalError, 0.03);
    Options {
        seed,
        customers: CUSTOMERS,
        index_lag: Duration::from_millis(500),
        webhook: Some(Webhook {
            notification_url: NOTIFICATION_URL.to_owned(),
            post_to: None,
            keys: vec![SIGNATURE_KEY.to_owned()],
        }),
        deliver: true,
        faults,
        ..Options::default()
    }
}

/// The settings of the service, which are the same whatever stands in the environment.
fn settings_of(settings: Settings, file: &Path, simulator: &Simulator) -> anyhow::Result<Settings> {
    let webhook = config::Webhook {
        keys: vec![SigningKey::parse(SIGNATURE_KEY)?],
        url: Some(NotificationUrl::parse(NOTIFICATION_URL)?),
    };
    Ok(Settings {
        database: Location::Sqlite(file.to_owned()),
        environment: config::Environment::Sandbox,
        api_url: simulator.url(),
        access_token: Some(AccessToken::parse(&simulator.token)?),
        webhook,
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        reconcile_every: Duration::from_secs(2),
        overlap: Duration::from_secs(5),
        push_every: Duration::from_millis(200),
        conflicts: Rule::Square,
        push_deletes: false,
        matching: Matching::Off,
        ..settings
    })
}

fn introduction(simulator: &Simulator, address: SocketAddr, file: &str) -> String {
    format!(
        "A simulated Square is at {square}, squaresync at http://{address}, its SQLite file is\n\
         {file}. Customers change on both sides now. Each line is a change that has\n\
         arrived on the other side, and how long it took. Some webhooks are lost, doubled or late on purpose,\n\
         and some of Square's answers are lost.\n",
        square = simulator.url(),
    )
}

/// The time since `began`, as a clock.
fn elapsed(began: Instant) -> String {
    let seconds = began.elapsed().as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}
