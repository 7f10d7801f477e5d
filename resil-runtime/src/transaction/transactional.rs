use crate::registry::{Registry, Written};
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
    /// The operation that runs once for each request ID, and how long its outcomes are kept.
    pub(super) once: Option<(&'static str, Option<Duration>)>,
    consistent: OnceLock<Result<(), Error>>,
}

impl Transactional {
    const fn new(opens: bool) -> Self {
        Self { site: &Site::UNKNOWN, opens, once: None, consistent: OnceLock::new() }
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
        self.once = Some((op, None));
        self
    }

    /// Keeps them so long.
    pub const fn keep(mut self, keep: Duration) -> Self {
        if let Some((op, _)) = self.once {
            self.once = Some((op, Some(keep)));
        }
        self
    }

    /// The function.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// Refuses an operation that two functions share: each would be answered with the outcome of the other.
    #[cfg_attr(not(feature = "sqlx"), allow(dead_code, reason = "only databases store outcomes"))]
    pub(super) fn is_consistent(&self) -> Result<(), Error> {
        self.consistent.get_or_init(|| Registry::consistent(&self.written(), self.out_of_range())).clone()
    }

    pub(crate) fn out_of_range(&self) -> Option<String> {
        let (_, keep) = self.once?;
        keep.filter(Duration::is_zero)
            .map(|_| format!("{}: `keep = \"0s\"` forgets an outcome at once: write \"24h\"", self.written()))
    }

    pub(crate) fn name(&self) -> Option<&'static str> {
        self.once.map(|(op, _)| op)
    }

    pub(crate) fn written(&self) -> Written {
        let mut settings = Vec::new();
        if !self.opens {
            settings.push(("tx", "the caller's".to_owned()));
        }
        if let Some((_, keep)) = self.once {
            settings.push(("once", format!("in {}", self.site)));
            settings.extend(keep.map(|keep| ("keep", format!("{keep:?}"))));
        }
        Written { kind: "transactional", name: self.name(), site: self.site, settings }
    }
}
