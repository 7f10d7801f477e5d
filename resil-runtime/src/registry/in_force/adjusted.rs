//! A state and what is in force of its settings.

use super::{Change, Layers, Put, Settled, Subject};
use crate::registry::handle::Shared;
use crate::sync::{Mutex, lock};
use std::sync::Arc;

/// What is in force of one state.
#[derive(Debug)]
pub(crate) struct Adjusted {
    pub(crate) subject: Subject,
    now: Mutex<Vec<Settled>>,
}

impl Adjusted {
    /// Of a state that was set up as it is written, and that nobody else has yet.
    pub(crate) fn new(subject: Subject, layers: &Layers, state: &dyn Shared) -> (Self, Put) {
        let subject = subject.united();
        let settled = subject.settle(layers);
        let is_outside = settled.iter().any(|one| one.source.is_outside());
        let put = if is_outside { state.put_in_force(&subject.values(&settled)) } else { Put::default() };
        (Self { subject, now: Mutex::new(settled) }, put)
    }

    /// Each setting in force, by the kind's keys.
    pub(crate) fn now(&self) -> Vec<Settled> {
        lock(&self.now).clone()
    }

    /// Puts these layers in force, and says what is different now.
    pub(crate) fn apply(&self, layers: &Layers, state: &dyn Shared) -> (Vec<Change>, Put) {
        let new = self.subject.settle(layers);
        let old = std::mem::replace(&mut *lock(&self.now), new.clone());
        let differs = old.iter().zip(&new).any(|(old, new)| old.value != new.value);
        if !differs {
            return (Vec::new(), Put::default());
        }
        let put = state.put_in_force(&self.subject.values(&new));
        let changes = self.subject.kind.keys.iter().zip(old).zip(new).filter(|((_, old), new)| old.value != new.value);
        let changes = changes.map(|((key, old), new)| Change {
            kind: self.subject.kind.words,
            policy: self.subject.label(),
            setting: key.name,
            from: text(&old),
            to: text(&new),
            source: new.source,
            begins_anew: put.begins_anew && key.name == "window",
        });
        (changes.collect(), put)
    }
}

fn text(settled: &Settled) -> Arc<str> {
    settled.value.as_ref().map_or_else(|| "none".into(), |value| value.to_string().into())
}
