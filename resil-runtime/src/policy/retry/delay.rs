use crate::clock;
use crate::context::Pause;
use crate::registry::calls::Running;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

pin_project! {
    /// The wait before the next attempt. A zero wait is ready at once and touches no timer, whose step is a
    /// millisecond.
    ///
    /// It is no silence of a partner: the read clocks of the attempts around it stand still.
    #[must_use = "a delay passes only when awaited"]
    #[derive(Debug)]
    pub struct Delay {
        #[pin]
        sleep: Option<Sleep>,
        pause: Option<Pause>,
    }
}

impl Delay {
    pub(super) fn of(delay: Duration) -> Self {
        Self { sleep: (!delay.is_zero()).then(|| tokio::time::sleep(delay)), pause: None }
    }

    /// *For expansions.* Whoever listens to this call learns how long it waits.
    #[doc(hidden)]
    pub fn told_to(&self, call: &Running) {
        call.waits(|| self.lasts());
    }

    /// What is left of it.
    fn lasts(&self) -> Duration {
        let left = |sleep: &Sleep| sleep.deadline().saturating_duration_since(clock::instant());
        self.sleep.as_ref().map_or(Duration::ZERO, left)
    }
}

impl Future for Delay {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let Some(sleep) = this.sleep.as_pin_mut() else { return Poll::Ready(()) };
        let polled = sleep.poll(cx);
        match polled {
            Poll::Pending if this.pause.is_none() => *this.pause = Pause::start(),
            Poll::Pending => {}
            Poll::Ready(()) => *this.pause = None,
        }
        polled
    }
}
