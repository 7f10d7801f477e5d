//! Panics of the user's functions, which are facts like any other.

use super::failed::shortened;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// Polls once. What a panic said is the error; the future must not be polled again after it.
pub(crate) fn poll_caught<F>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, String>>
where
    F: Future + ?Sized,
{
    // Nobody sees what the panic may have broken: the future is dropped.
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(text_of(panic))),
    }
}

/// Drops what holds values of the user's. What a panic of their destructors said is the error.
pub(crate) fn dropped<T>(value: T) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| drop(value))).map_err(text_of)
}

/// The outcome of a future, or what its panic said.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| poll_caught(future.as_mut(), cx)).await
}

fn text_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = shortened(text.unwrap_or("without a text"));
    // What is thrown may panic when it is dropped, and what that throws again.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
    text
}
