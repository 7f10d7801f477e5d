use super::Source;
use std::fmt;
use std::sync::Arc;

/// A setting in force that was changed while the process runs.
///
/// It prints as one line: ``circuit breaker `payments`: open_for from 30s to 10s, by resil.toml:4``.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The attribute in words, for example `circuit breaker`.
    pub kind: &'static str,
    /// The policy's name, or its call site.
    pub policy: &'static str,
    /// The key.
    pub setting: &'static str,
    /// What it was; `none` if it was not set.
    pub from: Arc<str>,
    /// What it is.
    pub to: Arc<str>,
    /// Where the new value comes from.
    pub source: Source,
    /// Whether the window began anew with it: its calls were of another kind or number.
    pub begins_anew: bool,
    /// The operator who set it by hand or took it back, if it was one.
    pub by: Option<Arc<str>>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, policy, setting, from, to, source, begins_anew, .. } = self;
        write!(f, "{kind} `{}`: {setting} from {from} to {to}, by {source}", policy.escape_debug())?;
        if *begins_anew { f.write_str("; its window begins anew") } else { Ok(()) }
    }
}
