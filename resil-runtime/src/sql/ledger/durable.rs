use crate::Site;
use crate::registry::{Handle, Written};

/// What `#[durable]` leaves in the list of call sites.
#[derive(Debug)]
pub struct Durable {
    op: &'static str,
    version: u32,
    databases: &'static [&'static str],
    site: &'static Site,
}

impl Durable {
    /// For expansions.
    #[doc(hidden)]
    pub const fn new(op: &'static str, version: u32, databases: &'static [&'static str]) -> Self {
        Self { op, version, databases, site: &Site::UNKNOWN }
    }

    /// For expansions.
    #[doc(hidden)]
    #[must_use]
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// The operation.
    pub fn op(&self) -> &'static str {
        self.op
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The function.
    pub fn site(&self) -> &'static Site {
        self.site
    }

    /// The kinds of databases whose ledgers it may be in.
    pub(crate) fn databases(&self) -> &'static [&'static str] {
        self.databases
    }
}

impl Handle for Durable {
    fn written(&self) -> Written {
        let op = format!("`{}`", self.op.escape_debug());
        let settings = vec![("op", op), ("version", self.version.to_string())];
        // Two versions of one operation are two functions.
        Written { kind: "durable", name: None, site: self.site, settings }
    }
}
