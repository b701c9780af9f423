//! What one webhook costs on its way in: verified, read, and committed with its
//! effect, alone and in the company of others. `cargo bench --bench receive`.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot go on should say where"
)]

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use serde_json::json;
use squaresync::domain::id::MerchantId;
use squaresync::domain::merge::Rule;
use squaresync::flows::receive::{Delivery, Receive};
use squaresync::square::signature::{NotificationUrl, SigningKey, Verified, Verifier, sign};
use squaresync::store::{Location, Store, sellers};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const MERCHANT: &str = "BENCHMERCHANT";

fn main() {
    divan::main();
}

/// The `number`th event: a customer who is new.
fn event(number: usize) -> Bytes {
    let customer = json!({
        "id": format!("CUSTOMER{number:018}"),
        "created_at": "2026-03-02T10:15:30.400Z",
        "updated_at": "2026-03-02T10:15:30Z",
        "given_name": "Ann",
        "family_name": format!("Number {number}"),
        "email_address": format!("ann.{number}@example.com"),
        "phone_number": "+12125554240",
        "address": {"address_line_1": "1 High Street", "locality": "Oakland", "postal_code": "94608"},
        "preferences": {"email_unsubscribed": false},
        "creation_source": "DIRECTORY",
        "version": 0,
    });
    let event = json!({
        "merchant_id": MERCHANT,
        "type": "customer.created",
        "event_id": format!("00000000-0000-0000-0000-{number:012}"),
        "created_at": "2026-03-02T10:15:31Z",
        "data": {"type": "customer", "id": customer.get("id"), "object": {"customer": customer}},
    });
    Bytes::from(event.to_string())
}

#[divan::bench]
fn verify(bencher: Bencher<'_, '_>) {
    let url = NotificationUrl::parse("https://example.com/webhooks/square").expect("a URL");
    let key = SigningKey::parse("a-signature-key").expect("a key");
    let body = event(1);
    let signature = sign(&url, &key, &body);
    let verifier = Verifier::new(url, vec![key]);

    bencher.bench(|| verifier.verify(&[signature.as_bytes()], body.clone()));
}

#[divan::bench]
fn read(bencher: Bencher<'_, '_>) {
    let verified = Verified::recorded(event(1));

    bencher.bench(|| Delivery::read(&verified));
}

/// One commit with this many events, into a SQLite file with `synchronous=FULL`.
#[divan::bench(args = [1, 10, 100])]
fn commit(bencher: Bencher<'_, '_>, events: usize) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = TempDir::new().expect("a folder");
    let file = Location::Sqlite(folder.path().join("bench.db"));
    let store = runtime.block_on(Store::open(file)).expect("a database");
    let record = |db: &mut _| {
        sellers::record(
            db,
            &MerchantId::new(MERCHANT),
            "sandbox",
            chrono::Utc::now(),
        )
    };
    runtime.block_on(store.write(record)).expect("a seller");
    let receive = Receive::new(store, Rule::Square, Arc::default());
    let next = Cell::new(0);

    bencher
        .counter(ItemsCount::new(events))
        .with_inputs(|| {
            let first = next.replace(next.get() + events);
            let read = |number| Delivery::read(&Verified::recorded(event(number)));
            (first..first + events).map(read).collect::<Vec<_>>()
        })
        .bench_local_values(|deliveries| {
            let outcomes = runtime.block_on(receive.take(deliveries, chrono::Utc::now()));
            assert!(
                outcomes.iter().all(Result::is_ok),
                "an event was not committed"
            );
        });
}
