//! Connecting by hand, under the `connect` bound of the attempt around it.

use crate::failure::ConnectTimeout;
use crate::policy::dial::Dial;
use std::future::Future;

/// Makes a connection within the `connect` bound of the annotated function around it.
///
/// When the bound passes, this future itself returns [`ConnectTimeout`], which certifies that nothing was sent: a
/// retry, even `#[retry(unsent)]`, may repeat it. Outside an annotated function it adds no bound. While it runs, the
/// attempt's read clock stands still; when it ends, that clock starts anew.
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
pub fn connect<F, T, E>(dial: F) -> Dial<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<ConnectTimeout>,
{
    Dial::new(dial)
}

/// Tells the attempt around this call that data moved, which restarts its read clock.
///
/// For protocols without an adapter: call it when a request chunk was written and when an answer chunk arrived. The
/// reqwest adapter does it for you.
pub fn progress() {
    crate::context::mark();
}
