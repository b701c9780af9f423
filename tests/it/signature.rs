//! What counts as a signature of Square's, and the many things that resemble one.

use bytes::Bytes;
use serde::Deserialize;
use squaresync::square::signature::{BadKey, NotificationUrl, Refusal, SigningKey, Verifier, sign};

const KEY: &str = "Ibxx_5AKakO-3qeNVR61Dw";
const URL: &str = "https://shop.example.com/webhooks/square";
const BODY: &str = r#"{"merchant_id":"MLFIXTURE0001","type":"customer.updated","event_id":"e1"}"#;

#[derive(Deserialize)]
struct Vector {
    name: String,
    key: String,
    url: String,
    body: String,
    signature: String,
    refused: Option<String>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../fixtures/signatures.json")).unwrap()
}

fn key(text: &str) -> SigningKey {
    SigningKey::parse(text).unwrap()
}

fn url(text: &str) -> NotificationUrl {
    NotificationUrl::parse(text).unwrap()
}

fn right() -> String {
    sign(&url(URL), &key(KEY), BODY.as_bytes())
}

/// The refusal of `signatures` for `body`; none when taken.
fn refusal(signatures: &[&[u8]], body: impl Into<Bytes>) -> Option<Refusal> {
    Verifier::new(url(URL), vec![key(KEY)])
        .verify(signatures, body.into())
        .err()
}

#[test]
fn square_s_own_vectors_are_judged_as_square_does() {
    for vector in vectors() {
        let verifier = Verifier::new(url(&vector.url), vec![key(&vector.key)]);
        let body = Bytes::from(vector.body);

        let answer = verifier.verify(&[vector.signature.as_bytes()], body.clone());

        match vector.refused {
            None => assert_eq!(answer.unwrap().body(), &body, "{}", vector.name),
            Some(label) => assert_eq!(answer.unwrap_err().label(), label, "{}", vector.name),
        }
    }
}

#[test]
fn signing_gives_square_s_own_signatures() {
    for vector in vectors().into_iter().filter(|v| v.refused.is_none()) {
        let signature = sign(&url(&vector.url), &key(&vector.key), vector.body.as_bytes());

        assert_eq!(signature, vector.signature, "{}", vector.name);
    }
}

#[test]
fn without_a_signature_nothing_is_taken() {
    assert_eq!(refusal(&[], BODY), Some(Refusal::Missing));
    assert_eq!(refusal(&[b""], BODY), Some(Refusal::Malformed));
}

#[test]
fn no_prefix_of_a_right_signature_is_taken() {
    let right = right();
    for length in 0..right.len() {
        let prefix = &right.as_bytes()[..length];

        assert_eq!(refusal(&[prefix], BODY), Some(Refusal::Malformed));
    }
}

#[test]
fn only_one_spelling_of_a_signature_is_taken() {
    let right = right();
    let bare = right.trim_end_matches('=');
    let spellings = [
        format!("{right},{right}"),
        format!("{right} {right}"),
        format!("{right}{right}"),
        format!(" {right}"),
        format!("{right} "),
        format!("\t{right}"),
        format!("{right}\n"),
        format!("{right}\r\n"),
        format!("\"{right}\""),
        format!("sha256={right}"),
        format!("{right}="),
        format!("{bare}=="),
        bare.to_owned(),
        format!("{bare}%3D"),
        format!("{right}\0"),
        right.to_lowercase(),
        right.to_uppercase(),
        right.replacen(&right[20..24], &format!("{}\n", &right[20..24]), 1),
    ];
    for spelling in spellings {
        assert!(
            refusal(&[spelling.as_bytes()], BODY).is_some(),
            "{spelling:?} was taken"
        );
    }
}

#[test]
fn trailing_bits_and_the_other_alphabet_are_refused() {
    let vector = vectors().remove(0);
    let verifier = Verifier::new(url(&vector.url), vec![key(&vector.key)]);
    let taken = |signature: &str| {
        verifier
            .verify(&[signature.as_bytes()], Bytes::from(vector.body.clone()))
            .is_ok()
    };

    assert!(taken(&vector.signature));
    for end in ["N5=", "N6=", "N7="] {
        assert!(!taken(&vector.signature.replace("N4=", end)), "{end}");
    }
    assert!(!taken(
        &vector.signature.replace('/', "_").replace('+', "-")
    ));
}

