//! The same calls, by others.

pub(crate) mod breakers;
pub(crate) mod permits;
pub(crate) mod retries;
pub(crate) mod stacks;
pub(crate) mod timeouts;

use crate::partners::{Error, Partner};
use resil_benches::{Case, case};
use tower::{Service, ServiceExt};

/// A service of tower, called as one is called.
fn service<S>(service: S) -> Case
where
    S: Service<u64, Response = u64> + Clone + Send + Sync + 'static,
{
    case(move || {
        let mut service = service.clone();
        async move |x| service.ready().await?.call(x).await
    })
}

/// The partner as a service of tower.
fn leaf(
    partner: impl Partner,
) -> impl Service<u64, Response = u64, Error = Error, Future: Send + 'static> + Clone + Send + Sync {
    tower::service_fn(move |x| partner.ask(x))
}
