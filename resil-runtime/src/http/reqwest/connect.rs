use crate::context::departure::{self, Departure};
use crate::failure::ConnectTimeout;
use crate::policy::timeout::Dial;
use crate::registry::{Registry, States};
use pin_project_lite::pin_project;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Bounds connections; for a client builder you already have: `builder.connector_layer(ConnectLayer::new())`.
///
/// It bounds them and no more. A failed connection proves that a request was not sent only where redirects are watched
/// as well: use [`watch`](super::watch).
#[derive(Debug, Clone, Copy)]
pub struct ConnectLayer {
    proves: bool,
}

impl ConnectLayer {
    /// The layer. It counts as an adapter from now on: a `connect` bound no longer warns.
    #[expect(clippy::new_without_default, reason = "making one has an effect")]
    pub fn new() -> Self {
        Self::that_proves(false)
    }

    /// For a client whose redirects are watched, or not.
    pub(super) fn that_proves(proves: bool) -> Self {
        Registry::with(States::dials_are_bounded);
        Self { proves }
    }
}

impl<S> Layer<S> for ConnectLayer {
    type Service = ConnectService<S>;

    fn layer(&self, connector: S) -> ConnectService<S> {
        ConnectService { connector, proves: self.proves }
    }
}

/// A connector under [`ConnectLayer`].
#[derive(Debug, Clone)]
pub struct ConnectService<S> {
    connector: S,
    proves: bool,
}

impl<S, R> Service<R> for ConnectService<S>
where
    S: Service<R>,
    S::Error: From<ConnectTimeout> + From<BoxError> + Into<BoxError>,
    R: fmt::Debug,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Connecting<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let departure = departure::current().filter(|_| self.proves);
        if let Some(departure) = &departure {
            // reqwest names its type of destination to nobody.
            departure.dials(&format!("{destination:?}"));
        }
        Connecting { dial: Dial::new(self.connector.call(destination)), proves: self.proves, departure }
    }
}

pin_project! {
    /// A connection under way for a reqwest client.
    #[must_use = "a connection is made only when awaited"]
    #[derive(Debug)]
    pub struct Connecting<F> {
        #[pin]
        dial: Dial<F>,
        proves: bool,
        // The request it is made for.
        departure: Option<Arc<Departure>>,
    }

    impl<F> PinnedDrop for Connecting<F> {
        // Cut off, by a timeout of the client's own.
        fn drop(this: Pin<&mut Self>) {
            this.project().departure.take().inspect(|departure| departure.undialled());
        }
    }
}

impl<F, T, E> Future for Connecting<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<ConnectTimeout> + From<BoxError> + Into<BoxError>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.departure.as_ref().is_some_and(|departure| !departure.is_current()) {
            // The request has gone over another connection.
            *this.departure = None;
        }
        let connected = ready!(this.dial.poll(cx));
        let departure = this.departure.take();
        Poll::Ready(match connected {
            Ok(connection) => {
                departure.inspect(|departure| departure.dialled());
                Ok(connection)
            }
            Err(error) if *this.proves => {
                departure.inspect(|departure| departure.undialled());
                Err(E::from(Box::new(Undialled::new(error)) as BoxError))
            }
            Err(error) => Err(error),
        })
    }
}

/// Our connector has made no connection.
#[derive(Debug)]
pub(crate) struct Undialled(BoxError);

impl Undialled {
    pub(super) fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Undialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection was made")
    }
}

impl StdError for Undialled {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}
