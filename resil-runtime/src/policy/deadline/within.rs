//! Deadlines that are known only at run time: the one a caller of ours has sent, the one to send on.

use super::Deadline;
use crate::failure::Represents;
use crate::{Attempt, Failure, Site, context};
use std::collections::HashMap;
use std::future::Future;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Runs a call under a deadline that is known only at run time, as `#[deadline]` does with one that is written: for the time
/// that a caller of ours has left.
///
/// It counts from the first poll. Annotated calls within get the smaller of their own deadline and what remains of this
/// one; where a caller's is nearer, that one counts. A spent one, [`Duration::ZERO`], refuses the call.
///
/// Dropping the future drops the call.
///
/// # Errors
///
/// The call's own, or [`Error::DeadlineExceeded`](crate::Error::DeadlineExceeded), which names this place, and the limit rounded up to two digits.
///
/// # Panics
///
/// Resumes the call's own panic.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use resil::{Error, timeout};
/// use std::time::Duration;
///
/// #[timeout("10s")]
/// async fn partner() -> Result<u32, Error> {
///     std::future::pending().await
/// }
///
/// // From a header of the request that we answer.
/// let left = Duration::from_millis(1284);
/// let error = resil::within(left, partner()).await.unwrap_err();
/// assert!(matches!(error, Error::DeadlineExceeded { attempted: true, .. }));
/// # }
/// ```
#[track_caller]
pub fn within<T, E>(limit: Duration, call: impl Future<Output = Result<T, E>>) -> impl Future<Output = Result<T, E>>
where
    E: Represents,
{
    let deadline = known_as(Site::calling("resil::within", Location::caller()), limit);
    async move { Attempt::new(call).within(deadline.start_for(limit)).await.map_err(Failure::into_error) }
}

/// A deadline of so long from now, which errors say this place has set.
#[cfg(feature = "tonic")]
pub(crate) fn begin(site: &'static Site, limit: Duration) -> super::Due {
    known_as(site, limit).start_for(limit)
}

/// What is left of the nearest deadline around this call, to be sent to a partner; `None` where there is none.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), resil::Error> {
/// use resil::{Error, deadline};
/// use std::time::Duration;
///
/// #[deadline("15s")]
/// async fn call() -> Result<Option<Duration>, Error> {
///     tokio::time::sleep(Duration::from_secs(5)).await;
///     Ok(resil::remaining()) // as a header, in milliseconds
/// }
///
/// assert_eq!(call().await?, Some(Duration::from_secs(10)));
/// assert_eq!(resil::remaining(), None);
/// # Ok(()) }
/// ```
pub fn remaining() -> Option<Duration> {
    context::deadline().map(|due| due.remaining())
}

/// What errors say of a limit at a place. They are kept, so of each place there must be few: those of two digits.
fn known_as(site: &'static Site, limit: Duration) -> &'static Deadline {
    static KNOWN: Mutex<Option<HashMap<(usize, Duration), &'static Deadline>>> = Mutex::new(None);
    let limit = two_digits(limit);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default().entry((std::ptr::from_ref(site).addr(), limit));
    known.or_insert_with(|| Box::leak(Box::new(Deadline::within(limit).at(site))))
}

/// Rounded up.
fn two_digits(limit: Duration) -> Duration {
    let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    let unit = 10_u64.pow(nanos.checked_ilog10().unwrap_or(0).saturating_sub(1));
    Duration::from_nanos(nanos.div_ceil(unit).saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_in_two_digits() {
        for (limit, told) in [(0, 0), (7, 7), (99, 99), (100, 100), (101, 110), (1_284_000_000, 1_300_000_000)] {
            assert_eq!(two_digits(Duration::from_nanos(limit)), Duration::from_nanos(told), "{limit}");
        }
        assert!(two_digits(Duration::MAX) >= Duration::from_secs(3600 * 24 * 365 * 500));
    }
}
