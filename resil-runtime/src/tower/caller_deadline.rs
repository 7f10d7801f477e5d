use super::time_left::{Terms, millis};
use super::{Asked, Guarded, Guards};
use crate::policy::attempt::Attempt;
use crate::registry::events;
use crate::{Failure, Site};
use http::{HeaderMap, HeaderName, Request};
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

/// What a caller's remaining time is called on its way, unless somebody says otherwise.
pub(crate) const TIME_LEFT: HeaderName = HeaderName::from_static("x-request-timeout-ms");

/// A layer that takes over the deadline of whoever calls us: `x-request-timeout-ms`, whole milliseconds from now.
///
/// The handler runs under it as under a `#[deadline]`: annotated calls within see it, and when it passes, the handler is dropped
/// and the answer is 504. A request that has no time left is answered 504 before any work. A request never gets more than this
/// service gives ([`at_most`](Self::at_most)), whatever it says; neither does one that says nothing.
///
/// What cannot be read (a unit, a sign, a fraction, more than ten digits, two of these headers) is as if nothing was said, and the
/// first of it goes to the log.
///
/// It counts from here, so it is the outermost layer. It ends with the head of the answer; a body that is still being written goes
/// on.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use resil::tower::CallerDeadline;
/// use std::time::Duration;
///
/// async fn quote() -> Result<String, resil::Error> {
///     Ok(format!("{:?}", resil::remaining())) // `#[deadline]`, `#[timeout]` and `#[retry]` within keep to it
/// }
///
/// let deadline = CallerDeadline::at_most(Duration::from_secs(30)).at_least(Duration::from_millis(20));
/// let service: Router = Router::new().route("/quote", get(quote)).layer(deadline);
/// # }
/// ```
#[must_use = "a layer does nothing until it is around a service"]
#[derive(Debug, Clone)]
pub struct CallerDeadline {
    terms: Terms,
    header: HeaderName,
    is_told: Arc<AtomicBool>,
}

impl CallerDeadline {
    /// No request gets more than this. With zero, or less than [`at_least`](Self::at_least), each is answered 500, as
    /// misconfigured.
    #[track_caller]
    pub fn at_most(most: Duration) -> Self {
        let site = Site::calling("resil::tower::CallerDeadline", Location::caller());
        Self { terms: Terms { most, least: Duration::ZERO, site }, header: TIME_LEFT, is_told: Arc::default() }
    }

    /// With less left than this, a request is answered 504 before any work: what it would get comes too late. None by default.
    pub fn at_least(mut self, least: Duration) -> Self {
        self.terms.least = least;
        self
    }

    /// Another header with whole milliseconds, such as `connect-timeout-ms` or Envoy's `x-envoy-expected-rq-timeout-ms`.
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// How much time the caller gives, if it says so.
    fn asked(&self, headers: &HeaderMap) -> Option<Duration> {
        let mut fields = headers.get_all(&self.header).iter();
        let (field, another) = (fields.next()?, fields.next());
        let read = millis(field.as_bytes()).filter(|_| another.is_none());
        if read.is_none() && !self.is_told.swap(true, Ordering::Relaxed) {
            events::unreadable_time(self.terms.site, self.header.as_str());
        }
        read
    }
}

impl<S> Layer<S> for CallerDeadline {
    type Service = Guarded<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded::new(self.clone(), inner)
    }
}

impl<S, B> Guards<S, Request<B>> for CallerDeadline
where
    S: Service<Request<B>, Response: Send, Error: Send, Future: Send> + Send,
    B: Send,
{
    async fn guard(self, service: Asked<S, S::Error>, request: Request<B>) -> Result<S::Response, Failure<S::Error>> {
        let due = self.terms.begin(self.asked(request.headers())).map_err(Failure::Policy)?;
        Attempt::new(service.call(request)).within(due).await
    }
}
