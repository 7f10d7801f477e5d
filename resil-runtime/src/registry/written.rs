use super::Site;
use std::fmt;

/// A policy as one place wrote it. Two places that share a name must agree on it.
#[derive(Debug, Clone)]
pub struct Written {
    /// "circuit breaker", "semaphore"; the attribute in words.
    pub(crate) kind: &'static str,
    pub(crate) name: Option<&'static str>,
    pub(crate) site: &'static Site,
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Written {
    /// `open_for = 30s or 10s` for each setting that the other writes otherwise; `None` if they agree.
    fn differences(&self, other: &Self) -> Option<String> {
        let only_theirs = other.settings.iter().filter(|(name, _)| self.setting(name).is_none());
        let names = self.settings.iter().chain(only_theirs).map(|(name, _)| *name);
        let pairs = names.map(|name| (name, self.setting(name), other.setting(name)));
        let written = |value: Option<&str>| value.unwrap_or("none").to_owned();
        let all: Vec<_> = pairs
            .filter(|(_, mine, theirs)| mine != theirs)
            .map(|(name, mine, theirs)| format!("{name} = {} or {}", written(mine), written(theirs)))
            .collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// What is wrong if two call sites share this name.
    pub(super) fn conflict(&self, other: &Self) -> Option<String> {
        let differences = self.differences(other)?;
        Some(format!(
            "{self} has two settings, at {} and at {}: {differences}; write the same at both, or another name",
            self.site, other.site
        ))
    }

    /// What is wrong if a handle made by hand comes later with other settings.
    pub(super) fn latecomer(&self, later: &Self) -> Option<String> {
        let differences = self.differences(later)?;
        Some(format!(
            "{self} was first used with other settings: {differences}; write the same everywhere, or another name"
        ))
    }

    pub(super) fn shares_with(&self, other: &Self) -> bool {
        self.name.is_some() && (self.kind, self.name) == (other.kind, other.name)
    }
}

/// ``circuit breaker `payment` ``, or the site of one without a name. A name is data.
impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "{} `{}`", self.kind, name.escape_debug()),
            None => write!(f, "{} of {}", self.kind, self.site),
        }
    }
}
