use super::{Gcra, Settings};
use crate::registry::in_force::Live;
use crate::sync::AtomicU32;

/// What all keys of one limit have in common.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) label: &'static str,
    /// What it was set up with.
    pub(super) settings: Settings,
    /// As it was set up; a bucket knows whether it has another one.
    pub(super) gcra: Gcra,
    pub(super) max_wait: Live,
    pub(super) follow_max: Live,
    /// As it is in force.
    pub(super) burst: AtomicU32,
}

impl Plan {
    pub(super) fn new(label: &'static str, settings: Settings) -> Self {
        let gcra = match settings.fleet {
            None => Gcra::new(settings.rate.interval(), settings.burst()),
            Some(_) => Gcra::TOKENS,
        };
        Self {
            label,
            settings,
            gcra,
            max_wait: Live::new(Some(settings.max_wait)),
            follow_max: Live::new(Some(settings.follow_max)),
            burst: AtomicU32::new(settings.burst()),
        }
    }
}
