#[cfg(feature = "sqlx")]
use std::future::Future;

/// A task that goes on in the tracing span of whoever has begun it.
#[cfg(feature = "sqlx")]
pub(crate) fn in_callers_span<F: Future>(task: F) -> impl Future<Output = F::Output> {
    #[cfg(feature = "tracing")]
    {
        tracing::Instrument::in_current_span(task)
    }
    #[cfg(not(feature = "tracing"))]
    task
}

/// The tracing span of whoever was there when this was made.
pub(crate) struct CallersSpan(#[cfg(feature = "tracing")] tracing::Span);

impl CallersSpan {
    pub(crate) fn current() -> Self {
        Self(
            #[cfg(feature = "tracing")]
            tracing::Span::current(),
        )
    }

    /// Runs something in it.
    #[cfg_attr(not(feature = "tracing"), expect(clippy::unused_self, reason = "nobody asks for spans"))]
    pub(crate) fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tracing")]
        {
            self.0.in_scope(run)
        }
        #[cfg(not(feature = "tracing"))]
        run()
    }

    /// Runs a future in it.
    #[cfg(feature = "sqlx")]
    #[cfg_attr(not(feature = "tracing"), expect(clippy::unused_self, reason = "nobody asks for spans"))]
    pub(crate) fn around<F: Future>(&self, body: F) -> impl Future<Output = F::Output> {
        #[cfg(feature = "tracing")]
        {
            tracing::Instrument::instrument(body, self.0.clone())
        }
        #[cfg(not(feature = "tracing"))]
        body
    }
}
