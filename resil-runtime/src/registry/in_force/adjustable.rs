//! What of a policy can be set from outside: one table for each kind.

use super::Value;
use crate::registry::{Shared, Transition, events};
use std::sync::Arc;
use std::time::Duration;

/// A kind of policy, and its settings by key.
#[derive(Debug)]
pub(crate) struct Adjustable {
    /// As files have it: `circuit_breaker`.
    pub(crate) name: &'static str,
    /// As sentences have it: `circuit breaker`.
    pub(crate) words: &'static str,
    /// Whether its policies can have a name to be found by.
    pub(crate) has_names: bool,
    /// Whether its handles look for what is in force only where anything was ever said of one.
    pub(crate) is_stateless: bool,
    pub(crate) keys: &'static [Key],
    /// What makes no sense by itself.
    pub(crate) judge: fn(&Values) -> Vec<Flaw>,
    /// What can never happen before this deadline.
    pub(crate) beyond: fn(&Values, Duration) -> Vec<Flaw>,
    /// What bounds the whole call.
    pub(crate) bound: fn(&Values) -> Option<Duration>,
}

/// One setting of a kind.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    /// As it would be written in a file.
    pub(crate) example: &'static str,
    /// Whether every policy of the kind says it itself, so that a file cannot say it for all.
    pub(crate) always_said: bool,
    /// Why it cannot be set of some.
    pub(crate) fixed_by: &'static str,
}

impl Key {
    pub(crate) const fn new(name: &'static str, takes: Takes, example: &'static str) -> Self {
        Self { name, takes, example, always_said: false, fixed_by: "" }
    }

    pub(crate) const fn fixed_by(mut self, why: &'static str) -> Self {
        self.fixed_by = why;
        self
    }

    pub(crate) const fn always_said(mut self) -> Self {
        self.always_said = true;
        self
    }
}

/// Which values a key has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    /// A duration, zero included.
    Wait,
    /// A duration above zero.
    Time,
    /// A whole number between these.
    Count(u32, u32),
    /// A fraction above 0 and up to 1.
    Rate,
    /// A number from 1 on.
    Factor,
    /// A number of calls up to this, or a duration.
    Window(u32),
    /// So many calls in so much time.
    Quota,
    Jitter,
    Statuses,
    OneOf(&'static [&'static str]),
}

/// All settings of one policy, by key.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    keys: &'static [Key],
    values: Arc<[Option<Value>]>,
}

impl Values {
    pub(super) fn new(keys: &'static [Key], values: impl Iterator<Item = Option<Value>>) -> Self {
        Self { keys, values: values.collect() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let key = self.keys.iter().position(|key| key.name == name)?;
        self.values.get(key)?.as_ref()
    }

    pub(crate) fn time(&self, name: &str) -> Option<Duration> {
        if let Value::Time(time) = self.get(name)? { Some(*time) } else { None }
    }

    pub(crate) fn count(&self, name: &str) -> Option<u32> {
        if let Value::Count(count) = self.get(name)? { Some(*count) } else { None }
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        if let Value::Number(number) = self.get(name)? { Some(*number) } else { None }
    }

    pub(crate) fn quota(&self, name: &str) -> Option<(u32, Duration)> {
        if let Value::Quota(calls, per) = self.get(name)? { Some((*calls, *per)) } else { None }
    }

    pub(crate) fn word(&self, name: &str) -> Option<&'static str> {
        if let Value::Word(word) = self.get(name)? { Some(word) } else { None }
    }
}

/// Settings that make no sense, or not together.
#[derive(Debug)]
pub(crate) struct Flaw {
    /// Whichever of them is not as the program has it is to blame.
    pub(crate) keys: &'static [&'static str],
    /// What it is, and what to write instead.
    pub(crate) message: String,
}

/// What came of putting settings in force. Who hears of it, and who is woken, is other people's code, which runs when all
/// settings are in force and nothing is locked.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Put {
    /// What was counted is forgotten.
    pub(crate) begins_anew: bool,
    /// To be told, each with what the circuit is called.
    pub(crate) transitions: Vec<(&'static str, Transition)>,
    /// Whether somebody waits for what is free now.
    pub(crate) wakes: bool,
}

impl Put {
    /// Of two states that belong together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.transitions.extend(other.transitions);
        let (begins_anew, wakes) = (self.begins_anew || other.begins_anew, self.wakes || other.wakes);
        Self { begins_anew, wakes, ..self }
    }

    /// With nothing locked; by the operator of this name, if it was one.
    pub(crate) fn finish(self, state: &dyn Shared, by: Option<&Arc<str>>) {
        self.transitions.into_iter().for_each(|(breaker, transition)| events::transition(breaker, transition, by));
        if self.wakes {
            state.wake();
        }
    }
}

pub(crate) fn no_flaws(_: &Values) -> Vec<Flaw> {
    Vec::new()
}

pub(crate) fn no_bound(_: &Values, _: Duration) -> Vec<Flaw> {
    Vec::new()
}

pub(crate) fn no_limit(_: &Values) -> Option<Duration> {
    None
}
