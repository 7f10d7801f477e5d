use crate::Verdict;
use crate::context::{Listener, Pauses};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The right to begin one call now. There is nothing to give back.
#[derive(Clone, Copy)]
pub struct Turn<'a> {
    limit: &'a dyn Pauses,
    key: u64,
}

impl<'a> Turn<'a> {
    #[inline]
    pub(super) fn of(limit: &'a dyn Pauses, key: u64) -> Self {
        Self { limit, key }
    }

    /// Keeps the pause that a failure asks for, if its status is 429 or 503 and it says how long: `#[rate_limit(.., follow)]`.
    /// What `checked()` sends is [followed](Self::follow) without this. `None` is a success.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
    /// use resil::policy::rate_limit::Rate;
    /// use resil::{RateLimit, Verdict};
    /// use std::time::Duration;
    ///
    /// static BANK: RateLimit = RateLimit::new(Rate::per_second(100));
    ///
    /// BANK.acquire().await?.heed(Some(Verdict::status(429).retry_after(Some(Duration::from_secs(2)))));
    /// assert!(BANK.acquire().await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn heed(self, verdict: Option<Verdict>) {
        if let Some(Verdict { status: Some(429 | 503), retry_after: Some(wait), .. }) = verdict {
            self.limit.pause(self.key, wait);
        }
    }
}

impl Turn<'static> {
    /// Runs the call so that what the partner's answer asks for, `checked()` and [`resil::http::follow`] tell this limit.
    ///
    /// [`resil::http::follow`]: https://docs.rs/resil/latest/resil/http/fn.follow.html
    #[inline]
    pub fn follow<F>(self, call: F) -> Following<F> {
        Following { call, listener: Some(Listener::new(self.limit, self.key)) }
    }
}

#[cfg(feature = "tower")]
impl<F> Following<F> {
    /// Runs the call so that nobody hears what partners within it ask for, the limits around this one neither.
    pub(crate) fn unheard(call: F) -> Self {
        Self { call, listener: None }
    }
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

pin_project! {
    /// A call whose answers its rate limit hears of.
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Following<F> {
        #[pin]
        call: F,
        listener: Option<Listener>,
    }
}

impl<F: Future> Future for Following<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        Listener::enter(*this.listener, || this.call.poll(cx))
    }
}
