//! Bounds on time.

use super::{leaf, service};
use crate::partners::{Answer, BOUND, Error, Partner};
use resil_benches::{Case, case};
use tower::Layer as _;
use tower_resilience::timelimiter::TimeLimiterLayer;

pub(super) async fn within_bound(call: impl Future<Output = Answer>) -> Answer {
    tokio::time::timeout(BOUND, call).await.unwrap_or(Err(Error::Busy))
}

pub(crate) fn tokio(partner: impl Partner) -> Case {
    case(move || async move |x| within_bound(partner.ask(x)).await)
}

/// Its errors are boxed.
pub(crate) fn tower(partner: impl Partner) -> Case {
    service(tower::timeout::TimeoutLayer::new(BOUND).layer(leaf(partner)))
}

pub(super) fn tower_resilience_layer() -> TimeLimiterLayer {
    TimeLimiterLayer::builder().timeout_duration(BOUND).build()
}

pub(crate) fn tower_resilience(partner: impl Partner) -> Case {
    service(tower_resilience_layer().layer(leaf(partner)))
}
