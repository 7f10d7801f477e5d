//! The same calls, by others.

use super::{Answer, Error, HOUR, bare, fails_every_other_time};
use backon::{ConstantBuilder, ExponentialBuilder, Retryable};
use governor::Quota;
use recloser::{AsyncRecloser, Recloser};
use resil_benches::{Case, case};
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience::bulkhead::{BulkheadLayer, BulkheadServiceError};
use tower_resilience::circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};
use tower_resilience::retry::RetryLayer;
use tower_resilience::timelimiter::{TimeLimiterError, TimeLimiterLayer};

const BOUND: Duration = Duration::from_secs(5);

pub(crate) fn recloser(partner: fn(u64) -> Answer) -> Case {
    let recloser = AsyncRecloser::from(Recloser::custom().error_rate(0.5).closed_len(100).open_wait(HOUR).build());
    case(move || {
        let recloser = recloser.clone();
        async move |x| recloser.call(async { partner(x) }).await
    })
}

pub(crate) fn backon_retry() -> Case {
    case(|| async |x| (|| bare(x)).retry(ExponentialBuilder::default()).await)
}

/// Tokio's timer, which backon would sleep on, has a step of a millisecond even for no delay at all.
pub(crate) fn backon_retry_once() -> Case {
    let once = async |x| {
        let delays = ConstantBuilder::default().with_delay(Duration::ZERO);
        (|| async { fails_every_other_time(x) }).retry(delays).sleep(|_| std::future::ready(())).await
    };
    case(move || once)
}

pub(crate) fn tokio_timeout() -> Case {
    case(|| async |x| tokio::time::timeout(BOUND, bare(x)).await)
}

async fn within_bound(x: u64) -> Answer {
    tokio::time::timeout(BOUND, bare(x)).await.unwrap_or(Err(Error::Busy))
}

pub(crate) fn by_hand_stack() -> Case {
    static RECLOSER: LazyLock<AsyncRecloser> =
        LazyLock::new(|| Recloser::custom().error_rate(0.5).closed_len(100).open_wait(HOUR).build().into());
    let may_repeat = |error: &recloser::Error<Error>| matches!(error, recloser::Error::Inner(_));
    case(move || {
        async move |x| {
            let attempt = || RECLOSER.call(within_bound(x));
            attempt.retry(ExponentialBuilder::default()).when(may_repeat).await
        }
    })
}

fn tower_case<S>(service: S) -> Case
where
    S: Service<u64, Response = u64> + Clone + Send + Sync + 'static,
{
    case(move || {
        let mut service = service.clone();
        async move |x| service.ready().await?.call(x).await
    })
}

fn tower_breaker_layer() -> CircuitBreakerLayer {
    let breaker = CircuitBreakerLayer::builder().failure_rate_threshold(0.5).wait_duration_in_open(HOUR);
    #[expect(clippy::expect_used, reason = "these settings are in range")]
    breaker.sliding_window_size(100).minimum_number_of_calls(20).build().expect("a breaker")
}

pub(crate) fn tower_breaker(partner: fn(u64) -> Answer) -> Case {
    tower_case(tower_breaker_layer().layer(service_fn(move |x| async move { partner(x) })))
}

pub(crate) fn tower_retry() -> Case {
    tower_case(RetryLayer::builder().max_attempts(3).build().layer(service_fn(bare)))
}

pub(crate) fn tower_timeout() -> Case {
    tower_case(TimeLimiterLayer::builder().timeout_duration(BOUND).build().layer(service_fn(bare)))
}

pub(crate) fn tower_stack() -> Case {
    type Failure = CircuitBreakerError<TimeLimiterError<Error>>;
    let retry = RetryLayer::<u64, u64, Failure>::builder().max_attempts(3).build();
    let timeout = TimeLimiterLayer::builder().timeout_duration(BOUND).build();
    tower_case(retry.layer(tower_breaker_layer().layer(timeout.layer(service_fn(bare)))))
}

/// Holds all permits of each semaphore for as long as the process runs.
pub(crate) fn tokio_semaphore(permits: usize) -> Case {
    static FREE: Semaphore = Semaphore::const_new(10);
    static FULL: Semaphore = Semaphore::const_new(0);
    let semaphore = if permits == 0 { &FULL } else { &FREE };
    case(move || {
        async move |x| {
            let Ok(_permit) = semaphore.try_acquire() else { return Err(Error::Refused) };
            bare(x).await
        }
    })
}

/// As fast as it counts, or one a day.
pub(crate) fn governor(is_free: bool) -> Case {
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
            bare(x).await
        }
    })
}

fn tower_bulkhead_layer() -> BulkheadLayer {
    #[expect(clippy::expect_used, reason = "these settings are in range")]
    BulkheadLayer::builder().max_concurrent_calls(10).reject_when_full().build().expect("a bulkhead")
}

pub(crate) fn tower_bulkhead() -> Case {
    tower_case(tower_bulkhead_layer().layer(service_fn(bare)))
}

/// The same four policies, put together from the fastest crates.
pub(crate) fn by_hand_whole() -> Case {
    static SEMAPHORE: Semaphore = Semaphore::const_new(10);
    static RECLOSER: LazyLock<AsyncRecloser> =
        LazyLock::new(|| Recloser::custom().error_rate(0.5).closed_len(100).open_wait(HOUR).build().into());
    async fn limited(x: u64) -> Answer {
        let Ok(_permit) = SEMAPHORE.try_acquire() else { return Err(Error::Refused) };
        within_bound(x).await
    }
    let may_repeat = |error: &recloser::Error<Error>| matches!(error, recloser::Error::Inner(_));
    case(move || {
        async move |x| {
            let attempt = || RECLOSER.call(limited(x));
            attempt.retry(ExponentialBuilder::default()).when(may_repeat).await
        }
    })
}

pub(crate) fn tower_whole() -> Case {
    type Failure = CircuitBreakerError<BulkheadServiceError<TimeLimiterError<Error>>>;
    let retry = RetryLayer::<u64, u64, Failure>::builder().max_attempts(3).build();
    let timeout = TimeLimiterLayer::builder().timeout_duration(BOUND).build();
    let limited = tower_bulkhead_layer().layer(timeout.layer(service_fn(bare)));
    tower_case(retry.layer(tower_breaker_layer().layer(limited)))
}

/// A hop to another runtime and back: the least that threads of one's own can cost.
pub(crate) fn another_runtime() -> Case {
    static OTHER: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "nothing can be measured without one")]
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime")
    });
    case(|| async |x| OTHER.spawn(bare(x)).await)
}
