use super::Checked;
use super::line::Line;
use super::status::BoxError;
use crate::registry::{Registry, States};
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::HttpConnector;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint, Uri};
use tower_service::Service;

/// How long a connection may take when neither the endpoint nor a waiting call says so: nothing is stuck for ever.
const LONGEST: Duration = Duration::from_secs(20);

/// A channel for a generated client, in which the attributes around a call are in force; it connects with its first call.
///
/// See [`resil::tonic`](crate::tonic) for all that it does. The endpoint's own settings count, but for its local address, which
/// it does not tell. Leave its `timeout` off, which knows nothing of the calls, and its `connect_timeout` as the longest that any
/// call may wait for: 20 s, unless told. One for a Unix socket needs [`channel_with`] its connector.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use tonic::transport::Endpoint;
///
/// let channel = resil::tonic::channel(&Endpoint::from_static("http://partner.example:50051"));
/// # drop(channel); // for `StockClient::new(channel)`
/// # }
/// ```
///
/// # Panics
///
/// Outside of a Tokio runtime, as tonic's own does.
pub fn channel(endpoint: &Endpoint) -> Checked<Channel> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(endpoint.get_tcp_nodelay());
    tcp.set_keepalive(endpoint.get_tcp_keepalive());
    tcp.set_keepalive_interval(endpoint.get_tcp_keepalive_interval());
    tcp.set_keepalive_retries(endpoint.get_tcp_keepalive_retries());
    channel_with(endpoint, tcp)
}

/// The same over a connector of your own, as in [`Endpoint::connect_with_connector_lazy`].
///
/// # Panics
///
/// As [`channel`].
pub fn channel_with<C>(endpoint: &Endpoint, connector: C) -> Checked<Channel>
where
    C: Service<Uri, Future: Send> + Clone + Send + 'static,
    C::Response: Read + Write + Send + Unpin,
    C::Error: Into<BoxError>,
{
    Registry::with(States::dials_are_bounded);
    let line = Arc::<Line>::default();
    let connector = Connector { inner: connector, line: Arc::clone(&line) };
    let longest = endpoint.get_connect_timeout().unwrap_or(LONGEST);
    let channel = endpoint.clone().connect_timeout(longest).connect_with_connector_lazy(connector);
    let uri = endpoint.uri();
    let origin =
        format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |host| host.as_str()));
    Checked::over(channel, line, origin)
}

/// Dials for the calls that wait: see [`Line`].
struct Connector<C> {
    inner: C,
    line: Arc<Line>,
}

impl<C> Service<Uri> for Connector<C>
where
    C: Service<Uri, Future: Send> + Clone + Send + 'static,
    C::Response: Send,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Waited for as a part of the dial, which may begin anew.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connector, line) = (self.inner.clone(), Arc::clone(&self.line));
        Box::pin(async move {
            line.connect(move || {
                let (mut connector, to) = (connector.clone(), to.clone());
                async move {
                    poll_fn(|cx| connector.poll_ready(cx)).await.map_err(Into::into)?;
                    connector.call(to).await.map_err(Into::into)
                }
            })
            .await
        })
    }
}

impl<C> fmt::Debug for Connector<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
