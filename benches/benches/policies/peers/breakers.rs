//! Circuit breakers.

use super::{leaf, service};
use crate::partners::{HOUR, Partner};
use failsafe::futures::CircuitBreaker as _;
use failsafe::{FailurePolicy, backoff, failure_policy};
use recloser::{AsyncRecloser, Recloser};
use resil_benches::{Case, case};
use std::time::Duration;
use tower::Layer as _;
use tower_resilience::circuitbreaker::CircuitBreakerLayer;

pub(super) fn a_recloser() -> AsyncRecloser {
    Recloser::custom().error_rate(0.5).closed_len(100).open_wait(HOUR).build().into()
}

pub(crate) fn recloser(partner: impl Partner) -> Case {
    let recloser = a_recloser();
    case(move || {
        let recloser = recloser.clone();
        async move |x| recloser.call(partner.ask(x)).await
    })
}

pub(crate) fn breaker(partner: impl Partner) -> Case {
    let settings =
        breaker::CircuitBreakerConfig::builder().sliding_window_size(100).minimum_calls(20).wait_duration(HOUR);
    let breaker = breaker::CircuitBreaker::new(settings.build());
    case(move || {
        let breaker = breaker.clone();
        async move |x| breaker.call(|| partner.ask(x)).await
    })
}

/// Of a minute, weighted by how long ago: a burst of failures does not open it.
pub(crate) fn failsafe(partner: impl Partner) -> Case {
    let minute = Duration::from_mins(1);
    of_failsafe(failure_policy::success_rate_over_time_window(0.5, 20, minute, backoff::constant(HOUR)), partner)
}

pub(crate) fn failsafe_of_consecutive(partner: impl Partner) -> Case {
    of_failsafe(failure_policy::consecutive_failures(20, backoff::constant(HOUR)), partner)
}

fn of_failsafe(policy: impl FailurePolicy + Send + Sync + 'static, partner: impl Partner) -> Case {
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    case(move || {
        let breaker = breaker.clone();
        async move |x| breaker.call(partner.ask(x)).await
    })
}

pub(super) fn tower_resilience_layer() -> CircuitBreakerLayer {
    let breaker = CircuitBreakerLayer::builder().failure_rate_threshold(0.5).wait_duration_in_open(HOUR);
    #[expect(clippy::expect_used, reason = "these settings are in range")]
    breaker.sliding_window_size(100).minimum_number_of_calls(20).build().expect("a breaker")
}

pub(crate) fn tower_resilience(partner: impl Partner) -> Case {
    service(tower_resilience_layer().layer(leaf(partner)))
}
