//! The layer that answers a repeated request with what the first was answered. It holds no state "in progress" that a crash
//! could leave behind: an answer is stored when it is there, and until then `once` has the last word.

mod answer;
mod running;
mod service;
mod store;

pub use service::IdempotencyService;

use crate::{Backend, Db};
use http::HeaderName;
use http::header::{CONTENT_LANGUAGE, ETAG, LOCATION};
use http::request::Parts;
use running::Running;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tower_layer::Layer;

/// Answers a repeated POST or PATCH with what the first one was answered, by the header `Idempotency-Key` and the IETF's draft:
/// put it on the routes that do something which must not be done twice.
///
/// `scope` says whose request it is, such as who has signed in: keys are each owner's own. Then either each of them needs a key,
/// [`required`](IdempotencyBuilder::required), or those with one are protected, [`optional`](IdempotencyBuilder::optional).
///
/// | the request | is answered |
/// |---|---|
/// | is a repeat: the same owner, key, method, path and query, and the same payload | what the first was, with `Idempotency-Replayed: true` |
/// | has another payload | 422 |
/// | is a repeat, and the first runs in this process | 409 with `Retry-After` |
/// | has a header that is no key | 400 |
/// | has no key | 400 where one is required |
/// | has a payload that is longer than is compared | 413 |
///
/// **Kept** are status, chosen headers and body, once the handler has answered. Not kept are 5xx, 408, 409, 422, 425 and 429;
/// what is about headers, which are not compared: 401, 406, 412, 415 and 428; what an [`Error`](crate::Error) of ours says, what has [`NotKept`](crate::http::NotKept) in it, and a body that is too
/// long or whose length nobody knows: there a repeat runs the handler again. So it does when the process dies between the
/// handler and the answer, or while the first runs in another process. That is why what is done is done under
/// `#[transactional(.., once = key.of(&user.id))]`: the layer saves the work, and `once` sees to it that it is done once.
///
/// A request that is dropped, as axum does when a client leaves, frees its key.
///
/// The tables come from [`Db::migrate`].
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use axum::http::request::Parts;
/// use axum::{Router, routing::post};
/// use resil::http::IdempotencyLayer;
///
/// # #[derive(Clone)]
/// # struct User { id: u64 }
/// /// Who has signed in, as the layer around this one has found out.
/// fn user(parts: &Parts) -> Option<String> {
///     parts.extensions.get::<User>().map(|user| user.id.to_string())
/// }
///
/// # async fn place() {}
/// fn router(db: &resil::Db<sqlx::Sqlite>) -> Router {
///     let once = IdempotencyLayer::on(db.clone(), user).required();
///     Router::new().route("/orders", post(place).layer(once))
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct IdempotencyLayer(Arc<Rule>);

/// An [`IdempotencyLayer`] that does not know yet whether each request needs a key.
#[must_use = "say `.required()` or `.optional()`"]
pub struct IdempotencyBuilder(Rule);

/// Whose request it is.
type Scope = dyn Fn(&Parts) -> Option<String> + Send + Sync;

/// What a layer goes by.
struct Rule {
    store: Box<dyn Store>,
    scope: Box<Scope>,
    is_required: bool,
    keep: Duration,
    headers: Vec<HeaderName>,
    max_payload: usize,
    max_answer: usize,
    running: Running,
}

const DAY: Duration = Duration::from_hours(24);
const MIB: usize = 1 << 20;

impl IdempotencyLayer {
    /// A layer that keeps answers in this database. `scope` says whose request it is, as text; `None` if nobody knows, and then
    /// the request goes to the handler as it is, which is to refuse it.
    pub fn on<DB: Backend, S: Into<Option<String>>>(
        db: Db<DB>,
        scope: impl Fn(&Parts) -> S + Send + Sync + 'static,
    ) -> IdempotencyBuilder {
        IdempotencyBuilder(Rule {
            store: Box::new(store::Table::on(db)),
            scope: Box::new(move |parts| scope(parts).into()),
            is_required: true,
            keep: DAY,
            headers: vec![CONTENT_LANGUAGE, ETAG, LOCATION],
            max_payload: 2 * MIB,
            max_answer: MIB,
            running: Running::default(),
        })
    }
}

impl IdempotencyBuilder {
    /// Each POST and PATCH needs a key: 400 without one.
    pub fn required(self) -> IdempotencyLayer {
        IdempotencyLayer(Arc::new(Rule { is_required: true, ..self.0 }))
    }

    /// Those without a key go to the handler as they are.
    pub fn optional(self) -> IdempotencyLayer {
        IdempotencyLayer(Arc::new(Rule { is_required: false, ..self.0 }))
    }

    /// How long an answer is kept, from a second to a hundred years. 24 h by default.
    pub fn keep(mut self, keep: Duration) -> Self {
        self.0.keep = keep.clamp(Duration::from_secs(1), DAY * 36_525);
        self
    }

    /// Which headers of an answer are kept: `content-language`, `etag` and `location` by default. Its `content-type` and
    /// `content-encoding` always are. A header that is meant for one answer, such as `set-cookie`, is not to be repeated.
    pub fn headers(mut self, headers: impl IntoIterator<Item = HeaderName>) -> Self {
        self.0.headers = headers.into_iter().collect();
        self
    }

    /// How many bytes a payload may have: it is read before the handler runs, to be compared. A longer one is answered 413.
    /// 2 MiB by default.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.0.max_payload = bytes;
        self
    }

    /// How many bytes an answer may have to be kept. 1 MiB by default.
    pub fn max_answer(mut self, bytes: usize) -> Self {
        self.0.max_answer = bytes;
        self
    }
}

impl<S> Layer<S> for IdempotencyLayer {
    type Service = IdempotencyService<S>;

    fn layer(&self, inner: S) -> IdempotencyService<S> {
        IdempotencyService::new(inner, Arc::clone(&self.0))
    }
}

impl Rule {
    fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name).field("keep", &self.keep).field("headers", &self.headers).finish_non_exhaustive()
    }
}

impl fmt::Debug for IdempotencyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("IdempotencyLayer", f)
    }
}

impl fmt::Debug for IdempotencyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("IdempotencyBuilder", f)
    }
}
