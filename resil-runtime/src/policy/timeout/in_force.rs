//! What of a timeout can be set from outside.

use super::{Bounds, Timeout, millis};
use crate::Site;
use crate::registry::in_force::Live;
#[cfg(feature = "config")]
use crate::registry::in_force::{Put, Subject, Values};
use crate::registry::{Shared, Written};
use std::num::NonZeroU32;
use std::time::Duration;

/// Read by attempts that are under way, too: each of them may still end by the bound that it began with.
#[derive(Debug)]
pub(super) struct InForce {
    attempt: Live,
    connect: Live,
    read: Live,
    #[cfg(feature = "config")]
    subject: Subject,
}

impl InForce {
    pub(super) fn bounds(&self, site: &'static Site) -> Bounds {
        let read = self.read.get();
        let read_millis = read.and_then(|read| NonZeroU32::new(millis(read)));
        Bounds {
            attempt: self.attempt.get(),
            connect: self.connect.get(),
            read,
            read_millis,
            watches_phases: true,
            site,
        }
    }
}

impl Timeout {
    pub(super) fn as_written(&self) -> InForce {
        let Bounds { attempt, connect, read, .. } = self.bounds;
        InForce {
            attempt: Live::new(attempt),
            connect: Live::new(connect),
            read: Live::new(read),
            #[cfg(feature = "config")]
            subject: outside::subject(&self.bounds),
        }
    }
}

impl Bounds {
    /// What a deadline of this length comes before: the key, in words, and the bound.
    pub(super) fn above(&self, deadline: Duration) -> impl Iterator<Item = (&'static str, &'static str, Duration)> {
        let bounds = [
            ("attempt", "attempt bound", self.attempt),
            ("connect", "`connect`", self.connect),
            ("read", "`read`", self.read),
        ];
        bounds
            .into_iter()
            .filter_map(move |(key, what, bound)| Some((key, what, bound.filter(|bound| *bound > deadline)?)))
    }
}

impl Shared for InForce {
    fn written(&self) -> Written {
        Written { kind: "timeout", name: None, site: &Site::UNKNOWN, settings: Vec::new() }
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(self.subject.clone())
    }

    #[cfg(feature = "config")]
    fn put_in_force(&self, values: &Values) -> Put {
        for (key, live) in [("attempt", &self.attempt), ("connect", &self.connect), ("read", &self.read)] {
            live.set(values.time(key));
        }
        Put::default()
    }
}

#[cfg(feature = "config")]
pub(crate) mod outside {
    use crate::policy::timeout::Bounds;
    use crate::registry::in_force::{Adjustable, Flaw, Key, Said, Subject, Takes, Value, Values, no_flaws, no_limit};
    use std::time::Duration;

    const NO_PHASES: &str = "it watches no phase; write `connect` or `read` in its attribute";

    pub(crate) static TIMEOUT: Adjustable = Adjustable {
        name: "timeout",
        words: "timeout",
        has_names: false,
        is_stateless: true,
        keys: &[
            Key::new("attempt", Takes::Time, "\"10s\""),
            Key::new("connect", Takes::Time, "\"2s\"").fixed_by(NO_PHASES),
            Key::new("read", Takes::Time, "\"5s\"").fixed_by(NO_PHASES),
        ],
        judge: no_flaws,
        beyond,
        bound: no_limit,
    };

    pub(in crate::policy::timeout) fn subject(bounds: &Bounds) -> Subject {
        let values = [bounds.attempt, bounds.connect, bounds.read].map(|bound| bound.map(Value::Time));
        let subject = Subject::new(&TIMEOUT, None, bounds.site, Said::NOTHING, values, [None, None, None]);
        if bounds.watches_phases { subject } else { subject.with_fixed(&["connect", "read"]) }
    }

    fn beyond(values: &Values, deadline: Duration) -> Vec<Flaw> {
        let [attempt, connect, read] = ["attempt", "connect", "read"].map(|key| values.time(key));
        let bounds = Bounds { attempt, connect, read, ..Bounds::NONE };
        let flaw = |(key, what, bound): (&str, &str, Duration)| Flaw {
            keys: match key {
                "attempt" => &["attempt"],
                "connect" => &["connect"],
                _ => &["read"],
            },
            message: format!(
                "the {what} of {bound:?} can never pass, the deadline of {deadline:?} comes first: write at most \
                 \"{deadline:?}\", or a longer deadline"
            ),
        };
        bounds.above(deadline).map(flaw).collect()
    }
}
