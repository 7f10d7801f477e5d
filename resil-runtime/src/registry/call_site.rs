//! Annotated functions and their policies, as an operator sees them.

use super::calls::Calls;
use super::handle::Handle;
use super::{Site, Written};
use std::any::Any;
use std::fmt;

/// An annotated function of the program, collected at link time whether or not it ever runs.
///
/// It prints as its [`Site`], then one line for each policy. See [`Registry::call_sites`](super::Registry::call_sites).
#[derive(Debug)]
pub struct CallSite {
    site: &'static Site,
    policies: &'static [Policy],
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "only counted"))]
    calls: Option<&'static Calls>,
}

/// A policy of a [`CallSite`]: the very handle that the attribute expands to.
///
/// It prints as one line: kind, name and settings.
#[derive(Debug, Clone, Copy)]
pub struct Policy(&'static dyn Handle);

inventory::collect!(CallSite);

impl CallSite {
    /// For expansions.
    #[doc(hidden)]
    pub const fn new(site: &'static Site, calls: Option<&'static Calls>, policies: &'static [Policy]) -> Self {
        Self { site, policies, calls }
    }

    /// Its calls, if they have an end that is seen.
    #[cfg(feature = "metrics")]
    pub(crate) fn calls(&self) -> Option<&'static Calls> {
        self.calls
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
    /// For expansions.
    #[doc(hidden)]
    pub const fn new(handle: &'static dyn Handle) -> Self {
        Self(handle)
    }

    /// The handle itself, if it is one of this type.
    ///
    /// ```
    /// use resil::{CircuitBreaker, registry};
    ///
    /// for policy in registry().call_sites().iter().flat_map(|call_site| call_site.policies()) {
    ///     if let Some(breaker) = policy.downcast_ref::<CircuitBreaker>() {
    ///         println!("{}: {:?}", breaker.label(), breaker.configuration().window);
    ///     }
    /// }
    /// ```
    pub fn downcast_ref<T: 'static>(&self) -> Option<&'static T> {
        let handle: &'static dyn Any = self.0;
        handle.downcast_ref()
    }

    /// The attribute in words, for example `circuit breaker`.
    pub fn kind(&self) -> &'static str {
        self.written().kind
    }

    /// The name it shares its state by, if it has one.
    pub fn name(&self) -> Option<&'static str> {
        self.0.name()
    }

    /// Each setting by the name of its argument, as text to show: `("open_for", "30s")`. A bound that was not written
    /// is left out.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        self.written().settings
    }

    pub(super) fn written(&self) -> Written {
        self.0.written()
    }

    pub(crate) fn handle(&self) -> &'static dyn Handle {
        self.0
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

/// `function`, `file`, `line` and `policies`.
#[cfg(feature = "serde")]
impl serde::Serialize for CallSite {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Shape {
            #[serde(flatten)]
            site: Site,
            policies: &'static [Policy],
        }
        Shape { site: *self.site, policies: self.policies }.serialize(serializer)
    }
}

/// `kind` in `snake_case`, `name`, and `settings` as they are written.
#[cfg(feature = "serde")]
impl serde::Serialize for Policy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Shape {
            kind: String,
            name: Option<&'static str>,
            settings: std::collections::BTreeMap<&'static str, String>,
        }
        let Written { kind, name, settings, .. } = self.written();
        Shape { kind: kind.replace(' ', "_"), name, settings: settings.into_iter().collect() }.serialize(serializer)
    }
}

impl fmt::Display for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.site)?;
        self.policies.iter().try_for_each(|policy| write!(f, "\n    {policy}"))
    }
}
