//! Several policies together.

use super::breakers::{a_recloser, tower_resilience_layer as breaker};
use super::permits::tower_resilience_layer as bulkhead;
use super::timeouts::{tower_resilience_layer as timeout, within_bound};
use super::{leaf, service};
use crate::partners::{Answer, Error, Partner};
use backon::{ExponentialBuilder, Retryable};
use resil_benches::{Case, case};
use tokio::sync::Semaphore;
use tower::Layer as _;
use tower_resilience::bulkhead::BulkheadServiceError;
use tower_resilience::circuitbreaker::CircuitBreakerError;
use tower_resilience::retry::RetryLayer;
use tower_resilience::timelimiter::TimeLimiterError;

/// Only the partner's failures are repeated, and not a refusal.
fn may_repeat(error: &recloser::Error<Error>) -> bool {
    matches!(error, recloser::Error::Inner(Error::Busy))
}

/// Put together from the fastest crates.
pub(crate) fn by_hand_of_three(partner: impl Partner) -> Case {
    let breaker = a_recloser();
    case(move || {
        let breaker = breaker.clone();
        async move |x| {
            let attempt = || breaker.call(within_bound(partner.ask(x)));
            attempt.retry(ExponentialBuilder::default()).when(may_repeat).await
        }
    })
}

async fn limited(semaphore: &Semaphore, call: impl Future<Output = Answer>) -> Answer {
    let Ok(_permit) = semaphore.try_acquire() else { return Err(Error::Refused) };
    within_bound(call).await
}

/// Put together from the fastest crates.
pub(crate) fn by_hand(partner: impl Partner) -> Case {
    let semaphore: &'static Semaphore = Box::leak(Box::new(Semaphore::new(10)));
    let breaker = a_recloser();
    case(move || {
        let breaker = breaker.clone();
        async move |x| {
            let attempt = || breaker.call(limited(semaphore, partner.ask(x)));
            attempt.retry(ExponentialBuilder::default()).when(may_repeat).await
        }
    })
}

pub(crate) fn tower_resilience_of_three(partner: impl Partner) -> Case {
    type Failure = CircuitBreakerError<TimeLimiterError<Error>>;
    let retry = RetryLayer::<u64, u64, Failure>::builder().max_attempts(3).build();
    service(retry.layer(breaker().layer(timeout().layer(leaf(partner)))))
}

pub(crate) fn tower_resilience(partner: impl Partner) -> Case {
    type Failure = CircuitBreakerError<BulkheadServiceError<TimeLimiterError<Error>>>;
    let retry = RetryLayer::<u64, u64, Failure>::builder().max_attempts(3).build();
    service(retry.layer(breaker().layer(bulkhead(10).layer(timeout().layer(leaf(partner))))))
}
