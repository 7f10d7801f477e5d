//! Limits on how many calls run, and how many begin.

use super::{leaf, service};
use crate::partners::{Error, HOUR, Partner};
use governor::Quota;
use resil_benches::{Case, case};
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tower::Layer as _;
use tower_resilience::bulkhead::BulkheadLayer;

/// Holds all permits of each semaphore for as long as the process runs.
pub(crate) fn tokio(permits: usize, partner: impl Partner) -> Case {
    let semaphore: &'static Semaphore = Box::leak(Box::new(Semaphore::new(permits)));
    case(move || {
        async move |x| {
            let Ok(_permit) = semaphore.try_acquire() else { return Err(Error::Refused) };
            partner.ask(x).await
        }
    })
}

/// It waits for a permit where there is none, so it has no row of refusals.
pub(crate) fn tower(partner: impl Partner) -> Case {
    let limit = tower::limit::GlobalConcurrencyLimitLayer::new(10);
    service(limit.layer(leaf(partner)))
}

pub(super) fn tower_resilience_layer(permits: usize) -> BulkheadLayer {
    #[expect(clippy::expect_used, reason = "these settings are in range")]
    BulkheadLayer::builder().max_concurrent_calls(permits).reject_when_full().build().expect("a bulkhead")
}

pub(crate) fn tower_resilience(partner: impl Partner) -> Case {
    service(tower_resilience_layer(10).layer(leaf(partner)))
}

/// As fast as it counts, or one a day.
pub(crate) fn governor(is_free: bool, partner: impl Partner) -> Case {
    type Limiter = governor::DefaultDirectRateLimiter;
    let limiter = |burst: u32, every: Duration| {
        #[expect(clippy::expect_used, reason = "these settings are in range")]
        let quota = Quota::with_period(every).expect("a period").allow_burst(NonZeroU32::MIN.saturating_add(burst - 1));
        Limiter::direct(quota)
    };
    let limiter =
        Arc::new(if is_free { limiter(1_000_000_000, Duration::from_nanos(1)) } else { limiter(1, 24 * HOUR) });
    case(move || {
        let limiter = Arc::clone(&limiter);
        async move |x| {
            if limiter.check().is_err() {
                return Err(Error::Refused);
            }
            partner.ask(x).await
        }
    })
}

/// A hop to another runtime and back: the least that threads of one's own can cost.
pub(crate) fn another_runtime(partner: impl Partner) -> Case {
    static OTHER: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "nothing can be measured without one")]
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime")
    });
    case(move || async move |x| OTHER.spawn(partner.ask(x)).await)
}
