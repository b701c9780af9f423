//! Square without a socket in between, for a program that holds the other side
//! in its own memory: requests in, answers out, whatever stands behind. The
//! promise is HTTP's and no better: an answer may never come.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::{Client, Request, Response};

use crate::square::error::{Cause, SquareError};

/// The answer on its way; none when the connection broke.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Option<Response>> + Send + 'a>>;

/// What takes requests in place of a socket.
pub trait Door: fmt::Debug + Send + Sync {
    /// Takes a request and answers it, or not.
    fn answer(&self, request: Request) -> Answering<'_>;
}

/// What carries requests.
#[derive(Clone, Debug)]
pub(super) enum Carrier {
    Socket(Client),
    Door(Arc<dyn Door>),
}

impl Carrier {
    /// Carries one request. A failure tells nothing of what became of it.
    pub(super) async fn carry(&self, request: Request) -> Result<Response, SquareError> {
        match self {
            Self::Socket(client) => client
                .execute(request)
                .await
                .map_err(|error| broken(&error)),
            Self::Door(door) => {
                let answer = door.answer(request).await;
                answer.ok_or(SquareError::retry(Cause::Connection))
            }
        }
    }
}

/// What a failure below HTTP means. The request may have been carried out all the same.
pub(super) fn broken(error: &reqwest::Error) -> SquareError {
    SquareError::retry(if error.is_timeout() {
        Cause::Timeout
    } else {
        Cause::Connection
    })
}
