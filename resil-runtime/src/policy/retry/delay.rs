use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

pin_project! {
    /// The wait before the next attempt. A zero wait is ready at once and touches no timer, whose step is a
    /// millisecond.
    #[must_use = "a delay passes only when awaited"]
    #[derive(Debug)]
    pub struct Delay {
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl Delay {
    pub(super) fn of(delay: Duration) -> Self {
        Self { sleep: (!delay.is_zero()).then(|| tokio::time::sleep(delay)) }
    }
}

impl Future for Delay {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().sleep.as_pin_mut() {
            Some(sleep) => sleep.poll(cx),
            None => Poll::Ready(()),
        }
    }
}
