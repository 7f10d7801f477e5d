//! What our own callers are answered, as a status of gRPC: what the caller can do, and nothing of what is inside.

use super::details::asking_for;
use crate::http::A_MOMENT;
use crate::{Classify as _, Effect, Error, Kind, Phase};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Code, Status};

/// A function that returns a [`Status`] can hold our refusals, and a service answers them with `?`.
///
/// Where another try may succeed it is `RESOURCE_EXHAUSTED` or `UNAVAILABLE`, with `RetryInfo` where it is known when, and
/// nothing was done. An outcome that is not known is none of these, which clients repeat: it is `DEADLINE_EXCEEDED` or `UNKNOWN`.
/// Texts that name places in the source stay inside, as the source of the status; they are not sent.
///
/// ```
/// use resil::Error;
/// use std::time::Duration;
/// use tonic::{Code, Status};
///
/// let open = Error::CircuitOpen { name: "payments", retry_after: Some(Duration::from_millis(2500)) };
/// let status = Status::from(open);
/// assert_eq!((status.code(), status.message()), (Code::Unavailable, "the service is busy"));
/// ```
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, message, wait) = answer(&error);
        let mut status = match wait {
            Some(wait) => Self::with_details(code, message, asking_for(wait, code.into(), message).into()),
            None => Self::new(code, message),
        };
        status.set_source(Arc::new(error));
        status
    }
}

const BUSY: &str = "the service is busy";
const UNKNOWN: &str = "the outcome is unknown";

fn answer(error: &Error) -> (Code, &'static str, Option<Duration>) {
    let busy = |wait| (Code::Unavailable, BUSY, Some(wait));
    let full = |wait| (Code::ResourceExhausted, BUSY, Some(wait));
    match error {
        // Until an operator or the probes have decided, nobody knows.
        Error::CircuitOpen { retry_after, .. } => (Code::Unavailable, BUSY, *retry_after),
        Error::RateLimited { retry_after, .. } => full(retry_after.unwrap_or(A_MOMENT)),
        Error::SemaphoreFull { .. } | Error::BulkheadFull { .. } => full(A_MOMENT),
        Error::BulkheadClosed { attempted: false, .. } | Error::Timeout { phase: Phase::Connect, .. } => busy(A_MOMENT),
        Error::DeadlineExceeded { attempted: false, .. } => {
            (Code::DeadlineExceeded, "there was no time left; nothing was done", None)
        }
        Error::Timeout { .. } | Error::DeadlineExceeded { attempted: true, .. } => {
            (Code::DeadlineExceeded, "the answer took too long; the outcome is unknown", None)
        }
        Error::InDoubt { .. } | Error::BulkheadClosed { attempted: true, .. } => (Code::Unknown, UNKNOWN, None),
        Error::Panicked { .. } => (Code::Internal, "the service has made a mistake; the outcome is unknown", None),
        Error::Transaction(_) | Error::Once(_) | Error::Ledger(_) | Error::Outbox(_) => of_data(error),
        Error::MissingKey { .. }
        | Error::KeyReused { .. }
        | Error::InsideTransaction { .. }
        | Error::Misconfigured(_) => ours(),
    }
}

/// By its verdict, as nothing here depends on which of them it was.
fn of_data(error: &Error) -> (Code, &'static str, Option<Duration>) {
    let verdict = error.verdict();
    match (verdict.effect, verdict.kind) {
        (Effect::Unknown, _) => (Code::Unknown, UNKNOWN, None),
        (Effect::None, Kind::Transient) => (Code::Unavailable, BUSY, Some(A_MOMENT)),
        (Effect::None, _) if verdict.is_ours() => ours(),
        (Effect::None, _) => {
            (Code::FailedPrecondition, "the request is not the one that came first under its id", None)
        }
    }
}

fn ours() -> (Code, &'static str, Option<Duration>) {
    (Code::Internal, "the service has made a mistake", None)
}

#[cfg(test)]
mod tests {
    use super::super::details::retry_delay;
    use super::super::status::by_code;
    use super::*;
    use crate::{Site, Verdict};

    #[test]
    fn nobody_is_asked_to_repeat_what_is_unknown() {
        let (name, site, limit) = ("x", &Site::UNKNOWN, Duration::from_secs(1));
        let mut all = vec![
            Error::CircuitOpen { name, retry_after: Some(limit) },
            Error::CircuitOpen { name, retry_after: None },
            Error::SemaphoreFull { name, limit: 1, waited: limit },
            Error::RateLimited { name, retry_after: None },
            Error::BulkheadFull { name, limit: 1, waited: limit },
            Error::Panicked { name },
            Error::MissingKey { method: "POST" },
            Error::KeyReused { differs: "path" },
            Error::InDoubt { site, verdict: Box::new(Verdict::permanent()), why: None },
        ];
        for attempted in [true, false] {
            all.push(Error::BulkheadClosed { name, attempted });
            all.push(Error::DeadlineExceeded { site, limit, attempted, cut_short: attempted });
        }
        all.extend([Phase::Connect, Phase::Read, Phase::Attempt].map(|phase| Error::Timeout { site, phase, limit }));
        for error in all {
            let (effect, status) = (error.verdict().effect, Status::from(error.clone()));
            assert_eq!(status.message().contains("unknown"), effect == Effect::Unknown, "{error}");
            let asks_again = matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Aborted);
            assert!(!(asks_again && effect == Effect::Unknown), "{error}: {status}");
            let nobody_knows = matches!(error, Error::CircuitOpen { retry_after: None, .. });
            assert_eq!(retry_delay(status.details()).is_some(), asks_again && !nobody_knows, "{error}");
            assert_eq!(status.verdict(), error.verdict(), "to our own policies it is what it was");
            let seen = by_code(status.code(), retry_delay(status.details()));
            assert!(
                seen.effect == Effect::Unknown || effect == Effect::None,
                "{error}: a caller believes nothing false"
            );
            assert!(!status.message().contains("x`"), "names stay inside");
        }
    }
}
