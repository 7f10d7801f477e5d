use super::handle::Breaker;
use super::{Admission, Sample};
use crate::{Kind, Verdict};
use std::fmt;
use std::mem::ManuallyDrop;

/// Permission to make one call, stamped with the period it was given in.
///
/// Dropped without a result it means *cancelled*: nothing is counted, and the place of a probe is free again. A
/// result that arrives after the breaker has changed state changes nothing and frees nothing.
#[must_use = "a pass that is dropped counts as a cancelled call; give the result to `record`"]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    admission: Admission,
}

impl<'a> Pass<'a> {
    #[inline]
    pub(super) fn new(breaker: &'a Breaker, admission: Admission) -> Self {
        Self { breaker, admission }
    }

    /// Counts the call: `None` is a success; what is the caller's fault or was refused counts as nothing, and so does what
    /// was [cut short](Verdict::is_cut_short), unless it had lasted as long as a slow call by then: then it is slow, and not
    /// failed.
    #[inline]
    pub fn record(self, verdict: Option<Verdict>) {
        // Recorded here, and therefore not cancelled.
        let pass = ManuallyDrop::new(self);
        let sample = match verdict.map(|verdict| verdict.kind) {
            None => Sample::Success,
            Some(Kind::Refused) => Sample::Cancelled,
            Some(_) if verdict.as_ref().is_some_and(Verdict::is_cut_short) => Sample::CutShort,
            Some(Kind::Transient | Kind::Permanent) => Sample::Failure,
            Some(Kind::Caller) => Sample::CallerFault,
        };
        pass.breaker.record(pass.admission, sample);
    }
}

impl Drop for Pass<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.admission.is_probe() {
            self.breaker.record(self.admission, Sample::Cancelled);
        }
    }
}

impl fmt::Debug for Pass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("admission", &self.admission).finish_non_exhaustive()
    }
}
