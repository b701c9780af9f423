//! A sender of webhooks that costs little: requests made before in, each sent on
//! one of many kept connections as soon as that has its answer; times out. One
//! thread does all of it, so that the other core is the program's.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::common::times::Times;

/// What a load came to.
pub(crate) struct Load {
    pub(crate) events: usize,
    pub(crate) time: Duration,
    pub(crate) times: Times,
}

impl Load {
    /// Events in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.events as f64 / self.time.as_secs_f64()
    }
}

/// Sends all requests on so many connections.
pub(crate) fn drive(address: SocketAddr, connections: usize, requests: Vec<Vec<u8>>) -> Load {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let events = requests.len();
    let requests = Rc::new(RefCell::new(requests.into_iter()));
    runtime
        .expect("a runtime")
        .block_on(LocalSet::new().run_until(async move {
            let mut streams = Vec::new();
            for _ in 0..connections {
                let stream = TcpStream::connect(address).await.expect("a connection");
                stream.set_nodelay(true).expect("no delay");
                streams.push(stream);
            }
            let began = Instant::now();
            let sending: Vec<_> = streams
                .into_iter()
                .map(|stream| tokio::task::spawn_local(send(stream, Rc::clone(&requests))))
                .collect();
            let mut times = Times::default();
            for one in sending {
                times.join(one.await.expect("its times"));
            }
            let time = began.elapsed();
            assert_eq!(times.count(), events, "every event is answered");
            Load {
                events,
                time,
                times,
            }
        }))
}

async fn send(
    mut stream: TcpStream,
    requests: Rc<RefCell<impl Iterator<Item = Vec<u8>>>>,
) -> Times {
    let mut times = Times::default();
    let mut answer = Vec::with_capacity(1024);
    loop {
        let Some(request) = requests.borrow_mut().next() else {
            return times;
        };
        let began = Instant::now();
        stream.write_all(&request).await.expect("to send");
        answer.clear();
        while !is_whole(&answer) {
            let read = stream.read_buf(&mut answer).await.expect("an answer");
            assert!(0 < read, "the connection was closed");
        }
        times.add(began.elapsed());
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }
}

/// Whether an answer, whose body is one line, is here to its end.
fn is_whole(answer: &[u8]) -> bool {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    end.is_some_and(|end| end + 4 < answer.len() && answer.ends_with(b"\n"))
}
