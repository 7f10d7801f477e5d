//! One look at everything that the page shows. It waits for nothing.

use super::control::Which;
use super::document::Document;
use super::process::Process;
use crate::config::PolicySettings;
use crate::registry::{
    Backlogs, CallSite, Changed, Level, OutboxBacklog, Policy, Registry, States, View, policies, registry,
};
use serde::Serialize;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// A policy that has a state.
#[derive(Serialize)]
struct Row<'a> {
    kind: &'a str,
    /// The name it shares its state by.
    name: Option<&'static str>,
    label: &'a str,
    /// The function; of one with a name, one of those that share it.
    site: Option<&'static str>,
    /// What a control names it by, if it can be set.
    which: Option<Which>,
    level: Level,
    now: Value,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    #[serde(serialize_with = "crate::as_data::unix_seconds")]
    at_unix_seconds: SystemTime,
    from: &'static str,
    to: &'static str,
    cause: &'static str,
    by: Option<std::sync::Arc<str>>,
}

/// An annotated function: which policies a call of it passes, outermost first.
#[derive(Serialize)]
struct Function {
    function: &'static str,
    file: &'static str,
    line: u32,
    label: &'static str,
    level: Level,
    policies: Vec<Passed>,
}

#[derive(Serialize)]
struct Passed {
    kind: String,
    /// What its settings, and its row if it has a state, are found by.
    label: &'static str,
    which: Option<Which>,
    /// Its state, if only this function has it.
    now: Option<Value>,
    /// As they are written, where none can be set from outside.
    written: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Work {
    open: u64,
    /// Those that nothing moves but an operator.
    manual: u64,
    #[serde(rename = "oldest_seconds", serialize_with = "crate::as_data::seconds")]
    oldest: Option<Duration>,
    #[serde(rename = "seen_unix_seconds", serialize_with = "crate::as_data::unix_seconds")]
    seen: Option<SystemTime>,
    states: Vec<(&'static str, u64)>,
}

impl Work {
    fn row<'a>(&self, kind: &'a str, of: &'static str, label: &'a str) -> Row<'a> {
        let level = if self.manual > 0 { Level::Wrong } else { Level::Well };
        let now = serde_json::json!({ of: self });
        Row { kind, name: None, label, site: None, which: None, level, now, changes: Vec::new() }
    }
}

pub(super) fn sample(process: &Process) -> Document {
    let mut document = Document::at(SystemTime::now());
    document.put("process", process);
    document.put("configuration", &registry().configuration());
    backlogs(&mut document);
    Registry::with(|states| {
        for policy in policies() {
            misconfigured(&mut document, states, policy);
        }
        states_of(&mut document, states);
        for call_site in registry().call_sites() {
            function(&mut document, states, call_site);
        }
    });
    document
}

/// What waits in the databases, as this process's workers saw it when they looked last.
fn backlogs(document: &mut Document) {
    let Backlogs { ledger, outbox } = registry().backlogs();
    for of_operation in ledger.intents.chunk_by(|one, next| one.operation == next.operation) {
        let label = of_operation[0].operation;
        let number = |needs_operator: bool| {
            of_operation.iter().filter(|one| one.needs_operator == needs_operator).map(|one| one.number).sum()
        };
        let states = of_operation.iter().filter(|one| one.number > 0).map(|one| (one.state, one.number)).collect();
        let oldest = of_operation.iter().filter_map(|one| one.oldest).max();
        let work = Work { open: number(false), manual: number(true), oldest, seen: ledger.seen, states };
        document.put(&format!("ledger/{label}"), &work.row("ledger", "intents", label));
    }
    if outbox.seen.is_some() {
        let OutboxBacklog { waiting: open, oldest, set_aside: manual, seen, .. } = outbox;
        let work = Work { open, manual, oldest, seen, states: Vec::new() };
        document.put("outbox/messages", &work.row("outbox", "messages", "messages"));
    }
}

/// Sets each policy up, so that one that nobody has called yet is shown as well.
fn misconfigured(document: &mut Document, states: &States, policy: &Policy) {
    let Err(error) = policy.handle().set_up(states) else { return };
    let kind = word(policy.kind());
    let label = policy.name().unwrap_or_else(|| policy.handle().written().site.label());
    let now = serde_json::json!({ "misconfigured": error.to_string() });
    let (name, level) = (policy.name(), Level::Wrong);
    let row = Row { kind: &kind, name, label, site: None, which: None, level, now, changes: Vec::new() };
    // A contradiction is found at each of its sites.
    document.put_once(&format!("misconfigured/{kind}/{label}"), &row);
}

fn states_of(document: &mut Document, states: &States) {
    let mut all = states.every_settled();
    // Those of one label, which only policies made by hand have, keep their order.
    all.sort_by_key(|(owner, ..)| *owner);
    for (owner, state, settled) in all {
        let (mut site, mut which) = (None, None);
        if let Some((subject, settled)) = settled {
            which = Which::of(&subject);
            let settings = PolicySettings::new(&subject, settled);
            site = Some(settings.site);
            document.put(&format!("settings/{}/{}", settings.kind, settings.label), &settings.settings);
        }
        let Some(View { kind, level, now }) = state.view() else { continue };
        let (name, label) = (owner.name(), state.label());
        let changes = states.past(label).into_iter().map(Change::from).collect();
        let row = Row { kind, name, label, site, which, level, now, changes };
        document.put(&format!("policy/{kind}/{label}"), &row);
    }
}

fn function(document: &mut Document, states: &States, call_site: &'static CallSite) {
    let site = call_site.site();
    let mut level = Level::Well;
    let passed = call_site.policies().iter().map(|policy| {
        let view = policy.handle().view(states);
        level = level.max(view.as_ref().map_or(Level::Well, |view| view.level));
        let subject = policy.handle().subject();
        Passed {
            kind: word(policy.kind()),
            label: policy.name().unwrap_or_else(|| site.label()),
            which: subject.as_ref().and_then(Which::of),
            now: view.map(|view| view.now),
            written: if subject.is_some() { Vec::new() } else { policy.settings() },
        }
    });
    let policies = passed.collect();
    let (function, file, line, label) = (site.function, site.file, site.line, site.label());
    document.put(&format!("function/{label}"), &Function { function, file, line, label, level, policies });
}

/// As files of settings have it.
fn word(kind: &str) -> String {
    kind.replace(' ', "_")
}

impl From<Changed> for Change {
    fn from(Changed { at, transition, by }: Changed) -> Self {
        let (from, to) = (transition.from.as_str(), transition.to.as_str());
        Self { at_unix_seconds: at, from, to, cause: transition.cause.as_str(), by }
    }
}