#[test]
fn two_signatures_are_refused_whatever_they_are() {
    let right = right();
    let wrong = right.replacen(
        &right[..1],
        if right.starts_with('A') { "B" } else { "A" },
        1,
    );
    for pair in [
        [&right, &right],
        [&right, &wrong],
        [&wrong, &right],
        [&wrong, &wrong],
    ] {
        let values = pair.map(|value| value.as_bytes());

        assert_eq!(refusal(&values, BODY), Some(Refusal::Doubled));
    }
}

/// Every text that differs from `text` in one bit.
fn flips(text: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..text.len() * 8).map(move |bit| {
        let mut flipped = text.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

#[test]
fn one_bit_anywhere_spoils_it() {
    let right = right();
    let signature: &[&[u8]] = &[right.as_bytes()];
    let verify = |u, k| Verifier::new(u, vec![k]).verify(signature, Bytes::from(BODY));
    assert!(verify(url(URL), key(KEY)).is_ok());

    for flipped in flips(BODY.as_bytes()) {
        assert_eq!(refusal(signature, flipped), Some(Refusal::Mismatch));
    }
    for flipped in flips(right.as_bytes()) {
        assert!(refusal(&[&flipped], BODY).is_some());
    }
    for flipped in flips(URL.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        // What is no URL cannot be configured at all.
        if let Ok(other) = NotificationUrl::parse(&flipped) {
            assert_eq!(verify(other, key(KEY)).unwrap_err(), Refusal::Mismatch);
        }
    }
    for flipped in flips(KEY.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        if let Ok(other) = SigningKey::parse(&flipped) {
            assert_eq!(verify(url(URL), other).unwrap_err(), Refusal::Mismatch);
        }
    }
}

#[test]
fn a_url_that_means_the_same_is_another_one() {
    for other in [
        "https://shop.example.com/webhooks/square/",
        "https://shop.example.com:443/webhooks/square",
        "https://SHOP.example.com/webhooks/square",
        "https://shop.example.com/webhooks%2Fsquare",
        "https://shop.example.com/webhooks/square?",
        "https://shop.example.com/webhooks/./square",
    ] {
        let signature = sign(&url(other), &key(KEY), BODY.as_bytes());

        assert_eq!(url(other).as_str(), other);
        assert_eq!(
            refusal(&[signature.as_bytes()], BODY),
            Some(Refusal::Mismatch),
            "{other}"
        );
    }
}

#[test]
fn the_body_counts_byte_for_byte() {
    let right = right();
    for other in [
        format!("{BODY}\n"),
        format!("{BODY}\r\n"),
        format!(" {BODY}"),
        format!("\u{feff}{BODY}"),
        BODY.replace(',', ", "),
        BODY.replace("e1", "\\u0065\\u0031"),
        String::new(),
    ] {
        assert_eq!(refusal(&[right.as_bytes()], other), Some(Refusal::Mismatch));
    }
}

#[test]
fn while_a_key_is_rotated_both_count_and_afterwards_one() {
    let (old, new) = ("the-old-key-of-it", "the-new-key-of-it");
    let taken = |keys: &[&str], signed_with: &str| {
        let keys = keys.iter().map(|text| key(text)).collect();
        let signature = sign(&url(URL), &key(signed_with), BODY.as_bytes());
        Verifier::new(url(URL), keys)
            .verify(&[signature.as_bytes()], Bytes::from(BODY))
            .is_ok()
    };

    assert!(taken(&[old, new], old));
    assert!(taken(&[old, new], new));
    assert!(taken(&[new], new));
    assert!(!taken(&[new], old));
    assert!(!taken(&[], new));
}

#[test]
fn a_key_is_its_characters_not_what_they_encode() {
    for (text, decoded) in [
        ("6162636465666768", "abcdefgh"),
        ("YWJjZGVmZ2g=", "abcdefgh"),
    ] {
        let verifier = Verifier::new(url(URL), vec![key(text)]);
        let signature = sign(&url(URL), &key(decoded), BODY.as_bytes());

        let answer = verifier.verify(&[signature.as_bytes()], Bytes::from(BODY));

        assert_eq!(answer.unwrap_err(), Refusal::Mismatch);
    }
}

#[test]
fn slips_of_the_pen_are_no_keys_and_keys_show_nothing() {
    for slip in ["", " ", "null", "x"] {
        assert_eq!(
            SigningKey::parse(slip).err(),
            Some(BadKey::TooShort),
            "{slip:?}"
        );
    }
    for slip in ["        ", "two words here", "sïgnature"] {
        assert_eq!(
            SigningKey::parse(slip).err(),
            Some(BadKey::OddSign),
            "{slip:?}"
        );
    }
    assert_eq!(format!("{:?}", key(KEY)), "SigningKey(..)");
}
