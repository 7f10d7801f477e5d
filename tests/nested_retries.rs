//! Retries do not multiply: what one has given up on, none above it repeats, unless it says so.

#![expect(clippy::unused_async, reason = "a test")]

use resil::policy::retry::Why;
use resil::{Classify, Error, Event, Failure, bulkhead, deadline, fallback, registry, retry, timeout};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

#[derive(Debug, Clone, Copy, PartialEq, Classify)]
enum Failed {
    #[classify(transient)]
    Busy,
    #[classify(transient, unsent)]
    Away,
    #[classify(transient)]
    Policy,
}

impl From<Error> for Failed {
    fn from(_: Error) -> Self {
        Self::Policy
    }
}

type Answer = Result<u32, Failed>;

#[retry(idempotent, base = "0s", budget = none)]
async fn three(requests: &AtomicU32, failure: Failed) -> Answer {
    requests.fetch_add(1, Relaxed);
    Err(failure)
}

#[timeout("5s")]
async fn once(requests: &AtomicU32, outcome: Answer) -> Answer {
    requests.fetch_add(1, Relaxed);
    outcome
}

/// How many requests a call makes, and why the outermost gives up.
async fn requests<F: Future<Output = Answer>>(call: impl FnOnce(&'static AtomicU32) -> F) -> (u32, Option<Why>) {
    let _scope = resil::testing::isolated();
    let mut events = registry().subscribe();
    let requests: &AtomicU32 = Box::leak(Box::default());
    assert!(call(requests).await.is_err());
    let mut last = None;
    while let Some(event) = events.try_next() {
        if let Event::GaveUp { why, .. } = event {
            last = Some(why);
        }
    }
    (requests.load(Relaxed), last)
}

#[tokio::test(start_paused = true)]
async fn nested_three_by_three_make_three_requests() {
    #[retry(idempotent, base = "0s", budget = none)]
    async fn outer(requests: &AtomicU32) -> Answer {
        three(requests, Failed::Busy).await
    }
    #[deadline("30s")]
    #[retry(idempotent, base = "0s", budget = none)]
    #[timeout("5s")]
    async fn outermost(requests: &AtomicU32) -> Answer {
        outer(requests).await
    }
    assert_eq!(requests(outer).await, (3, Some(Why::GivenUpWithin)));
    assert_eq!(requests(outermost).await, (3, Some(Why::GivenUpWithin)), "three levels");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_or_a_fallback_between_them_changes_nothing() {
    #[timeout("5s")]
    async fn bounded(requests: &AtomicU32) -> Answer {
        three(requests, Failed::Busy).await
    }
    #[fallback(with = no_answer, unsent)]
    async fn answered(requests: &AtomicU32) -> Answer {
        bounded(requests).await
    }
    async fn no_answer(_: &AtomicU32, _: Failure<Failed>) -> Answer {
        Ok(1)
    }
    #[retry(idempotent, base = "0s", budget = none)]
    async fn outer(requests: &AtomicU32) -> Answer {
        answered(requests).await
    }
    assert_eq!(requests(outer).await, (3, Some(Why::GivenUpWithin)));
}

/// On real time: a paused clock would not wait for the thread.
#[tokio::test]
async fn nor_does_a_thread() {
    #[bulkhead(threads = 1)]
    async fn elsewhere(requests: &'static AtomicU32) -> Answer {
        three(requests, Failed::Busy).await
    }
    #[retry(idempotent, base = "0s", budget = none)]
    async fn above_a_thread(requests: &'static AtomicU32) -> Answer {
        elsewhere(requests).await
    }
    assert_eq!(requests(above_a_thread).await, (3, Some(Why::GivenUpWithin)));
}

#[tokio::test(start_paused = true)]
async fn one_that_says_nested_repeats_it() {
    #[retry(idempotent, nested, base = "0s", budget = none)]
    async fn outer(requests: &AtomicU32) -> Answer {
        three(requests, Failed::Busy).await
    }
    #[retry(idempotent, base = "0s", budget = none)]
    async fn outermost(requests: &AtomicU32) -> Answer {
        outer(requests).await
    }
    assert_eq!(requests(outer).await, (9, Some(Why::NoAttemptsLeft)));
    assert_eq!(requests(outermost).await, (9, Some(Why::GivenUpWithin)));
    assert!(registry().to_string().contains("nested = true"), "{}", registry());
}

#[tokio::test(start_paused = true)]
async fn a_handled_failure_and_another_one_are_repeated() {
    /// Of its own, and nothing of ours runs for it.
    #[retry(idempotent, base = "0s", budget = none)]
    async fn another(requests: &AtomicU32) -> Answer {
        three(requests, Failed::Away).await.or(Err(Failed::Busy))
    }
    /// The same failure, of something of ours that ran after it.
    #[retry(idempotent, base = "0s", budget = none)]
    async fn of_a_later_call(requests: &AtomicU32) -> Answer {
        _ = three(requests, Failed::Busy).await;
        once(requests, Err(Failed::Busy)).await
    }
    /// The same, although something of ours has succeeded since.
    #[retry(idempotent, base = "0s", budget = none)]
    async fn after_a_success(requests: &AtomicU32) -> Answer {
        let first = three(requests, Failed::Busy).await;
        once(requests, Ok(1)).await?;
        first
    }
    /// The same, of another retry's success.
    #[retry(idempotent, base = "0s", budget = none)]
    async fn after_a_retry(requests: &AtomicU32) -> Answer {
        let first = three(requests, Failed::Busy).await;
        succeeds(requests).await?;
        first
    }
    #[retry(idempotent)]
    async fn succeeds(requests: &AtomicU32) -> Answer {
        Ok(requests.fetch_add(1, Relaxed))
    }
    assert_eq!(requests(another).await, (9, Some(Why::NoAttemptsLeft)));
    assert_eq!(requests(of_a_later_call).await, (12, Some(Why::NoAttemptsLeft)));
    assert_eq!(requests(after_a_success).await, (12, Some(Why::NoAttemptsLeft)));
    assert_eq!(requests(after_a_retry).await, (12, Some(Why::NoAttemptsLeft)));
}

#[tokio::test(start_paused = true)]
async fn what_one_within_would_not_repeat_the_one_above_still_may() {
    #[retry(unsent, base = "0s", budget = none)]
    async fn unsent(requests: &AtomicU32) -> Answer {
        requests.fetch_add(1, Relaxed);
        Err(Failed::Busy)
    }
    #[retry(idempotent, base = "0s", budget = none)]
    async fn outer(requests: &AtomicU32) -> Answer {
        unsent(requests).await
    }
    assert_eq!(requests(outer).await, (3, Some(Why::NoAttemptsLeft)), "it gave up on nothing");
}

#[tokio::test(start_paused = true)]
async fn by_hand_it_is_the_same() {
    use resil::Retry;
    static INNER: Retry = Retry::idempotent().base(std::time::Duration::ZERO);
    static OUTER: Retry = Retry::idempotent().base(std::time::Duration::ZERO);
    static NESTED: Retry = Retry::idempotent().base(std::time::Duration::ZERO).nested();
    for (outer, expected) in [(&OUTER, 3), (&NESTED, 9)] {
        let requests = AtomicU32::new(0);
        let inner = || {
            INNER.call(|| async {
                requests.fetch_add(1, Relaxed);
                Answer::Err(Failed::Busy)
            })
        };
        assert!(outer.call(inner).await.is_err());
        assert_eq!(requests.load(Relaxed), expected);
    }
}
