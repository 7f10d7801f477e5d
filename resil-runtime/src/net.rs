//! Connecting by hand, under the `connect` bound of the attempt around it.

use crate::context::InFlight;
use crate::failure::ConnectTimeout;
use crate::policy::timeout::Dial;
use std::future::Future;
use std::panic::Location;

/// Makes a connection within the `connect` bound of the annotated function around it.
///
/// When the bound passes, this future itself returns [`ConnectTimeout`], which certifies that nothing was sent over it: a
/// retry, even `#[retry(unsent)]`, may repeat it. Once a connection is made, the call counts as sent. Outside an
/// annotated function it adds no bound, which an [`Event::ConnectUnenforced`](crate::Event::ConnectUnenforced) says once: a
/// channel that dials in a task of its own, as tonic's does, has to bound its connector itself (the feature `tonic` has one that does).
/// While it runs, the attempt's
/// read clock stands still; when it ends, that clock starts anew.
///
/// Dropping it drops the connection under way.
///
/// ```no_run
/// use resil::timeout;
/// use tokio::net::TcpStream;
///
/// #[timeout("10s", connect = "2s")]
/// async fn hello() -> std::io::Result<TcpStream> {
///     resil::net::connect(TcpStream::connect("partner.example:443")).await
/// }
/// ```
#[track_caller]
pub fn connect<F, T, E>(dial: F) -> Dial<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<ConnectTimeout>,
{
    Dial::by_hand(dial, Location::caller())
}

/// One request by hand, which is silent by itself: the attempt around it ends when this request hears nothing for `read`,
/// whatever those beside it hear, dial or upload.
///
/// For requests that run beside each other in one annotated function: within it, [`connect`] and [`progress`] speak for this
/// request. `checked()` of the reqwest adapter does it for you. Where no `read` is in force it is the future it was given.
///
/// Dropping it drops the request.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use resil::{Error, timeout};
/// use std::time::Duration;
///
/// async fn drips() {
///     loop {
///         tokio::time::sleep(Duration::from_secs(1)).await;
///         resil::net::progress();
///     }
/// }
///
/// #[timeout("1h", read = "5s")]
/// async fn ask_both() -> Result<(), Error> {
///     tokio::join!(resil::net::request(drips()), resil::net::request(std::future::pending::<()>()));
///     Ok(())
/// }
///
/// assert!(ask_both().await.is_err()); // after 5 s
/// # }
/// ```
pub fn request<F: Future>(request: F) -> impl Future<Output = F::Output> {
    InFlight::new(request)
}

/// Tells the attempt around this call that data moved, which restarts its read clock.
///
/// For protocols without an adapter: call it when a request chunk was written and when an answer chunk arrived. Within
/// [`request`] it speaks for that request. The reqwest adapter does it for you.
pub fn progress() {
    crate::context::mark();
}

/// Tells the annotated call around this one that something leaves which may act.
///
/// For what no adapter sees: call it before a request goes out over a connection that was there already, or through a
/// client of another kind. From then on the call does not believe a failure that claims to have had no effect:
/// `#[retry(unsent)]` does not repeat it. [`connect`] and `checked()` of the reqwest adapter do it for you.
///
/// Outside an annotated call it does nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use resil::retry;
/// use std::io;
///
/// #[retry(unsent)]
/// async fn push(attempts: &mut u32) -> io::Result<()> {
///     *attempts += 1;
///     resil::sent(); // the first message leaves
///     Err(io::ErrorKind::ConnectionRefused.into()) // the second is refused
/// }
///
/// let mut attempts = 0;
/// assert!(push(&mut attempts).await.is_err());
/// assert_eq!(attempts, 1);
/// # }
/// ```
pub fn sent() {
    crate::context::keyed::account_for();
    crate::context::sent();
}
