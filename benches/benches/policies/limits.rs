//! Prototypes by hand, which do what a row says and nothing else: no panics, no records of failures, no deadlines, no names.

use crate::partners::{Answer, BOUND, Error, HOUR, Partner};
use resil_benches::{Case, case};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;
use tokio::time::Sleep;

/// Closed is zero.
static CIRCUIT: AtomicU64 = AtomicU64::new(0);

#[cold]
#[inline(never)]
fn note(circuit: &AtomicU64) {
    circuit.store(1, Ordering::Release);
}

async fn guarded(call: impl Future<Output = Answer>) -> Answer {
    if CIRCUIT.load(Ordering::Acquire) != 0 {
        return Err(Error::Refused);
    }
    let answer = call.await;
    if answer.is_err() || CIRCUIT.load(Ordering::Acquire) != 0 {
        note(&CIRCUIT);
    }
    answer
}

pub(crate) fn breaker(partner: impl Partner) -> Case {
    case(move || async move |x| guarded(partner.ask(x)).await)
}

/// Open for an hour.
pub(crate) fn open(partner: impl Partner) -> Case {
    let until = Instant::now() + HOUR;
    case(move || {
        async move |x| {
            if Instant::now() < until {
                return Err(Error::Refused);
            }
            partner.ask(x).await
        }
    })
}

async fn repeated<F: Future<Output = Answer>>(call: impl Fn() -> F) -> Answer {
    let mut left = 3;
    loop {
        match call().await {
            Err(Error::Busy) if left > 1 => left -= 1,
            answer => return answer,
        }
    }
}

/// Without a wait.
pub(crate) fn retry(partner: impl Partner) -> Case {
    case(move || async move |x| repeated(|| partner.ask(x)).await)
}

/// Arms a timer when the call is first pending.
async fn bounded(call: impl Future<Output = Answer>) -> Answer {
    let mut call = pin!(call);
    let mut timer = pin!(None::<Sleep>);
    let within = poll_fn(|cx| {
        if let Poll::Ready(answer) = call.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        if timer.is_none() {
            timer.set(Some(tokio::time::sleep(BOUND)));
        }
        let over = timer.as_mut().as_pin_mut().is_some_and(|timer| timer.poll(cx).is_ready());
        if over { Poll::Ready(Err(Error::Refused)) } else { Poll::Pending }
    });
    within.await
}

pub(crate) fn timeout(partner: impl Partner) -> Case {
    case(move || async move |x| bounded(partner.ask(x)).await)
}

static FREE: AtomicU32 = AtomicU32::new(10);
static FULL: AtomicU32 = AtomicU32::new(0);

struct Permit(&'static AtomicU32);

impl Permit {
    #[inline]
    fn take(permits: &'static AtomicU32) -> Option<Self> {
        let mut free = permits.load(Ordering::Relaxed);
        while free > 0 {
            match permits.compare_exchange_weak(free, free - 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(Self(permits)),
                Err(now) => free = now,
            }
        }
        None
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

async fn limited(permits: &'static AtomicU32, call: impl Future<Output = Answer>) -> Answer {
    let Some(_permit) = Permit::take(permits) else { return Err(Error::Refused) };
    call.await
}

pub(crate) fn semaphore(partner: impl Partner) -> Case {
    case(move || async move |x| limited(&FREE, partner.ask(x)).await)
}

pub(crate) fn full(partner: impl Partner) -> Case {
    case(move || async move |x| limited(&FULL, partner.ask(x)).await)
}

pub(crate) fn whole(partner: impl Partner) -> Case {
    case(move || async move |x| repeated(|| guarded(limited(&FREE, bounded(partner.ask(x))))).await)
}
