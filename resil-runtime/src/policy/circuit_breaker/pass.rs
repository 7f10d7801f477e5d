use super::handle::Breaker;
use super::{Admission, Sample};
use crate::{Kind, Verdict};
use std::fmt;

/// Permission to make one call, stamped with the period it was given in.
///
/// Dropped without a result it means *cancelled*: nothing is counted, and the place of a probe is free again. A
/// result that arrives after the breaker has changed state changes nothing and frees nothing.
#[must_use = "a pass that is dropped counts as a cancelled call; give the result to `record`"]
pub struct Pass {
    breaker: &'static Breaker,
    /// Taken by `record`.
    admission: Option<Admission>,
}

impl Pass {
    #[inline]
    pub(super) fn new(breaker: &'static Breaker, admission: Admission) -> Self {
        Self { breaker, admission: Some(admission) }
    }

    /// Counts the call: `None` is a success; what is the caller's fault or was refused counts as nothing.
    #[inline]
    pub fn record(mut self, verdict: Option<Verdict>) {
        let sample = match verdict.map(|verdict| verdict.kind) {
            None => Sample::Success,
            Some(Kind::Transient | Kind::Permanent) => Sample::Failure,
            Some(Kind::Caller) => Sample::CallerFault,
            Some(Kind::Refused) => Sample::Cancelled,
        };
        if let Some(admission) = self.admission.take() {
            self.breaker.record(admission, sample);
        }
    }
}

impl Drop for Pass {
    #[inline]
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            self.breaker.record(admission, Sample::Cancelled);
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("admission", &self.admission).finish_non_exhaustive()
    }
}
