//! An answer when all else failed: a value, a function, the last good value.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "a fallback function has a given shape"
)]

use futures_util::FutureExt as _;
use resil::{Classify, Error, Event, Failure, circuit_breaker, deadline, fallback, retry, timeout};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

#[derive(Debug, Classify)]
enum Failed {
    #[classify(status)]
    Status(u16),
    #[classify(delegate)]
    Policy(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

type Answer<T> = Result<T, Failed>;

#[tokio::test(start_paused = true)]
async fn a_value_answers_what_failed_and_never_hides_the_callers_fault() {
    #[fallback(value = vec![1])]
    #[retry(idempotent, attempts = 2, base = "0ms")]
    #[circuit_breaker]
    async fn call(runs: &AtomicU32, status: u16) -> Answer<Vec<u32>> {
        runs.fetch_add(1, Relaxed);
        match status {
            200 => Ok(vec![2]),
            status => Err(Failed::Status(status)),
        }
    }
    let _scope = resil::testing::isolated();
    let runs = AtomicU32::new(0);
    assert_eq!(call(&runs, 200).await.unwrap(), [2]);
    assert_eq!(call(&runs, 503).await.unwrap(), [1]);
    assert_eq!(call(&runs, 500).await.unwrap(), [1]);
    assert!(matches!(call(&runs, 404).await, Err(Failed::Status(404))));
    assert_eq!(runs.load(Relaxed), 1 + 2 + 1 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_and_a_time_out_reach_the_fallback() {
    #[fallback(value = "instead")]
    #[circuit_breaker(window = 1, min_calls = 1)]
    #[timeout("1s")]
    async fn call(runs: &AtomicU32) -> Answer<&'static str> {
        runs.fetch_add(1, Relaxed);
        std::future::pending().await
    }
    let _scope = resil::testing::isolated();
    let runs = AtomicU32::new(0);
    assert_eq!(call(&runs).await.unwrap(), "instead", "timed out, and the circuit opens");
    assert_eq!(call(&runs).await.unwrap(), "instead", "refused");
    assert_eq!(runs.load(Relaxed), 1);
}

fn sync(order: &u32, name: &str, failure: Failure<Failed>) -> Answer<String> {
    match failure {
        Failure::Policy(error) => Ok(format!("{name} {order}: {error}")),
        failure => Err(failure.into_error()),
    }
}

async fn later(order: &u32, name: &str, _failure: Failure<Failed>) -> Answer<String> {
    tokio::task::yield_now().await;
    Ok(format!("{name} {order}"))
}

#[tokio::test(start_paused = true)]
async fn a_function_gets_the_parameters_and_the_failure() {
    #[fallback(with = sync)]
    #[timeout("1s")]
    async fn at_once(order: u32, name: &str) -> Answer<String> {
        match order {
            0 => Err(Failed::Status(500)),
            _ => std::future::pending().await,
        }
    }
    #[fallback(with = later)]
    #[timeout("1s")]
    async fn in_time(order: u32, name: &str) -> Answer<String> {
        Err(Failed::Status(503))
    }
    let _scope = resil::testing::isolated();
    let text = at_once(7, "tea").await.unwrap();
    assert!(text.starts_with("tea 7: attempt timeout of 1s"), "{text}");
    assert!(matches!(at_once(0, "tea").await, Err(Failed::Status(500))), "it may pass the failure on");
    assert_eq!(tokio::spawn(in_time(7, "tea")).await.unwrap().unwrap(), "tea 7");
}

struct Rates {
    default: u32,
}

impl Rates {
    #[fallback(with = Self::cached)]
    #[retry(idempotent, base = "0ms")]
    async fn rate(&self, currency: String) -> Answer<u32> {
        Err(Failed::Status(u16::try_from(currency.len()).unwrap_or(0) + 500))
    }

    fn cached(&self, currency: &str, _: Failure<Failed>) -> Answer<u32> {
        Ok(self.default + u32::try_from(currency.len()).unwrap_or(0))
    }
}

#[async_trait::async_trait]
trait Quotes {
    async fn quote(&self, currency: String) -> Answer<u32>;
}

#[async_trait::async_trait]
impl Quotes for Rates {
    #[fallback(with = Self::cached)]
    async fn quote(&self, _currency: String) -> Answer<u32> {
        Err(Failed::Status(500))
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_falls_back_to_a_method() {
    let _scope = resil::testing::isolated();
    let rates = Rates { default: 40 };
    assert_eq!(rates.rate("no".to_owned()).await.unwrap(), 42);
    assert_eq!(rates.quote("no".to_owned()).await.unwrap(), 42);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_value_of_a_key_answers_until_it_is_too_old() {
    #[fallback(stale = "10m", key = format!("{shop}/{item}"))]
    #[retry(unsent)]
    async fn price(shop: u32, item: &str, ok: Option<u32>) -> Answer<u32> {
        ok.ok_or(Failed::Status(503))
    }
    let _scope = resil::testing::isolated();
    assert!(price(1, "tea", None).await.is_err(), "nothing was good yet");
    assert_eq!(price(1, "tea", Some(7)).await.unwrap(), 7);
    assert_eq!(price(1, "tea", None).await.unwrap(), 7);
    assert!(price(2, "tea", None).await.is_err(), "another key");
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(price(1, "tea", None).await.unwrap(), 7);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(price(1, "tea", None).await.is_err(), "too old");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_nobodys_answer() {
    #[fallback(value = 1)]
    async fn call() -> Answer<u32> {
        panic!("the body panics")
    }
    let _scope = resil::testing::isolated();
    assert!(tokio::spawn(call()).await.unwrap_err().is_panic());
}

/// How long a call took that ended in this.
async fn timed<T>(call: impl Future<Output = Answer<T>>) -> (Answer<T>, Duration) {
    let begun = tokio::time::Instant::now();
    (call.await, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn under_a_deadline_an_async_fallback_is_bounded_too() {
    async fn hangs(_: &Duration, _failure: Failure<Failed>) -> Answer<u32> {
        std::future::pending().await
    }
    async fn quick(_: &Duration, _failure: Failure<Failed>) -> Answer<u32> {
        tokio::time::sleep(Duration::from_millis(90)).await;
        Ok(7)
    }
    #[fallback(with = hangs)]
    #[deadline("1s")]
    async fn to_one_that_hangs(fails_after: Duration) -> Answer<u32> {
        tokio::time::sleep(fails_after).await;
        Err(Failed::Status(500))
    }
    #[fallback(with = quick)]
    #[deadline("1s")]
    async fn to_a_quick_one(fails_after: Duration) -> Answer<u32> {
        tokio::time::sleep(fails_after).await;
        Err(Failed::Status(500))
    }
    let _scope = resil::testing::isolated();
    for (fails_after, ends) in [(0, 1000), (950, 1050), (2000, 1100)] {
        let (answer, took) = timed(to_one_that_hangs(Duration::from_millis(fails_after))).await;
        assert!(matches!(answer, Err(Failed::Policy(Error::DeadlineExceeded { attempted: true, .. }))), "{answer:?}");
        assert_eq!(took, Duration::from_millis(ends), "failed after {fails_after} ms");
        assert_eq!(to_a_quick_one(Duration::from_millis(fails_after)).await.unwrap(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_is_ready_answers_whatever_the_deadline() {
    static SENT: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::unused_async, reason = "a future that is ready at once")]
    async fn ready(_failure: Failure<Failed>) -> Answer<u32> {
        SENT.fetch_add(1, Relaxed);
        Ok(7)
    }
    fn at_once(_failure: Failure<Failed>) -> Answer<u32> {
        Ok(8)
    }
    #[fallback(with = ready)]
    #[deadline("1s")]
    async fn to_a_future() -> Answer<u32> {
        std::future::pending().await
    }
    #[fallback(with = at_once)]
    #[deadline("1s")]
    async fn to_a_function() -> Answer<u32> {
        std::future::pending().await
    }
    #[fallback(with = ready)]
    #[timeout("5s")]
    async fn without_a_deadline() -> Answer<u32> {
        Err(Failed::Status(503))
    }
    #[deadline("1s")]
    async fn caller() -> Answer<(Answer<u32>, Answer<u32>, u32)> {
        // In one poll, so that nothing cuts it.
        _ = tokio::time::advance(Duration::from_secs(2)).now_or_never();
        Ok((to_a_future().await, without_a_deadline().await, to_a_function().await?))
    }
    let _scope = resil::testing::isolated();
    assert_eq!((to_a_future().await.unwrap(), to_a_function().await.unwrap()), (7, 8));
    assert_eq!(without_a_deadline().await.unwrap(), 7);
    assert_eq!(SENT.swap(0, Relaxed), 2);
    let mut events = resil::registry().subscribe();
    let (future, plain, function) = caller().await.unwrap();
    assert_eq!(function, 8, "refused, since nothing is left of the caller's");
    let refused = matches!(future, Err(Failed::Policy(Error::DeadlineExceeded { attempted: false, .. })));
    assert!(refused, "{future:?}");
    assert!(plain.is_err(), "{plain:?}");
    assert_eq!(SENT.load(Relaxed), 0, "it might send, and nobody waits for it");
    let told = std::iter::from_fn(|| events.try_next());
    let answered: Vec<_> = told
        .filter_map(|event| if let Event::FellBack { site, .. } = event { Some(site.function) } else { None })
        .collect();
    let [function] = answered[..] else { panic!("{answered:?}") };
    assert!(function.contains("to_a_function"), "{function}");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_without_a_last_good_value_is_not_told() {
    #[fallback(stale = "10m", key = "all")]
    #[circuit_breaker]
    async fn kept(ok: bool) -> Answer<u32> {
        if ok { Ok(7) } else { Err(Failed::Status(503)) }
    }
    let _scope = resil::testing::isolated();
    let mut events = resil::registry().subscribe();
    let mut told =
        || std::iter::from_fn(|| events.try_next()).filter(|event| matches!(event, Event::FellBack { .. })).count();
    assert!(kept(false).await.is_err());
    assert_eq!(told(), 0, "nothing was answered");
    kept(true).await.unwrap();
    assert_eq!(kept(false).await.unwrap(), 7);
    assert_eq!(told(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_fallback_get_what_is_left_of_its_time() {
    #[deadline("1h")]
    async fn cached() -> Answer<u32> {
        std::future::pending().await
    }
    async fn instead(_failure: Failure<Failed>) -> Answer<u32> {
        assert!(matches!(cached().await, Err(Failed::Policy(Error::DeadlineExceeded { .. }))));
        Ok(7)
    }
    #[fallback(with = instead)]
    #[deadline("10s")]
    async fn call() -> Answer<u32> {
        std::future::pending().await
    }
    let _scope = resil::testing::isolated();
    let (answer, took) = timed(call()).await;
    assert_eq!((answer.unwrap(), took), (7, Duration::from_secs(11)));
}
