//! How the policies are, at one look.

use super::past::{Changed, Past};
use super::{Backlogs, CallSite, Cause, CircuitState, Registry, States, Transition, registry};
use crate::CircuitBreaker;
use crate::policy::semaphore::Usage;
use crate::sync::lock;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Which circuits let not every call pass, which lines callers stand in, and what waits in the databases: what [`health`] answers.
///
/// It prints as a line for each of them that is not well. With the feature `axum` it is an answer, too: 200 with the same as JSON, whatever it says. **Do
/// not make readiness of it.** A process whose partner is away answers as well as it can, by refusing at once and by fallbacks; taken out
/// of the load balancer it answers nothing, and since all processes see the same partner, they are all taken out. Readiness asks
/// what only this process lacks.
///
/// ```
/// use axum::{Router, routing::get};
///
/// let router: Router = Router::new()
///     .route("/ready", get(|| async { "ok" }))
///     .route("/health", get(|| async { resil::health() }));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Health {
    /// Circuits that are open, forced open, or half-open, by label.
    pub circuits: Vec<OpenCircuit>,
    /// Circuit breakers with a key of which some circuits are not closed, by label.
    pub keyed: Vec<OpenKeys>,
    /// Semaphores and bulkheads that callers wait for, by label.
    pub lines: Vec<Waiting>,
    /// What waits in the databases, as it was seen last.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub backlogs: Backlogs,
}

/// A circuit that does not let every call pass.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OpenCircuit {
    /// Its name, or its call site.
    pub name: &'static str,
    /// Its state.
    pub state: CircuitState,
    /// Since when it is in that.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "since_unix_seconds", serialize_with = "crate::as_data::unix_seconds")
    )]
    pub since: Option<SystemTime>,
    /// Why.
    pub cause: Option<Cause>,
    /// When the next call has a chance, where that is known.
    #[cfg_attr(feature = "serde", serde(rename = "retry_after_seconds", serialize_with = "crate::as_data::seconds"))]
    pub retry_after: Option<Duration>,
}

/// The circuits of a breaker with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OpenKeys {
    /// Its name, or its call site.
    pub name: &'static str,
    /// How many of its keys have a circuit that is not closed.
    pub open: u32,
    /// How many keys it has.
    pub keys: u32,
}

/// A line of callers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Waiting {
    /// `semaphore` or `bulkhead`.
    pub kind: &'static str,
    /// Its name, or its call site.
    pub name: &'static str,
    /// How many calls it allows at a time.
    pub limit: u32,
    /// How many are in use.
    pub in_use: u32,
    /// How many callers wait.
    pub waiting: usize,
    /// Whether there are more of them than when `health()` was asked before.
    pub grows: bool,
}

/// What a registry remembers for [`health`].
#[derive(Debug)]
pub(super) struct Seen {
    changed: HashMap<&'static str, Past>,
    waited: HashMap<(&'static str, &'static str), usize>,
}

impl Default for Seen {
    /// With room for every circuit breaker that an attribute writes: that one opens allocates nothing.
    fn default() -> Self {
        let policies = inventory::iter::<CallSite>.into_iter().flat_map(CallSite::policies);
        let breakers = policies.filter(|policy| policy.downcast_ref::<CircuitBreaker>().is_some()).count();
        Self { changed: HashMap::with_capacity(breakers), waited: HashMap::new() }
    }
}

impl States {
    /// A circuit has changed its state.
    pub(super) fn saw_change(&self, breaker: &'static str, transition: Transition, by: Option<&Arc<str>>) {
        let changed = Changed { at: SystemTime::now(), transition, by: by.cloned() };
        lock(&self.seen).changed.entry(breaker).or_default().add(changed);
        #[cfg(feature = "dashboard")]
        self.touch();
    }
}

#[cfg(feature = "dashboard")]
impl States {
    /// The last changes of this circuit, the newest first.
    pub(crate) fn past(&self, breaker: &str) -> Vec<Changed> {
        lock(&self.seen).changed.get(breaker).map_or_else(Vec::new, |past| past.all().cloned().collect())
    }
}

