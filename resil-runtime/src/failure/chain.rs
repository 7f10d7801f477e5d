//! Errors of other crates, read by walking their chain of sources to the first link that is known.

#[cfg(feature = "reqwest")]
use super::Effect;
use super::{Classify, ConnectTimeout, Error, Verdict};
#[cfg(feature = "reqwest")]
use crate::http::{Departed, Undialled};
use std::error::Error as StdError;
use std::io;

/// The verdict of the first link that is known; permanent and unknown when none is.
pub(super) fn walk(error: &(dyn StdError + 'static)) -> Verdict {
    links(error).find_map(known).unwrap_or(Verdict::unclassified())
}

fn links<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&link: &&'a (dyn StdError + 'static)| link.source())
}

fn known(link: &(dyn StdError + 'static)) -> Option<Verdict> {
    if let Some(error) = link.downcast_ref::<Error>() {
        return Some(error.verdict());
    }
    if link.is::<ConnectTimeout>() {
        return Some(Verdict::transient().unsent());
    }
    #[cfg(feature = "http")]
    if let Some(error) = link.downcast_ref::<crate::http::Error>() {
        return Some(error.verdict());
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = link.downcast_ref::<Departed>() {
        return Some(error.verdict());
    }
    #[cfg(feature = "reqwest")]
    if link.is::<Undialled>() {
        return Some(Verdict::transient().unsent());
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = link.downcast_ref::<reqwest::Error>() {
        return Some(error.verdict());
    }
    #[cfg(feature = "tonic")]
    if let Some(status) = link.downcast_ref::<tonic::Status>() {
        return Some(status.verdict());
    }
    #[cfg(feature = "tonic")]
    if link.is::<tonic::ConnectError>() {
        return Some(Verdict::transient().unsent());
    }
    crate::sql::verdict(link).or_else(|| link.downcast_ref::<io::Error>().map(io))
}

pub(super) fn io(error: &io::Error) -> Verdict {
    use io::ErrorKind as K;
    if let Some(verdict) = error.get_ref().and_then(|inner| links(inner).find_map(known)) {
        return verdict;
    }
    match error.kind() {
        K::ConnectionRefused | K::AddrNotAvailable => Verdict::transient().unsent(),
        // Linux says that a host is unreachable of connections that are established, too.
        K::HostUnreachable
        | K::NetworkUnreachable
        | K::NetworkDown
        | K::TimedOut
        | K::ConnectionReset
        | K::ConnectionAborted
        | K::NotConnected
        | K::BrokenPipe
        | K::UnexpectedEof
        | K::Interrupted
        | K::WouldBlock => Verdict::transient(),
        K::InvalidInput => Verdict::caller(),
        K::Other => Verdict::unclassified(),
        _ => Verdict::permanent(),
    }
}

/// An error of reqwest speaks of the last of its requests, and it follows redirects. So it proves nothing but what our
/// connector certifies; whether the call had sent something before is for the call to remember.
#[cfg(feature = "reqwest")]
pub(super) fn reqwest(error: &reqwest::Error) -> Verdict {
    if let Some(status) = error.status() {
        return Verdict::status(status.as_u16());
    }
    if error.is_builder() {
        // Of a redirect to `mailto:x` as well, which is an answer.
        let is_sent = error.url().is_some_and(|url| !matches!(url.scheme(), "http" | "https"));
        return if is_sent { Verdict::permanent() } else { Verdict::caller() };
    }
    let certified = error.source().is_some_and(|source| links(source).any(<dyn StdError>::is::<Undialled>));
    if error.is_connect() {
        if !certified {
            crate::registry::events::connect_unproven();
        }
        let verdict = Verdict::transient();
        return if certified { verdict.unsent() } else { verdict };
    }
    let known = error.source().and_then(|source| links(source).find_map(known));
    if let Some(verdict) = known {
        return Verdict { effect: Effect::Unknown, ..verdict };
    }
    if error.is_timeout() || error.is_request() || (error.is_body() && !error.is_decode()) {
        // The connection was lost or fell silent after the request may have been sent.
        return Verdict::transient();
    }
    Verdict::permanent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Effect, Kind};

    fn verdict_of(kind: io::ErrorKind) -> (Kind, Effect) {
        let verdict = io::Error::from(kind).verdict();
        (verdict.kind, verdict.effect)
    }

    #[test]
    fn a_refused_connection_is_passing_and_unsent() {
        assert_eq!(verdict_of(io::ErrorKind::ConnectionRefused), (Kind::Transient, Effect::None));
    }

    #[test]
    fn a_reset_is_passing_and_unknown() {
        assert_eq!(verdict_of(io::ErrorKind::ConnectionReset), (Kind::Transient, Effect::Unknown));
    }

    #[test]
    fn what_nobody_knows_is_broken_and_unknown() {
        let error: Box<dyn StdError + Send + Sync> = "nobody knows".into();
        assert_eq!(error.verdict(), Verdict::unclassified());
    }

    #[test]
    fn a_connect_timeout_is_found_deep_in_a_chain() {
        let inner = io::Error::from(ConnectTimeout::new(std::time::Duration::from_secs(2), &crate::Site::UNKNOWN));
        let outer = io::Error::other(inner);
        let error: Box<dyn StdError + Send + Sync> = Box::new(outer);
        assert_eq!(error.verdict(), Verdict::transient().unsent());
    }

    #[test]
    fn our_own_refusal_keeps_its_verdict_inside_another_error() {
        let error = io::Error::from(Error::Timeout {
            site: &crate::Site::UNKNOWN,
            phase: crate::Phase::Read,
            limit: std::time::Duration::from_secs(1),
        });
        assert_eq!(error.verdict(), Verdict::transient());
    }
}
