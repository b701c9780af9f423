//! What one webhook costs on its way in: verified, read, decided about, and
//! committed with its effect, alone and in the company of others, on both
//! databases. `cargo bench --bench receive`.

#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a bench that cannot go on should say where"
)]

#[path = "common/cluster.rs"]
mod cluster;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use serde_json::{Value, json};
use squaresync::domain::field::{Field, Fields};
use squaresync::domain::id::MerchantId;
use squaresync::domain::image::Image;
use squaresync::domain::merge::{Rule, Sides, merge};
use squaresync::domain::observation::{Origin, Shown};
use squaresync::domain::profile::Profile;
use squaresync::flows::receive::{Delivery, Receive};
use squaresync::square::signature::{NotificationUrl, SigningKey, Verified, Verifier, sign};
use squaresync::store::{Store, sellers};
use tokio::runtime::Runtime;

use cluster::{Database, Kind};

const MERCHANT: &str = "BENCHMERCHANT";

fn main() {
    divan::main();
}

/// The `number`th customer, who is new.
fn customer(number: usize, version: i64) -> Value {
    json!({
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
        "version": version,
    })
}

/// The event that tells of this customer.
fn event(number: usize) -> Bytes {
    let customer = customer(number, 0);
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

/// A profile that changed on both sides: folded into its image and merged.
#[divan::bench]
fn decide(bencher: Bencher<'_, '_>) {
    let shown = |version| {
        let profile = Profile::parse(customer(1, version)).expect("a profile");
        Shown::Profile(profile, Origin::Event)
    };
    let (old, new) = (shown(0), shown(1));
    let mut image = Image::default();
    image.observe(&old);
    let base = image.profile.fields();
    let local = base.clone().with(Field::Note, "comes on Tuesdays");
    let edited = BTreeMap::new();

    bencher
        .with_inputs(|| image.clone())
        .bench_local_values(|mut image| {
            black_box(image.observe(&new));
            let remote: Fields = image.profile.fields();
            let sides = Sides {
                base: &base,
                remote: &remote,
                local: &local,
                sent: None,
                remote_at: image.profile.moment("updated_at"),
                local_at: &edited,
            };
            merge(&sides, Rule::Square)
        });
}

/// What is committed: so many events at once, and where.
struct Case(Kind, usize);

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.1, self.0.name())
    }
}

fn cases() -> impl Iterator<Item = Case> {
    let of_kind = |kind| [1, 10, 100].map(|events| Case(kind, events));
    Kind::ALL.into_iter().flat_map(of_kind)
}

/// One commit, into a SQLite file with `synchronous=FULL` or into PostgreSQL with
/// `synchronous_commit=on`.
#[divan::bench(args = cases())]
fn commit(bencher: Bencher<'_, '_>, case: &Case) {
    let Case(kind, events) = *case;
    let runtime = Runtime::new().expect("a runtime");
    let database = Database::new(kind);
    let store = runtime.block_on(Store::open(database.location()));
    let store = store.expect("a database");
    let record = |db: &mut _| {
        let now = chrono::Utc::now();
        sellers::record(db, &MerchantId::new(MERCHANT), "sandbox", now)
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
