//! What of a deadline can be set from outside.

use crate::Site;
use crate::context::Bound;
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::in_force::{Live, own};
#[cfg(feature = "config")]
use crate::registry::in_force::{Put, Values};
use crate::registry::{Handle, Shared, States, Written};
use std::time::Duration;

#[derive(Debug)]
struct LimitInForce {
    now: Live,
    #[cfg(feature = "config")]
    subject: Subject,
}

impl Bound {
    /// What is in force of a deadline.
    #[inline]
    pub(crate) fn in_force(&'static self) -> Duration {
        own::or(|| self.limit, || self.look())
    }

    #[cold]
    #[inline(never)]
    fn look(&'static self) -> Duration {
        own::look(self, || self.as_written(), |limit| limit.now.time())
    }

    /// Of a static, for an operator to see.
    pub(super) fn set_up(&self, states: &States) {
        own::set_up(states, self, || self.as_written());
    }

    fn as_written(&self) -> LimitInForce {
        LimitInForce {
            now: Live::new(Some(self.limit)),
            #[cfg(feature = "config")]
            subject: outside::subject(self),
        }
    }
}

/// As a deadline, which is where it stands.
impl Handle for Bound {
    fn written(&self) -> Written {
        let Self { limit, site } = *self;
        Written { kind: "deadline", name: None, site, settings: vec![("within", format!("{limit:?}"))] }
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(outside::subject(self))
    }
}
impl Shared for LimitInForce {
    fn written(&self) -> Written {
        Written { kind: "deadline", name: None, site: &Site::UNKNOWN, settings: Vec::new() }
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(self.subject.clone())
    }

    #[cfg(feature = "config")]
    fn put_in_force(&self, values: &Values) -> Put {
        if let Some(limit) = values.time("within") {
            self.now.set(Some(limit));
        }
        Put::default()
    }
}

#[cfg(feature = "config")]
pub(crate) mod outside {
    use crate::context::Bound;
    use crate::registry::in_force::{Adjustable, Key, Said, Subject, Takes, Value, no_bound, no_flaws};

    pub(crate) static DEADLINE: Adjustable = Adjustable {
        name: "deadline",
        words: "deadline",
        has_names: false,
        is_stateless: true,
        keys: &[Key::new("within", Takes::Time, "\"30s\"").always_said()],
        judge: no_flaws,
        beyond: no_bound,
        bound: |values| values.time("within"),
    };

    pub(super) fn subject(Bound { limit, site }: &Bound) -> Subject {
        Subject::new(&DEADLINE, None, site, Said::NOTHING, [Some(Value::Time(*limit))], [None])
    }
}
