//! Policies as layers around services: [`tower_layer::Layer`] and [`tower_service::Service`], for axum routers, hyper clients,
//! tonic channels and whatever else speaks them.
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, routing::get};
//! use resil::{Semaphore, Timeout};
//! use std::time::Duration;
//!
//! static REQUESTS: Semaphore = Semaphore::new(200).name("requests");
//! static EACH: Timeout = Timeout::attempt(Duration::from_secs(5));
//!
//! let service: Router = Router::new()
//!     .route("/", get(async || "hello"))
//!     .layer(EACH.layer())
//!     .layer(REQUESTS.layer()); // the last is the outermost
//! # }
//! ```
//!
//! The statics are the same [handles](crate::policy) as anywhere: their names are found in the registry, settings from outside
//! count, and so do events and metrics.
//!
//! **A call begins** when its future is first polled, and not in `poll_ready`, which asks only the service within. So nothing is
//! taken for a request that never comes, and a call that is dropped, at whichever await, gives back what it has. What `poll_ready`
//! fails with is a failure of the call that comes next, so that a circuit breaker counts it. How long it waits no layer bounds: where
//! the service within has a line, as a buffer or a channel has, bound that line.
//!
//! **A call ends** with the head of the answer. A body may go on for hours, and what breaks in it no layer sees: read it in an
//! annotated function where it is part of the call.
//!
//! **A refusal** leaves as the service's own error, where that holds one (`From<resil::Error>`). A service that cannot fail, as
//! those of axum, answers with it: 503 or 504, as a problem of RFC 9457. For an error of another crate, as hyper's and tonic's, and
//! for a boxed one, write [`.any_error()`](Guard::any_error) behind `.layer()`.

mod any_error;
mod caller_deadline;
mod guard;
mod guards;
mod refusal;
pub(crate) mod time_left;
mod unready;

pub use crate::failure::HttpStatus;
pub use crate::policy::semaphore::Priority;
pub use any_error::{AnyError, Transported, Transporting};
pub use caller_deadline::CallerDeadline;
pub use guard::{Guard, Guarded, Static};
pub use guards::{Guards, Prioritised};
pub use refusal::{Refusal, Refuses};
pub use unready::Asked;
