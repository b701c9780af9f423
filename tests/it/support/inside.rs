//! Square as the simulator, asked without a socket.

use reqwest::{Request, Response};
use squaresync::square::simulator::{self, Simulator};

/// What it answers; none where the connection is closed instead.
pub(crate) fn answered(square: &Simulator, request: &Request) -> Option<Response> {
    let body = request.body().and_then(|body| body.as_bytes());
    let body = String::from_utf8(body.unwrap_or_default().to_vec()).unwrap();
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let answered = square.answer(simulator::Request {
        method: request.method().as_str(),
        path: request.url().path(),
        query: request.url().query().unwrap_or_default(),
        authorization: header("authorization"),
        square_version: header("square-version"),
        body: &body,
    })?;
    let mut response = http::Response::builder()
        .status(answered.status)
        .header("content-type", answered.content_type)
        .header("date", answered.date);
    if let Some(seconds) = answered.retry_after {
        response = response.header("retry-after", seconds);
    }
    Some(response.body(answered.body).unwrap().into())
}
