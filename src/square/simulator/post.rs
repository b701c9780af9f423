//! Posting events to the subscriber.
//!
//! In come the events that are due, out go HTTP requests; a 2xx within ten
//! seconds is a success and everything else, a redirect included, a failure
//! that is repeated later.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream;
use reqwest::Client;
use reqwest::redirect::Policy;

use super::outgoing::{Ending, Event, Post};
use super::shared::Shared;
use crate::square::tls;

/// How long the subscriber has for an answer.
const LIMIT: Duration = Duration::from_secs(10);
/// How long the deliverer rests when it has looked for due events.
const REST: Duration = Duration::from_millis(10);

/// A client that behaves as Square's deliverer.
pub(super) fn client() -> reqwest::Result<Client> {
    tls::provide();
    Client::builder()
        .timeout(LIMIT)
        .redirect(Policy::none())
        .build()
}

/// Posts everything that is due now, once. Tells how many events that were.
pub(super) async fn post_due(shared: &Shared, client: &Client) -> usize {
    let (posts, at_once) = {
        let mut state = shared.lock();
        (state.claim(usize::MAX), state.options.deliveries_at_once)
    };
    let number = posts.len();
    stream::iter(posts)
        .for_each_concurrent(at_once, |post| settled(shared, client, post))
        .await;
    number
}

/// Posts what becomes due, for ever.
pub(super) async fn run(shared: Arc<Shared>, client: Client) {
    loop {
        let posts = {
            let mut state = shared.lock();
            let at_once = state.options.deliveries_at_once;
            let free = at_once.saturating_sub(state.outgoing.under_way());
            state.claim(free)
        };
        for post in posts {
            let (shared, client) = (Arc::clone(&shared), client.clone());
            actix_web::rt::spawn(async move { settled(&shared, &client, post).await });
        }
        tokio::time::sleep(REST).await;
    }
}

async fn settled(shared: &Shared, client: &Client, post: Post) {
    let first = send(client, &post.address, &post.event);
    let ending = if post.is_doubled {
        // Both are on their way at the same time; one success is enough.
        match join(first, send(client, &post.address, &post.event)).await {
            (Ending::Failed(reason), Ending::Failed(_)) => Ending::Failed(reason),
            _ => Ending::Taken,
        }
    } else {
        first.await
    };
    let mut state = shared.lock();
    let now = state.now();
    state.outgoing.settle(post.number, ending, now);
}

async fn send(client: &Client, address: &str, event: &Event) -> Ending {
    let mut request = client.post(address).body(event.body.to_string());
    for (name, value) in &event.headers {
        request = request.header(*name, value);
    }
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Ending::Taken,
        Ok(_) => Ending::Failed("http_error"),
        Err(error) if error.is_timeout() => Ending::Failed("http_timeout"),
        Err(_) => Ending::Failed("other_error"),
    }
}
