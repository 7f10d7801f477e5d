//! What is in force, to be shown.

use super::Source;
use crate::registry::in_force::{Settled, Subject};
use crate::registry::{Policy, Registry, policies};
use crate::sync::lock;
use serde::Serialize;

/// The settings of one policy, each with where it comes from. See [`Registry::settings`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PolicySettings {
    /// As files have it, for example `circuit_breaker`.
    pub kind: &'static str,
    /// The name it shares its state by, if it has one.
    pub name: Option<&'static str>,
    /// The function; of a policy with a name, one of those that share it.
    pub site: &'static str,
    /// What errors and events call it.
    pub label: &'static str,
    /// All of them, set or not.
    pub settings: Vec<InForce>,
}

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InForce {
    /// The key.
    pub setting: &'static str,
    /// As text to show; `None` if it is not set.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: Source,
}

/// What became of the last reading. See [`Registry::configuration`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// How often settings were put in force; 0 if nothing was ever configured.
    pub revision: u64,
    /// What was wrong with the last reading, if it was refused.
    pub last_error: Option<String>,
}

impl PolicySettings {
    pub(crate) fn new(subject: &Subject, settled: Vec<Settled>) -> Self {
        let settings = subject.kind.keys.iter().zip(settled).map(|(key, settled)| InForce {
            setting: key.name,
            value: settled.value.map(|value| value.to_string()),
            source: settled.source,
        });
        Self {
            kind: subject.kind.name,
            name: subject.name,
            site: subject.site.function,
            label: subject.label(),
            settings: settings.collect(),
        }
    }
}

impl Registry {
    /// The settings in force of every policy, called or not, sorted by kind and label. Policies made by hand are there once
    /// they have been used. One that is misconfigured is left out.
    ///
    /// ```
    /// for policy in resil::registry().settings() {
    ///     for one in &policy.settings {
    ///         println!("{} {:?} {}: {:?} ({})", policy.kind, policy.label, one.setting, one.value, one.source);
    ///     }
    /// }
    /// ```
    pub fn settings(self) -> Vec<PolicySettings> {
        Self::with(|states| {
            for handle in policies().map(Policy::handle) {
                _ = handle.set_up(states);
            }
            let mut all: Vec<_> =
                states.settled().into_iter().map(|(subject, settled)| PolicySettings::new(&subject, settled)).collect();
            all.sort_by_key(|one| (one.kind, one.label));
            all
        })
    }

    /// How often settings were put in force, and why the last were not.
    ///
    /// ```
    /// if let Some(error) = resil::registry().configuration().last_error {
    ///     eprintln!("the settings of before are still in force: {error}");
    /// }
    /// ```
    pub fn configuration(self) -> Status {
        Self::with(|states| {
            let state = lock(&states.remembered().state);
            Status { revision: state.revision, last_error: state.last_error.clone() }
        })
    }
}
