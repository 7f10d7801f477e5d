use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Where a setting in force comes from.
///
/// ```
/// use resil::config::Source;
///
/// assert_eq!(Source::Attribute.to_string(), "the program");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The program: an attribute, its set of settings, or a policy made by hand.
    Attribute,
    /// A file.
    File {
        /// As it was opened.
        path: Arc<str>,
        /// From 1.
        line: u32,
        /// In characters, from 1.
        column: u32,
    },
    /// A variable of the environment.
    Environment {
        /// Its name.
        variable: Arc<str>,
    },
    /// A call of [`Configuration::set`](crate::config::Configuration::set).
    Code,
    /// An operator's override.
    Operator {
        /// Who.
        who: Arc<str>,
        /// Since when.
        #[serde(rename = "since_unix_seconds", serialize_with = "crate::as_data::unix_seconds")]
        since: SystemTime,
        /// Until when; `None` until it is taken back.
        #[serde(rename = "until_unix_seconds", serialize_with = "crate::as_data::unix_seconds")]
        until: Option<SystemTime>,
    },
}

impl Source {
    /// Whether it was said outside of the program's attributes.
    pub(crate) fn is_outside(&self) -> bool {
        !matches!(self, Self::Default | Self::Attribute)
    }
}

/// `resil.toml:7`, ``operator `anna` ``.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::Attribute => f.write_str("the program"),
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.escape_debug()),
            Self::Environment { variable } => write!(f, "the variable {}", variable.escape_debug()),
            Self::Code => f.write_str("code"),
            Self::Operator { who, .. } => write!(f, "operator `{}`", who.escape_debug()),
        }
    }
}
