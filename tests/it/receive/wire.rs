//! HTTP by hand, so that requests can be as wrong as they like.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Lines in lower case, but for the moment.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.iter();
        lines
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .next()
    }

    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer with a head");
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let mut headers: Vec<String> = lines
            .map(str::to_ascii_lowercase)
            .filter(|line| !line.starts_with("date: "))
            .collect();
        // Their order means nothing.
        headers.sort_unstable();
        Self {
            status: status.parse().unwrap(),
            headers,
            body: body.to_owned(),
        }
    }
}

/// A request that ends its connection.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Sends bytes, keeps its own side open, and reads all that comes back.
pub(crate) async fn talk(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough may close before all is written.
    let written = stream.write_all(bytes).await;
    let mut said = Vec::new();
    let mut part = [0; 4096];
    // One that closes with bytes unread resets the connection after its answer.
    while let Ok(length @ 1..) = stream.read(&mut part).await {
        said.extend_from_slice(&part[..length]);
    }
    drop(written);
    String::from_utf8(said).unwrap()
}

/// The one answer to these bytes.
pub(crate) async fn ask(address: SocketAddr, bytes: &[u8]) -> Answer {
    Answer::parse(&talk(address, bytes).await)
}
