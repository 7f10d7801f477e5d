//! What of a retry can be set from outside.

use super::{Backoff, Retry};
use crate::Site;
use crate::registry::in_force::own;
#[cfg(feature = "config")]
use crate::registry::in_force::{Put, Subject, Values};
use crate::registry::{Shared, Written};
use crate::sync::{Mutex, lock};
#[cfg(feature = "config")]
use std::sync::Arc;

/// What a failed attempt asks of the settings.
#[derive(Debug, Clone)]
pub(super) struct Now {
    pub(super) attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) statuses: Statuses,
}

#[derive(Debug, Clone)]
pub(super) enum Statuses {
    Written(&'static [u16]),
    #[cfg(feature = "config")]
    Set(Arc<[u16]>),
}

impl Statuses {
    pub(super) fn all(&self) -> &[u16] {
        match self {
            Self::Written(statuses) => statuses,
            #[cfg(feature = "config")]
            Self::Set(statuses) => statuses,
        }
    }
}

/// Asked after a failure only.
#[derive(Debug)]
pub(super) struct InForce {
    now: Mutex<Now>,
    #[cfg(feature = "config")]
    subject: Subject,
}

impl Retry {
    pub(super) fn now(&self) -> Now {
        own::or(|| self.written_now(), || self.in_force())
    }

    #[cold]
    #[inline(never)]
    fn in_force(&self) -> Now {
        own::look(self, || self.as_written(), |retry| lock(&retry.now).clone())
    }

    pub(super) fn as_written(&self) -> InForce {
        InForce {
            now: Mutex::new(self.written_now()),
            #[cfg(feature = "config")]
            subject: outside::subject(self),
        }
    }

    fn written_now(&self) -> Now {
        Now { attempts: self.attempts, backoff: self.backoff, statuses: Statuses::Written(self.statuses) }
    }
}

impl Shared for InForce {
    fn written(&self) -> Written {
        Written { kind: "retry", name: None, site: &Site::UNKNOWN, settings: Vec::new() }
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(self.subject.clone())
    }

    #[cfg(feature = "config")]
    fn put_in_force(&self, values: &Values) -> Put {
        *lock(&self.now) = outside::now(values);
        Put::default()
    }
}

#[cfg(feature = "config")]
pub(crate) mod outside {
    use super::{Now, Statuses};
    use crate::policy::retry::{Backoff, Jitter, Retry, Settings};
    use crate::registry::in_force::{Adjustable, Flaw, Key, Subject, Takes, Value, Values, no_flaws, no_limit};
    use std::time::Duration;

    pub(crate) static RETRY: Adjustable = Adjustable {
        name: "retry",
        words: "retry",
        has_names: false,
        is_stateless: true,
        // The place of each is what a handle marks as said.
        keys: &[
            Key::new("attempts", Takes::Count(1, u32::MAX), "3"),
            Key::new("base", Takes::Wait, "\"100ms\""),
            Key::new("factor", Takes::Factor, "2.0"),
            Key::new("max", Takes::Wait, "\"10s\""),
            Key::new("jitter", Takes::Jitter, "\"full\""),
            Key::new("retry_status", Takes::Statuses, "[429]"),
        ],
        judge: no_flaws,
        beyond,
        bound: no_limit,
    };

    pub(in crate::policy::retry) fn subject(retry: &Retry) -> Subject {
        let Retry { attempts, backoff, statuses, said, site, .. } = retry;
        let usual = Settings::new();
        let written = values(*attempts, backoff, statuses);
        let usual = values(usual.attempts, &usual.backoff(), usual.retry_status);
        Subject::new(&RETRY, None, site, *said, written, usual)
    }

    fn values(attempts: u32, backoff: &Backoff, statuses: &[u16]) -> [Option<Value>; 6] {
        let Backoff { base, factor, max, jitter } = *backoff;
        let jitter = match jitter {
            Jitter::None => Value::Word("none"),
            Jitter::Full => Value::Word("full"),
            Jitter::Equal => Value::Word("equal"),
            Jitter::Decorrelated => Value::Word("decorrelated"),
            Jitter::Fraction(part) => Value::Number(part),
        };
        let (attempts, statuses) = (Value::Count(attempts), Value::Statuses(statuses.into()));
        [attempts, Value::Time(base), Value::Number(factor), Value::Time(max), jitter, statuses].map(Some)
    }

    pub(super) fn now(values: &Values) -> Now {
        let usual = Settings::new();
        let jitter = match values.get("jitter") {
            Some(Value::Word("none")) => Jitter::None,
            Some(Value::Word("equal")) => Jitter::Equal,
            Some(Value::Word("decorrelated")) => Jitter::Decorrelated,
            Some(Value::Number(part)) => Jitter::Fraction(*part),
            _ => Jitter::Full,
        };
        let backoff = Backoff {
            base: values.time("base").unwrap_or(usual.base),
            factor: values.number("factor").unwrap_or(usual.factor),
            max: values.time("max").unwrap_or(usual.max),
            jitter,
        };
        let statuses = match values.get("retry_status") {
            Some(Value::Statuses(statuses)) => Statuses::Set(statuses.clone()),
            _ => Statuses::Written(&[]),
        };
        Now { attempts: values.count("attempts").unwrap_or(usual.attempts), backoff, statuses }
    }

    /// Waits that do not fit in it.
    fn beyond(values: &Values, deadline: Duration) -> Vec<Flaw> {
        let Now { attempts, backoff, .. } = now(values);
        let waits = backoff.sum(attempts, deadline).filter(|waits| *waits >= deadline);
        let flaw = |waits| Flaw {
            keys: &["attempts", "base", "factor", "max", "jitter"],
            message: format!(
                "the waits of the retry add up to {waits:?}, which does not fit in the deadline of {deadline:?}: write fewer \
                 `attempts`, a smaller `base` or `max`, or a longer deadline"
            ),
        };
        waits.map(flaw).into_iter().collect()
    }
}
