use std::future::Future;
use std::pin::pin;

/// Some work to its end, because what it has begun counts; and whether it is time to stop. Both are polled: the one may hold the
/// connection that the other waits for.
pub(crate) async fn beside<T>(
    stop: &mut (impl Future<Output = ()> + Unpin),
    work: impl Future<Output = T>,
) -> (T, bool) {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        ended = &mut work => (ended, false),
        () = stop => (work.await, true),
    }
}
