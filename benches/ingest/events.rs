//! The events that are sent: numbers in; whole HTTP requests out, signed before
//! the clock starts. Ids are as scattered as Square's own.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use fastrand::Rng;
use squaresync::square::signature::{NotificationUrl, SigningKey, sign};

/// The seller of every simulator.
pub(crate) const SELLER: &str = "SIMULATEDSELLER";
/// Where Square is said to post to.
pub(crate) const URL: &str = "https://example.com/webhooks/square";
/// What it signs with.
pub(crate) const KEY: &str = "a-key-of-22-characters";

/// Makes events; of two that show the same customer the later one shows a later version.
pub(crate) struct Events {
    next: u64,
    /// How many customers are there already: three of four events are about one of them.
    existing: u64,
    random: Rng,
}

impl Events {
    /// All about customers who are new.
    pub(crate) fn new() -> Self {
        Self::about(0)
    }

    /// Most about these many customers.
    pub(crate) fn about(existing: u64) -> Self {
        Self {
            next: 1,
            existing,
            random: Rng::with_seed(7),
        }
    }

    /// The next body.
    pub(crate) fn body(&mut self) -> String {
        let number = self.next;
        self.next += 1;
        let (kind, id) = if 0 < self.existing && !number.is_multiple_of(4) {
            let existing = self.random.u64(0..self.existing);
            ("customer.updated", existing_id(existing))
        } else {
            ("customer.created", self.id(26))
        };
        let event_id = self.id(32).to_lowercase();
        let made = made(number);
        format!(
            r#"{{"merchant_id":"{SELLER}","type":"{kind}","event_id":"{event_id}","created_at":"2026-03-02T10:15:31.123Z","data":{{"type":"customer","id":"{id}","object":{{"customer":{{"address":{{"address_line_1":"{number} High Street","address_line_2":"Flat 7","administrative_district_level_1":"CA","country":"US","locality":"Oakland","postal_code":"94608"}},"birthday":"1990-04-17","created_at":"{made}","creation_source":"DIRECTORY","email_address":"ann.{number}@example.com","family_name":"Number {number}","given_name":"Ann","group_ids":["J1N2VWDHFT4W2.REACHABLE","gv2:VWG4XZXQCX7WH5QZ3VFJ4HHK58"],"id":"{id}","note":"comes on Tuesdays","phone_number":"+1 212 555 4240","preferences":{{"email_unsubscribed":false}},"updated_at":"2026-03-02T10:15:31Z","version":{number}}}}}}}}}"#
        )
    }

    /// The next `count` requests.
    pub(crate) fn requests(&mut self, count: usize) -> Vec<Vec<u8>> {
        let url = NotificationUrl::parse(URL).expect("a URL");
        let key = SigningKey::parse(KEY).expect("a key");
        let request = |body: String| {
            let signature = sign(&url, &key, body.as_bytes());
            format!(
                "POST /webhooks/square HTTP/1.1\r\nhost: example.com\r\nuser-agent: Square Connect v2\r\n\
                 content-type: application/json\r\nx-square-hmacsha256-signature: {signature}\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        (0..count).map(|_| request(self.body())).collect()
    }

    fn id(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| char::from_digit(self.random.u32(0..36), 36).unwrap_or('0'))
            .map(|sign| sign.to_ascii_uppercase())
            .collect()
    }
}

/// When the profile of an event came to be: a thousand come in a second.
fn made(number: u64) -> String {
    let seconds = i64::try_from(number / 1000).unwrap_or_default();
    let made = DateTime::UNIX_EPOCH + TimeDelta::seconds(1_772_446_530 + seconds);
    made.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The profile of a customer who is there already, as `large.rs` makes them.
pub(crate) fn existing_id(number: u64) -> String {
    let mut id = String::new();
    // The same scattering as in SQL; writing to a text cannot fail.
    write!(id, "SQ{:012}", number * 2_654_435_761 % 4_294_967_296).ok();
    id
}
