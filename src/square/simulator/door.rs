//! The seller's door: what no API of Square offers, for people who use the
//! simulator by hand. No token; only callers on this machine.
//!
//! `POST /simulator/merge {"customer_ids":["..",".."]}` merges profiles,
//! `GET /simulator/state` tells what there is and what happened.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::merge;
use super::shared::Shared;

/// The profiles to merge.
#[derive(Debug, Deserialize)]
pub(super) struct Merge {
    customer_ids: Vec<String>,
}

pub(super) async fn merge(
    request: HttpRequest,
    body: web::Json<Merge>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    if !is_local(&request) {
        return HttpResponse::Forbidden().finish();
    }
    match merge::merge(&mut shared.lock(), &body.customer_ids) {
        Some(id) => HttpResponse::Ok().json(json!({ "customer_id": id })),
        None => HttpResponse::BadRequest().json(json!({
            "error": "at least two customers that are there are needed",
        })),
    }
}

pub(super) async fn state(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    if !is_local(&request) {
        return HttpResponse::Forbidden().finish();
    }
    let state = shared.lock();
    let fired: BTreeMap<String, u64> = state
        .faults
        .all_fired()
        .into_iter()
        .map(|(fault, times)| (fault.name(), times))
        .collect();
    let [reads, writes] = state.asked;
    let report: Value = json!({
        "merchant_id": state.options.merchant_id,
        "customers": state.directory.live(),
        "aliases": state.aliases.len(),
        "changes": state.commits,
        "calls": state.calls.len(),
        "reads": reads,
        "writes": writes,
        "events": state.outgoing.emitted(),
        "outstanding": state.outgoing.outstanding(),
        "fired": fired,
    });
    HttpResponse::Ok().json(report)
}

fn is_local(request: &HttpRequest) -> bool {
    request
        .peer_addr()
        .is_some_and(|peer| peer.ip().is_loopback())
}
