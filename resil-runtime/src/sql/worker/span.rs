use std::future::Future;

/// A task that goes on in the tracing span of whoever has begun it.
pub(crate) fn in_callers_span<F: Future>(task: F) -> impl Future<Output = F::Output> {
    #[cfg(feature = "tracing")]
    {
        tracing::Instrument::in_current_span(task)
    }
    #[cfg(not(feature = "tracing"))]
    task
}
