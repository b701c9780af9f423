//! What happens to an event that is not taken.

use std::time::Duration;

use serde_json::json;
use squaresync::square::simulator::Options;

use super::support::{Receiver, Square, options};

#[tokio::test]
async fn an_event_is_repeated_after_each_wait_and_then_given_up() {
    let square = Square::new();
    let receiver = Receiver::start();
    receiver.answer(302);
    square.simulator.post_to(receiver.url());
    square.simulator.create(&json!({ "given_name": "Ann" }));
    assert_eq!(square.simulator.deliver_due().await, 1);

    for (number, minutes) in [1, 2, 4, 8, 16, 32, 60, 120, 240, 480, 480]
        .into_iter()
        .enumerate()
    {
        square
            .simulator
            .advance(Duration::from_secs(60 * minutes - 1));
        assert_eq!(square.simulator.deliver_due().await, 0, "retry {number}");
        square.simulator.advance(Duration::from_secs(1));
        assert_eq!(square.simulator.deliver_due().await, 1, "retry {number}");
    }

    assert_eq!(square.simulator.outstanding(), 0);
    let seen = receiver.seen();
    assert_eq!(seen.len(), 12);
    for (number, request) in seen.iter().enumerate().skip(1) {
        let text = number.to_string();
        assert_eq!(request.header("square-retry-number"), Some(text.as_str()));
        assert_eq!(request.header("square-retry-reason"), Some("http_error"));
        let first = request.header("square-initial-delivery-timestamp");
        assert_eq!(first, Some("2026-03-02T10:15:30Z"));
        assert_eq!(request.body, seen[0].body);
        let signature = "x-square-hmacsha256-signature";
        assert_eq!(request.header(signature), seen[0].header(signature));
    }
}

#[tokio::test]
async fn one_success_ends_the_repeating() {
    let square = Square::with(Options {
        retry_scale: 0.5,
        ..options()
    });
    square.simulator.post_to("http://127.0.0.1:9/");
    square.simulator.create(&json!({ "given_name": "Ann" }));
    square.simulator.deliver_due().await;
    assert_eq!(square.simulator.outstanding(), 1);

    let receiver = Receiver::start();
    square.simulator.post_to(receiver.url());
    square.simulator.advance(Duration::from_secs(30));
    assert_eq!(square.simulator.deliver_due().await, 1);

    assert_eq!(square.simulator.outstanding(), 0);
    let reason = receiver.seen()[0]
        .header("square-retry-reason")
        .unwrap()
        .to_owned();
    assert_eq!(reason, "other_error");
}

#[tokio::test]
async fn events_go_out_by_themselves_if_the_options_say_so() {
    let receiver = Receiver::start();
    let square = Square::with(Options {
        deliver: true,
        ..options()
    });
    square.simulator.post_to(receiver.url());

    for _ in 0..40 {
        square.simulator.create(&json!({ "given_name": "Ann" }));
    }

    while 0 < square.simulator.outstanding() {
        tokio::task::yield_now().await;
    }
    assert_eq!(receiver.seen().len(), 40);
}
