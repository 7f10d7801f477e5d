//! What a registry does with settings from outside.

use super::{Assignment, Change, Layers, Remembered, Settled, Subject, own};
use crate::registry::states::{Entry, Owner};
use crate::registry::{Shared, States, events};
use crate::sync::lock;
use std::sync::Arc;

/// A state, and each setting in force if it can be set.
#[cfg(feature = "dashboard")]
type InForce = (Owner, Arc<dyn Shared>, Option<(Subject, Vec<Settled>)>);

impl States {
    pub(crate) fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Every policy that has a state here.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        self.adjustable().map(|(subject, _)| subject).collect()
    }

    /// The same, and each setting in force.
    pub(crate) fn settled(&self) -> Vec<(Subject, Vec<Settled>)> {
        let layers = Arc::clone(&lock(&self.layers));
        let settle = |(subject, _): (Subject, _)| {
            let settled = subject.settle(&layers);
            (subject, settled)
        };
        self.adjustable().map(settle).collect()
    }

    /// Every state, and each setting in force of what can be set.
    #[cfg(feature = "dashboard")]
    pub(crate) fn every_settled(&self) -> Vec<InForce> {
        let layers = Arc::clone(&lock(&self.layers));
        let settle = |(owner, Entry { state, wrote }): (Owner, Entry)| {
            let subject = state.subject().zip(wrote).map(|(subject, wrote)| subject.entered(owner.name(), wrote));
            let settled = subject.map(|subject| {
                let settled = subject.settle(&layers);
                (subject, settled)
            });
            (owner, state, settled)
        };
        self.entries().into_iter().map(settle).collect()
    }

    fn adjustable(&self) -> impl Iterator<Item = (Subject, Arc<dyn Shared>)> {
        let subject = |(owner, Entry { state, wrote }): (Owner, Entry)| {
            Some((state.subject()?.entered(owner.name(), wrote?), state))
        };
        self.entries().into_iter().filter_map(subject)
    }

    /// Puts these settings in force, for what has a state and for what will have one, and tells what is different. One
    /// caller at a time, who holds [`Remembered::changing`]; an operator says who they are.
    pub(crate) fn put_in_force(&self, layers: Layers, by: Option<&Arc<str>>) -> Vec<Change> {
        let layers = Arc::new(layers);
        let old = std::mem::replace(&mut *lock(&self.layers), Arc::clone(&layers));
        if layers.are_about_stateless() {
            own::begin();
        }
        let (mut changes, mut puts) = (Vec::new(), Vec::new());
        for (subject, state) in self.adjustable() {
            let (new, put) = subject.change(&old, &layers, &*state);
            changes.extend(new.into_iter().map(|change| Change { by: by.cloned(), ..change }));
            puts.push((state, put));
        }
        changes.sort_by_key(|change| (change.kind, change.policy));
        changes.iter().for_each(events::setting_changed);
        for (state, put) in puts {
            put.finish(&*state, by);
        }
        #[cfg(feature = "dashboard")]
        self.touch();
        changes
    }

    /// Closes the circuits that this is about. The same caller.
    pub(crate) fn close(&self, meant: &Assignment, by: &Arc<str>) {
        for (_, state) in self.adjustable().filter(|(subject, _)| meant.is_about(subject)) {
            state.close().finish(&*state, Some(by));
        }
    }
}
