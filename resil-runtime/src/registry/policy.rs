//! Annotated functions and their policies, as an operator sees them.

use super::{CallSite, Found, Policy, Written};
use crate::Site;
use std::fmt;

impl CallSite {
    /// For expansions.
    #[doc(hidden)]
    pub const fn new(site: &'static Site, policies: &'static [Policy]) -> Self {
        Self { site, policies }
    }

    /// Where the function stands.
    pub fn site(&self) -> &'static Site {
        self.site
    }

    /// Its policies, outermost first.
    pub fn policies(&self) -> &'static [Policy] {
        self.policies
    }
}

impl Policy {
    /// The attribute in words, for example `circuit breaker`.
    pub fn kind(&self) -> &'static str {
        self.written().kind
    }

    /// The name it shares its state by, if it has one.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::CircuitBreaker(breaker) => breaker.name(),
            Self::KeyedCircuitBreaker(breaker) => breaker.name(),
            Self::Semaphore(semaphore) => Found::name(*semaphore),
            Self::KeyedSemaphore(semaphore) => semaphore.name(),
            Self::Bulkhead(bulkhead) => Found::name(*bulkhead),
            #[cfg(feature = "sqlx")]
            Self::Transactional(transactional) => transactional.name(),
            #[cfg(feature = "sqlx")]
            Self::Durable(_) => None,
            Self::TransactionGuard(_) | Self::Deadline(_) | Self::Fallback(_) | Self::Retry(_) | Self::Timeout(_) => {
                None
            }
        }
    }

    /// Each setting by the name of its argument, as text to show: `("open_for", "30s")`. A bound that was not written
    /// is left out.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        self.written().settings
    }

    /// The retry budget it shares.
    pub(super) fn budget_name(&self) -> Option<&'static str> {
        if let Self::Retry(retry) = self { retry.budget_name() } else { None }
    }

    pub(super) fn written(&self) -> Written {
        match self {
            Self::TransactionGuard(guard) => guard.written(),
            Self::Fallback(fallback) => fallback.written(),
            Self::Deadline(deadline) => deadline.written(),
            Self::Retry(retry) => retry.written(),
            Self::CircuitBreaker(breaker) => breaker.written(),
            Self::KeyedCircuitBreaker(breaker) => breaker.written(),
            Self::Semaphore(semaphore) => semaphore.written(),
            Self::KeyedSemaphore(semaphore) => semaphore.written(),
            Self::Bulkhead(bulkhead) => bulkhead.written(),
            Self::Timeout(timeout) => timeout.written(),
            #[cfg(feature = "sqlx")]
            Self::Transactional(transactional) => transactional.written(),
            #[cfg(feature = "sqlx")]
            Self::Durable(durable) => durable.written(),
        }
    }
}

/// ``circuit breaker `payment`: window = 100, min_calls = 20, ..``
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written { kind, name, settings, .. } = self.written();
        f.write_str(kind)?;
        if let Some(name) = name {
            write!(f, " `{}`", name.escape_debug())?;
        }
        let mut before = ": ";
        for (setting, value) in settings {
            write!(f, "{before}{setting} = {value}")?;
            before = ", ";
        }
        Ok(())
    }
}

impl fmt::Display for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.site)?;
        self.policies.iter().try_for_each(|policy| write!(f, "\n    {policy}"))
    }
}
