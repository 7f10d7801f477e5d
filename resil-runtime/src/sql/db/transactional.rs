use crate::registry::{Handle, Registry, Written};
use crate::{Error, Site};
use std::sync::OnceLock;
use std::time::Duration;

/// What `#[transactional]` expands to.
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "opens no transaction by itself"]
pub struct Transactional {
    pub(super) site: &'static Site,
    opens: bool,
    /// The operation that runs once for each request ID.
    pub(super) op: Option<&'static str>,
    pub(super) keep: Option<Duration>,
    pub(super) max_wait: Option<Duration>,
    consistent: OnceLock<Result<(), Error>>,
}

impl Transactional {
    const fn new(opens: bool) -> Self {
        Self { site: &Site::UNKNOWN, opens, op: None, keep: None, max_wait: None, consistent: OnceLock::new() }
    }

    /// Opens a transaction, commits it or rolls it back.
    pub const fn opening() -> Self {
        Self::new(true)
    }

    /// Runs in the caller's.
    pub const fn taking_part() -> Self {
        Self::new(false)
    }

    /// Stores its outcomes under this operation.
    pub const fn op(mut self, op: &'static str) -> Self {
        self.op = Some(op);
        self
    }

    /// Keeps them so long.
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.keep = Some(keep);
        self
    }

    /// Waits so long for the first with the same request ID.
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = Some(wait);
        self
    }

    /// The function.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// Where it opens a transaction, if it is not the caller's.
    #[cfg(feature = "metrics")]
    pub(crate) fn opens(&self) -> Option<&'static Site> {
        self.opens.then_some(self.site)
    }

    /// Refuses an operation that two functions share: each would be answered with the outcome of the other.
    pub(super) fn is_consistent(&self) -> Result<(), Error> {
        self.consistent.get_or_init(|| Registry::consistent(&self.written(), self.out_of_range())).clone()
    }
}

impl Handle for Transactional {
    fn out_of_range(&self) -> Option<String> {
        self.keep
            .filter(Duration::is_zero)
            .map(|_| format!("{}: `keep = \"0s\"` forgets an outcome at once: write \"24h\"", self.written()))
    }

    fn name(&self) -> Option<&'static str> {
        self.op
    }

    fn written(&self) -> Written {
        let mut settings = Vec::new();
        if !self.opens {
            settings.push(("tx", "the caller's".to_owned()));
        }
        if self.op.is_some() {
            settings.push(("once", format!("in {}", self.site)));
        }
        settings.extend(self.keep.map(|keep| ("keep", format!("{keep:?}"))));
        settings.extend(self.max_wait.map(|wait| ("max_wait", format!("{wait:?}"))));
        Written { kind: "transactional", name: self.name(), site: self.site, settings }
    }
}
