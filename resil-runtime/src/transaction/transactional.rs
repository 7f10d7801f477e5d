use crate::Site;
use crate::registry::Written;

/// What `#[transactional]` expands to.
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "opens no transaction by itself"]
pub struct Transactional {
    pub(super) site: &'static Site,
    opens: bool,
}

impl Transactional {
    /// Opens a transaction, commits it or rolls it back.
    pub const fn opening() -> Self {
        Self { site: &Site::UNKNOWN, opens: true }
    }

    /// Runs in the caller's.
    pub const fn taking_part() -> Self {
        Self { site: &Site::UNKNOWN, opens: false }
    }

    /// The function.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    pub(crate) fn written(&self) -> Written {
        let settings = if self.opens { Vec::new() } else { vec![("tx", "the caller's".to_owned())] };
        Written { kind: "transactional", name: None, site: self.site, settings }
    }
}
