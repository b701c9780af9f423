//! `serve`: the service, until it is told to stop.

use crate::cli::DONE;
use crate::cli::stop::Signals;
use crate::config::Settings;
use crate::service::Service;
use crate::square::signature::NotificationUrl;

pub(super) async fn run(settings: Settings) -> anyhow::Result<u8> {
    let mut signals = Signals::listen()?;
    // A database that is long in answering must not keep a signal waiting.
    let service = tokio::select! {
        service = Service::start(&settings) => service?,
        () = signals.asked() => return Ok(DONE),
    };
    let url = settings
        .webhook
        .url
        .as_ref()
        .map(NotificationUrl::as_str)
        .unwrap_or_default();
    tracing::info!(address = %service.address(), notification_url = url, "ready for Square's webhooks");
    service.run(signals.asked()).await?;
    tracing::info!("stopped");
    Ok(DONE)
}
