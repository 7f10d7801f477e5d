//! A step that reaches a partner, under a lease.

use super::failed::Failed;
use super::lease::Lease;
use super::panic::poll_caught;
use crate::context::{Frame, Sent};
use crate::{IdempotencyKey, Verdict};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// One step of an operation, or one delivery.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + Send + 'a>>;

/// Why a step did not succeed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The user's function said so.
    Failed(Failed),
    /// What is stored is not what it is to be read as.
    Unreadable(String),
}

impl From<Failed> for Trouble {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// How a step that reached the partner ended.
pub(crate) enum Ended<T> {
    With(Result<T, Failed>),
    Panicked(String),
    Unreadable(String),
    /// The lease was over. It was not polled any more, so that nothing is sent which somebody else may be sending too.
    Lost,
}

/// A step that reaches the partner, polled only while the lease lasts.
pub(crate) struct Leased<'a, T> {
    running: Boxed<'a, T>,
    frame: Option<Frame>,
    sent: Sent,
    lease: &'a Lease,
}

impl<'a, T> Leased<'a, T> {
    /// Its request carries the key, if there is one.
    pub(crate) fn new(running: Boxed<'a, T>, key: Option<&IdempotencyKey>, lease: &'a Lease) -> Self {
        let (sent, mut frame) = (key.map_or_else(Sent::new, Sent::keyed), None);
        Frame::of_attempt(&mut frame, &sent);
        Self { running, frame, sent, lease }
    }
}

impl<T> Future for Leased<'_, T> {
    type Output = Ended<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<T>> {
        let this = &mut *self;
        if this.lease.is_over() {
            return Poll::Ready(Ended::Lost);
        }
        let (running, frame) = (&mut this.running, &this.frame);
        let ended = {
            let _call = this.sent.enter();
            let mut poll = || poll_caught(running.as_mut(), cx);
            std::task::ready!(match frame {
                Some(frame) => frame.enter(poll),
                None => poll(),
            })
        };
        Poll::Ready(match ended {
            Ok(Ok(value)) => Ended::With(Ok(value)),
            Ok(Err(Trouble::Failed(failed))) => {
                let is_in_doubt = failed.is_in_doubt || this.sent.may_have_acted();
                Ended::With(Err(Failed { is_in_doubt, ..failed }))
            }
            Ok(Err(Trouble::Unreadable(why))) => Ended::Unreadable(why),
            Err(panic) => Ended::Panicked(panic),
        })
    }
}

impl<T> Ended<T> {
    pub(crate) fn too_long(bound: Duration) -> Self {
        Self::With(Err(Failed::new(Verdict::transient(), format!("no end within {bound:?}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_step_is_not_polled_once_the_lease_is_over() {
        let lease = Lease::asked_for(clock::instant(), 3 * SECOND);
        let key = IdempotencyKey::random();
        tokio::time::advance(2 * SECOND).await;
        lease.extended(clock::instant());
        tokio::time::advance(2 * SECOND).await;
        assert!(!lease.is_over(), "it was extended");
        tokio::time::advance(SECOND).await;
        let running: Boxed<'_, ()> = Box::pin(async { unreachable!("it is not polled") });
        assert!(matches!(Leased::new(running, Some(&key), &lease).await, Ended::Lost));
    }

    #[tokio::test]
    async fn a_repeat_of_an_unknown_outcome_within_leaves_doubt() {
        use crate::{Error, Retry};
        static RETRY: Retry = Retry::idempotency_key().base(Duration::ZERO);
        let lease = Lease::asked_for(clock::instant(), SECOND * 60);
        let key = IdempotencyKey::random();
        let running: Boxed<'_, ()> = Box::pin(async {
            let mut retry = RETRY.start_with(&key);
            let delay = retry.again(Some(Verdict::transient())).expect("it is repeated");
            delay.await;
            Err(Trouble::Failed(Failed::from(Error::MissingKey { method: "POST" })))
        });
        let Ended::With(Err(failed)) = Leased::new(running, Some(&key), &lease).await else { panic!("it fails") };
        assert_eq!(failed.verdict(), Verdict::caller().ours());
        assert!(failed.is_in_doubt, "the first attempt may have had an effect");
    }
}
