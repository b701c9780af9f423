//! Health: questions of supervisors in, answers with the least detail that
//! helps out. Live means that the server answers at all; ready, that a commit
//! works now. The promise: no amount of questions keeps the disk busy, and what
//! is wrong at Square does not stop webhooks from being taken.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::square::client::Square;
use crate::store::{Store, sellers};
use crate::web::look::Look;

/// Answers that show that Square was not heard.
const UNHEARD: [&str; 2] = ["timeout", "connection"];

/// Whether a commit works now.
pub(super) struct Readiness {
    store: Store,
    square: Option<Square>,
    look: Look<Vec<sellers::Seller>>,
}

impl Readiness {
    pub(super) fn new(store: Store, square: Option<Square>) -> Self {
        Self {
            store,
            square,
            look: Look::new(),
        }
    }
}

/// How it stands, for the one who asks.
#[derive(Serialize)]
struct Report {
    ready: bool,
    database: &'static str,
    square: String,
    seller: &'static str,
}

/// Answers that the program answers.
pub(super) async fn live() -> HttpResponse {
    super::text(HttpResponse::Ok(), "alive")
}

/// Answers whether webhooks can be taken now.
pub(super) async fn ready(readiness: web::Data<Readiness>) -> HttpResponse {
    let store = readiness.store.clone();
    let sellers = readiness
        .look
        .at(|| async move {
            store.probe().await?;
            store.read(sellers::all).await
        })
        .await;
    let report = Report {
        ready: sellers.is_some(),
        database: if sellers.is_some() {
            "ok"
        } else {
            "no commit works now"
        },
        square: at_square(sellers.as_deref(), readiness.square.as_ref()),
        seller: match sellers.as_deref() {
            None | Some([]) => "unknown",
            Some(_) => "known",
        },
    };
    let mut answer = if report.ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    answer
        .insert_header(("cache-control", "no-store"))
        .json(report)
}

/// How we stand with Square, in words.
fn at_square(sellers: Option<&[sellers::Seller]>, square: Option<&Square>) -> String {
    let recorded = sellers
        .unwrap_or_default()
        .iter()
        .find_map(|seller| seller.refusal.as_ref());
    if let Some((code, since)) = recorded {
        let since = since.format("%Y-%m-%dT%H:%M:%SZ");
        return format!("refused: {code} since {since}");
    }
    if let Some(code) = square.and_then(Square::refusal) {
        return format!("refused: {code}");
    }
    let calls = square.map(Square::calls).unwrap_or_default();
    let mut made = calls.iter().filter(|(_, count)| *count != 0).peekable();
    if made.peek().is_none() {
        "not asked yet".to_owned()
    } else if made.all(|(label, _)| UNHEARD.contains(label)) {
        "never heard".to_owned()
    } else {
        "ok".to_owned()
    }
}
