//! What the registry knows of a policy, whatever its kind.

use super::{States, Written};
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
}

/// What a name stands for: shared by all handles that write it, and by nobody else.
pub(crate) trait Shared: Any + Debug + Send + Sync {
    /// What the first handle to use it asked for.
    fn written(&self) -> Written;

    /// What errors and events call it.
    fn label(&self) -> &'static str;

    /// What an operator sees of it; `None` of what is no operator's business.
    fn row(&self) -> Option<Row>;

    /// The test it belonged to has ended.
    fn end(&self) {}
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

    fn label(&self) -> &'static str;
    /// The state of this handle there.
    fn look_up(&self, states: &States) -> Result<Arc<Self::State>, Error>;
    /// A handle of this state.
    fn found(name: Option<&'static str>, state: Arc<Self::State>) -> Self;
    /// The same handle, to answer this error forever.
    fn without_state(&self, error: Error) -> Self;
}
