//! What a registry does with settings from outside.

use super::{Adjusted, Change, Layers, Remembered, Subject, own};
use crate::registry::{Shared, States, events};
use crate::sync::lock;
use std::sync::Arc;

impl States {
    pub(crate) fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Every policy that has a state here.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        self.adjusted_states().map(|(_, adjusted)| adjusted.subject.clone()).collect()
    }

    pub(crate) fn adjusted_states(&self) -> impl Iterator<Item = (Arc<dyn Shared>, Arc<Adjusted>)> {
        self.entries().into_iter().filter_map(|entry| Some((entry.state, entry.adjusted?)))
    }

    /// Puts these settings in force, for what has a state and for what will have one, and tells what is different. One
    /// caller at a time, who holds [`Remembered::changing`].
    pub(crate) fn put_in_force(&self, layers: Layers) -> Vec<Change> {
        let layers = Arc::new(layers);
        *lock(&self.layers) = Arc::clone(&layers);
        if layers.are_about_stateless() {
            own::begin();
        }
        let (mut changes, mut puts) = (Vec::new(), Vec::new());
        for (state, adjusted) in self.adjusted_states() {
            let (new, put) = adjusted.apply(&layers, &*state);
            changes.extend(new);
            puts.push((state, put));
        }
        changes.sort_by_key(|change| (change.kind, change.policy));
        changes.iter().for_each(events::setting_changed);
        for (state, put) in puts {
            put.finish(&*state);
        }
        changes
    }
}
