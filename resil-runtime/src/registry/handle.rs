//! What the registry knows of a policy, whatever its kind.

#[cfg(feature = "dashboard")]
use super::View;
#[cfg(feature = "config")]
use super::in_force::{Put, Subject, Values};
use super::{Registry, Slot, States, Written};
use crate::Error;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// A policy as a call site holds it: the door through which `check()`, an operator and a report come to every kind.
pub trait Handle: Any + Debug + Send + Sync {
    /// Kind, name, place and settings as written. Two handles that share a name must agree on it.
    #[doc(hidden)]
    fn written(&self) -> Written;

    /// The name it shares its state by; cheaper to ask than [`written`](Self::written).
    #[doc(hidden)]
    fn name(&self) -> Option<&'static str> {
        None
    }

    /// Every setting out of range, as one sentence.
    #[doc(hidden)]
    fn out_of_range(&self) -> Option<String> {
        None
    }

    /// Sets its state up there, if it has one that an operator is shown.
    ///
    /// # Errors
    ///
    /// Why it can have none.
    #[doc(hidden)]
    fn set_up(&self, _states: &States) -> Result<(), Error> {
        Ok(())
    }

    /// What bounds the whole call.
    #[doc(hidden)]
    fn deadline(&self) -> Option<Duration> {
        None
    }

    /// What can never happen before this deadline, as one sentence.
    #[doc(hidden)]
    fn beyond(&self, _deadline: Duration) -> Option<String> {
        None
    }

    /// What the page shows of it beside its settings, if that is not its state's.
    #[cfg(feature = "dashboard")]
    #[doc(hidden)]
    fn view(&self, _states: &States) -> Option<View> {
        None
    }

    /// What it is and has as written, if its settings can be set from outside.
    #[cfg(feature = "config")]
    #[doc(hidden)]
    fn subject(&self) -> Option<Subject> {
        None
    }
}

/// What a name stands for: shared by all handles that write it, and by nobody else.
pub(crate) trait Shared: Any + Debug + Send + Sync {
    /// What the first handle to use it asked for.
    fn written(&self) -> Written;

    /// What errors and events call it; nothing of what neither speaks of.
    fn label(&self) -> &'static str {
        ""
    }

    /// What an operator sees of it; `None` of what is no operator's business.
    fn row(&self) -> Option<Row> {
        None
    }

    /// The same for the page.
    #[cfg(feature = "dashboard")]
    fn view(&self) -> Option<View> {
        None
    }

    /// The test it belonged to has ended.
    fn end(&self) {}

    /// What of it can be set from outside, as it was set up. Name, place and what was said are its entry's.
    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        None
    }

    /// Goes on with these settings, and keeps what it knows.
    #[cfg(feature = "config")]
    fn put_in_force(&self, _values: &Values) -> Put {
        Put::default()
    }

    /// Begins anew as if nothing had failed, in the state that its settings have it in.
    #[cfg(feature = "config")]
    fn close(&self) -> Put {
        Put::default()
    }

    /// Wakes whoever waits for what those settings have set free.
    #[cfg(feature = "config")]
    fn wake(&self) {}
}

/// One line of a report.
#[derive(Debug)]
pub(crate) struct Row {
    /// Which table it belongs to, for example `circuit breaker`.
    pub(crate) table: &'static str,
    /// Numbers and words, by column.
    pub(crate) cells: Vec<(&'static str, String)>,
}

/// A handle that the registry finds by name and gives out.
pub(crate) trait Found: Handle + Sized {
    /// What its name stands for.
    type State: Shared;

    /// Where it keeps that.
    fn slot(&self) -> &Slot<Self::State>;
    /// A new one, as this handle is written.
    fn new_state(&self, label: &'static str) -> Self::State;
    /// A handle of this state.
    fn found(name: Option<&'static str>, state: Arc<Self::State>) -> Self;
    /// The same handle, to answer this error forever.
    fn without_state(&self, error: Error) -> Self;

    /// Its state there, on which all handles of its name must agree.
    #[cold]
    fn look_up(&self, states: &States) -> Result<Arc<Self::State>, Error> {
        let written = self.written();
        Registry::consistent(&written, self.out_of_range())?;
        let label = written.name.unwrap_or_else(|| written.site.label());
        states.agreed(self.slot().owner(written.name), &written, self, || self.new_state(label))
    }

    /// What errors and events call it: its name, or its call site.
    fn label(&self) -> &'static str {
        let of_state = || {
            self.slot().get(|states| self.look_up(states)).map_or_else(|_| self.written().site.function, Shared::label)
        };
        self.name().unwrap_or_else(of_state)
    }
}
