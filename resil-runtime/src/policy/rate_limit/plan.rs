use super::{Gcra, Settings};
use crate::clock::{self, Nanos};

/// What all keys of one limit have in common.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) label: &'static str,
    pub(super) settings: Settings,
    pub(super) gcra: Gcra,
    pub(super) max_wait: Nanos,
}

impl Plan {
    pub(super) fn new(label: &'static str, settings: Settings) -> Self {
        let gcra = match settings.fleet {
            None => Gcra::new(settings.rate.interval(), settings.burst()),
            Some(_) => Gcra::TOKENS,
        };
        Self { label, settings, gcra, max_wait: clock::nanos(settings.max_wait) }
    }
}
