use super::super::{Error, verdict_of};
use crate::context::departure::Departure;
use crate::context::{Activity, InFlight};
use crate::failure::HttpStatus;
use crate::{Verdict, context};
use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// An answer below 400, whose body restarts the attempt's read clock with each chunk.
#[derive(Debug)]
pub struct Response(::reqwest::Response);

impl Response {
    pub(super) fn new(mut answer: ::reqwest::Response, departure: Arc<Departure>) -> Self {
        // There, so that this is no larger.
        answer.extensions_mut().insert(departure);
        if let Some(activity) = context::activity() {
            answer.extensions_mut().insert(activity);
        }
        Self(answer)
    }

    /// Whether the rest of it is waited for, or was waited for in vain.
    fn is_waited_for(&self, is_waited_for: bool) {
        self.0.extensions().get::<Arc<Departure>>().inspect(|departure| departure.is_waited_for(is_waited_for));
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The next chunk of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] if the connection is lost.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.is_waited_for(true);
        let activity = self.0.extensions().get::<Arc<Activity>>().cloned();
        let chunk = InFlight::again(self.0.chunk(), activity).await.map_err(lost)?;
        self.is_waited_for(false);
        context::mark();
        Ok(chunk)
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] if the connection is lost half way.
    pub async fn bytes(mut self) -> Result<Vec<u8>, Error> {
        self.whole().await
    }

    async fn whole(&mut self) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }

    /// The whole body as UTF-8; what is not UTF-8 is replaced.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub async fn text(mut self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.whole().await?).into_owned())
    }

    /// The whole body, decoded from JSON.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and [`Error::Body`] if it is not the JSON asked for. The text is not repeated.
    pub async fn json<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        let whole = self.whole().await?;
        serde_json::from_slice(&whole).map_err(|error| {
            self.is_waited_for(true);
            // The error's own text quotes the body, which may hold what no log should.
            let (kind, line, column) = (error.classify(), error.line(), error.column());
            Error::Body(format!("not the JSON asked for ({kind:?} error at line {line}, column {column})").into())
        })
    }

    /// The plain reqwest response, whose body no longer restarts the read clock.
    pub fn into_inner(self) -> ::reqwest::Response {
        self.0
    }
}

/// A body that breaks off is a lost connection, whatever reqwest calls it.
fn lost(error: ::reqwest::Error) -> Error {
    Error::Transport(Box::new(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, error.without_url())))
}

impl HttpStatus for ::reqwest::Response {
    fn status_verdict(&self) -> Option<Verdict> {
        verdict_of(self.status(), self.headers())
    }
}
