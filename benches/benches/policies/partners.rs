//! The partners, and what they say.

use resil::Classify;
use resil_benches::asked;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// As small as an error can be and a word wide: of a narrower one the padding would be moved in pieces that overlap,
/// which costs the bare call 10 ns, and what is measured is the policy and not the moving of an error.
#[derive(Debug, Classify)]
#[repr(u64)]
pub(crate) enum Error {
    #[classify(transient)]
    Busy,
    #[classify(caller)]
    Refused,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Error {}

impl From<resil::Error> for Error {
    fn from(_: resil::Error) -> Self {
        Self::Refused
    }
}

pub(crate) const HOUR: Duration = Duration::from_hours(1);

pub(crate) const BOUND: Duration = Duration::from_secs(5);

pub(crate) type Answer = Result<u64, Error>;

#[expect(clippy::unnecessary_wraps, reason = "a partner can fail, this one does not")]
#[inline(never)]
pub(crate) fn answer(x: u64) -> Answer {
    asked();
    Ok(x + 1)
}

#[inline(never)]
pub(crate) fn fails_one_in_ten(x: u64) -> Answer {
    asked();
    if x.is_multiple_of(10) { Err(Error::Busy) } else { Ok(x + 1) }
}

#[inline(never)]
pub(crate) fn fails(_: u64) -> Answer {
    asked();
    Err(Error::Busy)
}

#[inline(never)]
pub(crate) fn fails_every_other_time(x: u64) -> Answer {
    static FAILED: AtomicBool = AtomicBool::new(false);
    asked();
    let fail = !FAILED.load(Ordering::Relaxed);
    FAILED.store(fail, Ordering::Relaxed);
    if fail { Err(Error::Busy) } else { Ok(x + 1) }
}

pub(crate) async fn bare(x: u64) -> Answer {
    answer(x)
}

pub(crate) async fn failing(x: u64) -> Answer {
    fails(x)
}

pub(crate) async fn failing_one_in_ten(x: u64) -> Answer {
    fails_one_in_ten(x)
}

pub(crate) async fn failing_every_other_time(x: u64) -> Answer {
    fails_every_other_time(x)
}

/// One of these, in the hands of others.
pub(crate) trait Partner: Copy + Send + Sync + 'static {
    fn ask(self, x: u64) -> impl Future<Output = Answer> + Send + 'static;
}

impl<P, F> Partner for P
where
    P: Fn(u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    #[inline]
    fn ask(self, x: u64) -> impl Future<Output = Answer> + Send + 'static {
        self(x)
    }
}

/// Its answer comes when it is asked for the second time.
pub(crate) async fn waits(x: u64) -> Answer {
    Once(false).await;
    answer(x)
}

/// Pending once. It wakes the runtime, which goes once around.
pub(crate) struct Once(pub(crate) bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
