//! The requests that run in this process.

use crate::sync::{Mutex, lock};
use std::collections::HashSet;
use std::sync::Arc;

#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<HashSet<String>>>);

/// One of them. It ends when this is dropped.
pub(super) struct Entry {
    running: Running,
    id: String,
}

impl Running {
    /// `None` if the same request runs already.
    pub(super) fn begin(&self, id: &str) -> Option<Entry> {
        let is_first = lock(&self.0).insert(id.to_owned());
        is_first.then(|| Entry { running: self.clone(), id: id.to_owned() })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.running.0).remove(&self.id);
    }
}