/// How this process is: what is open, since when and why, which lines grow, and what waits in its databases.
///
/// It looks at each policy, asks no database and waits for nothing. See [`Health`] for why it is no readiness.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
/// use resil::{CircuitBreaker, health};
///
/// static MAILER: CircuitBreaker = CircuitBreaker::named("mailer");
///
/// assert!(health().is_well());
/// MAILER.force_open()?;
/// assert_eq!(health().circuits[0].name, "mailer");
/// println!("{}", health());
/// # Ok(()) }
/// ```
pub fn health() -> Health {
    let all = registry();
    let circuits = all.circuit_breakers().into_iter().filter_map(|breaker| {
        let (name, now) = (breaker.label(), breaker.snapshot().ok()?);
        let last =
            |states: &States| lock(&states.seen).changed.get(name)?.last().map(|last| (last.at, last.transition.cause));
        let (since, cause) = Registry::with(last).unzip();
        (!now.state.lets_all_pass()).then_some(OpenCircuit {
            name,
            state: now.state,
            since,
            cause,
            retry_after: now.retry_after,
        })
    });
    let keyed = all.keyed_circuit_breakers().into_iter().filter_map(|breakers| {
        let usage = breakers.usage().ok().filter(|usage| usage.busy > 0)?;
        Some(OpenKeys { name: breakers.label(), open: usage.busy, keys: usage.keys })
    });
    let semaphores = all.semaphores();
    let semaphores = semaphores.iter().map(|one| ("semaphore", one.label(), one.usage()));
    let bulkheads = all.bulkheads();
    let bulkheads = bulkheads.iter().map(|one| ("bulkhead", one.label(), one.usage()));
    let lines = semaphores.chain(bulkheads).filter_map(|(kind, name, usage)| {
        let Usage { limit, in_use, waiting } = usage.ok()?;
        let before = Registry::with(|states| lock(&states.seen).waited.insert((kind, name), waiting));
        let grows = waiting > before.unwrap_or(0);
        (waiting > 0).then_some(Waiting { kind, name, limit, in_use, waiting, grows })
    });
    Health { circuits: circuits.collect(), keyed: keyed.collect(), lines: lines.collect(), backlogs: all.backlogs() }
}

impl Health {
    /// Whether every circuit lets all calls pass, and nobody waits: no caller in a line, nothing for an operator.
    pub fn is_well(&self) -> bool {
        let is_free = self.circuits.is_empty() && self.keyed.is_empty() && self.lines.is_empty();
        is_free && !self.backlogs.need_operator()
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_well() {
            return f.write_str("every circuit lets calls pass, and nobody waits");
        }
        let mut lines = Vec::new();
        for OpenCircuit { name, state, since, cause, .. } in &self.circuits {
            let since = since.and_then(|since| since.elapsed().ok()).map(|ago| format!(" for {}s", ago.as_secs()));
            let cause = cause.map(|cause| format!(", {}", cause.as_str()));
            let (since, cause) = (since.unwrap_or_default(), cause.unwrap_or_default());
            lines.push(format!("circuit breaker `{}`: {}{since}{cause}", name.escape_debug(), state.as_str()));
        }
        for OpenKeys { name, open, keys } in &self.keyed {
            lines.push(format!("circuit breaker `{}`: {open} of {keys} keys are not closed", name.escape_debug()));
        }
        for Waiting { kind, name, limit, in_use, waiting, grows } in &self.lines {
            let grows = if *grows { ", and more than before" } else { "" };
            lines.push(format!(
                "{kind} `{}`: {waiting} wait{grows}, {in_use} of {limit} are in use",
                name.escape_debug()
            ));
        }
        for one in self.backlogs.ledger.intents.iter().filter(|one| one.needs_operator && one.number > 0) {
            lines.push(format!("ledger `{}`: {} need an operator", one.operation.escape_debug(), one.number));
        }
        if self.backlogs.outbox.set_aside > 0 {
            lines.push(format!("outbox: {} set aside", self.backlogs.outbox.set_aside));
        }
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Health {
    fn into_response(self) -> axum::response::Response {
        /// What a probe wants to know first.
        #[derive(serde::Serialize)]
        struct Answer<'a> {
            is_well: bool,
            #[serde(flatten)]
            health: &'a Health,
        }
        let answer = serde_json::to_string(&Answer { is_well: self.is_well(), health: &self });
        // Words and numbers always have a text.
        ([(http::header::CONTENT_TYPE, "application/json")], answer.unwrap_or_default()).into_response()
    }
}
