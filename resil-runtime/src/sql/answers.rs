//! What a web service answers for the errors of this folder.

use super::{LedgerError, OnceError, OutboxError};
use crate::OnceProblem;
use crate::http::problem::{A_MOMENT, later, ours, problem};
use axum::response::Response;
use http::StatusCode;

impl OnceError {
    pub(crate) fn answer(&self) -> Response {
        match self.problem {
            OnceProblem::OtherArguments => another_request(),
            OnceProblem::Running => running(),
            OnceProblem::Undecodable(_) => problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "This request was done before, and its answer cannot be given any more",
            ),
            OnceProblem::Arguments(_) | OnceProblem::Unstorable(_) | OnceProblem::Outlived => ours(),
        }
    }
}

impl LedgerError {
    pub(crate) fn answer(&self) -> Response {
        match self {
            Self::NoSuchIntent(_) => problem(StatusCode::NOT_FOUND, "There is no such intent"),
            _ => ours(),
        }
    }
}

impl OutboxError {
    pub(crate) fn answer(&self) -> Response {
        match self {
            Self::Busy(_) => later(StatusCode::CONFLICT, "The message is being delivered", A_MOMENT),
            Self::NoSuchMessage(_) | Self::NotSetAside(_) => problem(StatusCode::NOT_FOUND, "There is no such message"),
            _ => ours(),
        }
    }
}

/// What whoever uses a key for two requests is answered.
pub(super) fn another_request() -> Response {
    problem(
        StatusCode::UNPROCESSABLE_ENTITY,
        "This Idempotency-Key was used for another request; another request needs another key",
    )
}

pub(super) fn running() -> Response {
    later(StatusCode::CONFLICT, "The first request with this Idempotency-Key is still running", A_MOMENT)
}
