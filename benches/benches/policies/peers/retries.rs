//! Retries.

use super::{leaf, service};
use crate::partners::{Error, Partner};
use backon::{ConstantBuilder, ExponentialBuilder, Retryable};
use resil_benches::{Case, case};
use std::future::{Ready, ready};
use std::time::Duration;
use tokio_retry2::strategy::ExponentialBackoff;
use tokio_retry2::{Retry, RetryError};
use tower::Layer as _;
use tower_resilience::retry::RetryLayer;

pub(crate) fn backon(partner: impl Partner) -> Case {
    case(move || async move |x| (|| partner.ask(x)).retry(ExponentialBuilder::default()).await)
}

/// Tokio's timer, which backon would sleep on, has a step of a millisecond even for no delay at all.
pub(crate) fn backon_without_delay(partner: impl Partner) -> Case {
    let delays = ConstantBuilder::default().with_delay(Duration::ZERO);
    case(move || async move |x| (|| partner.ask(x)).retry(delays).sleep(|_| ready(())).await)
}

/// It sleeps on Tokio's timer and nothing else, so it has no row of failures.
pub(crate) fn tokio_retry2(partner: impl Partner) -> Case {
    case(move || {
        async move |x| {
            let attempt = || async move { partner.ask(x).await.map_err(RetryError::transient) };
            Retry::spawn(ExponentialBackoff::from_millis(10).take(3), attempt).await
        }
    })
}

/// Twice more, at once.
#[derive(Clone)]
struct Thrice(u32);

impl tower::retry::Policy<u64, u64, Error> for Thrice {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<u64, Error>) -> Option<Ready<()>> {
        let again = matches!(result, Err(Error::Busy)) && self.0 > 0;
        self.0 -= u32::from(again);
        again.then(|| ready(()))
    }

    fn clone_request(&mut self, x: &u64) -> Option<u64> {
        Some(*x)
    }
}

pub(crate) fn tower(partner: impl Partner) -> Case {
    service(tower::retry::RetryLayer::new(Thrice(2)).layer(leaf(partner)))
}

pub(crate) fn tower_resilience(partner: impl Partner) -> Case {
    service(RetryLayer::builder().max_attempts(3).build().layer(leaf(partner)))
}
