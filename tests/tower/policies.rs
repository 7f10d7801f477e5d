//! What each policy decides from, and how it refuses.

use super::service::{call, of};
use http::{Request, Response, StatusCode};
use resil::policy::rate_limit::Rate;
use resil::{
    CircuitBreaker, CircuitState, Classify, Error, Event, Phase, RateLimit, Semaphore, Timeout, Window, registry,
};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;
use tower_layer::Layer as _;

#[derive(Debug, Classify)]
enum Failed {
    #[classify(transient)]
    Lost,
    #[classify(caller)]
    NotFound,
    #[classify(delegate)]
    Policy(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

/// What the function answers.
fn answers(status: u16) -> Ready<Result<Response<()>, Failed>> {
    let mut answer = Response::new(());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    ready(Ok(answer))
}

#[tokio::test(start_paused = true)]
async fn a_breaker_is_judged_by_errors_and_by_statuses() {
    static BREAKER: CircuitBreaker = CircuitBreaker::named("judged").window(Window::Calls(2));
    let _scope = resil::testing::isolated();
    let mut fails = BREAKER.layer().layer(of(|error: Failed| ready(Err::<Response<()>, _>(error))));
    let mut service = BREAKER.layer().layer(of(answers));
    for _ in 0..5 {
        assert!(matches!(call(&mut fails, Failed::NotFound).await, Err(Failed::NotFound)));
        assert_eq!(call(&mut service, 404).await.unwrap().status(), 404);
    }
    assert_eq!(BREAKER.snapshot().unwrap().calls, 0, "the caller's fault");
    assert!(matches!(call(&mut fails, Failed::Lost).await, Err(Failed::Lost)));
    assert_eq!(call(&mut service, 503).await.unwrap().status(), 503);
    let refused = call(&mut service, 200).await;
    assert!(matches!(refused, Err(Failed::Policy(Error::CircuitOpen { name: "judged", .. }))), "{refused:?}");
    // An operator sees the same one.
    let found = registry().circuit_breaker("judged").unwrap();
    assert_eq!(found.snapshot().unwrap().state, CircuitState::Open);
    found.reset().unwrap();
    assert_eq!(call(&mut service, 200).await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_goes_on() {
    static BREAKER: CircuitBreaker = CircuitBreaker::named("panics").window(Window::Calls(1));
    let _scope = resil::testing::isolated();
    let service = BREAKER.layer().layer(of(|is_early: bool| {
        assert!(!is_early, "in the call itself");
        async move { if is_early { Ok::<_, Failed>(Response::new(())) } else { panic!("in its future") } }
    }));
    for is_early in [true, false] {
        let mut service = service.clone();
        let panicked = tokio::spawn(async move { call(&mut service, is_early).await }).await;
        assert!(panicked.unwrap_err().is_panic());
        assert_eq!(BREAKER.snapshot().unwrap().state, CircuitState::Open, "{is_early}");
        BREAKER.reset().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_another_crate_is_read_from_its_chain() {
    static BREAKER: CircuitBreaker = CircuitBreaker::named("boxed").window(Window::Calls(1));
    let _scope = resil::testing::isolated();
    let refused = |kind: std::io::ErrorKind| ready(Err::<Response<()>, _>(std::io::Error::from(kind)));
    let mut service = BREAKER.layer().any_error().layer(of(refused));
    let error = call(&mut service, std::io::ErrorKind::InvalidInput).await.unwrap_err();
    assert!(matches!(&error, resil::http::Error::Transport(error) if error.is::<std::io::Error>()), "{error}");
    assert_eq!(BREAKER.snapshot().unwrap().calls, 0, "the caller's fault");
    call(&mut service, std::io::ErrorKind::ConnectionReset).await.unwrap_err();
    let error = call(&mut service, std::io::ErrorKind::ConnectionReset).await.unwrap_err();
    assert!(matches!(error, resil::http::Error::Policy(Error::CircuitOpen { name: "boxed", .. })), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_semaphore_refuses_and_is_resized() {
    static ONE: Semaphore = Semaphore::new(1).name("one by one");
    let _scope = resil::testing::isolated();
    let mut events = registry().subscribe();
    let mut service = ONE.layer().layer(of(|never: bool| async move {
        if never {
            std::future::pending::<()>().await;
        }
        Ok::<_, Failed>("not HTTP")
    }));
    let mut other = service.clone();
    let mut holds = Box::pin(call(&mut other, true));
    assert!(futures_util::poll!(&mut holds).is_pending());
    let refused = call(&mut service, false).await;
    assert!(matches!(refused, Err(Failed::Policy(Error::SemaphoreFull { limit: 1, .. }))), "{refused:?}");
    assert!(matches!(events.try_next(), Some(Event::SemaphoreRefused { semaphore: "one by one", .. })));
    registry().semaphore("one by one").unwrap().resize(2).unwrap();
    assert_eq!(call(&mut service, false).await.unwrap(), "not HTTP");
    drop(holds);
    assert_eq!(ONE.usage().unwrap().in_use, 0);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_follows_a_partner_and_not_our_own_answers() {
    static PARTNER: RateLimit = RateLimit::new(Rate::per_second(100)).name("partner of a layer");
    static OURS: RateLimit = RateLimit::new(Rate::per_second(100)).name("our own answers");
    let _scope = resil::testing::isolated();
    let busy = || {
        let mut answer = axum::response::Response::new(axum::body::Body::empty());
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        answer.headers_mut().insert("retry-after", 2.into());
        answer
    };
    let mut partner = PARTNER.layer().layer(of(move |()| ready(Ok::<_, Failed>(busy()))));
    let mut ours = OURS.layer().layer(of(move |()| ready(Ok::<_, Infallible>(busy()))));
    assert_eq!(call(&mut partner, ()).await.unwrap().status(), 503);
    let refused = call(&mut partner, ()).await;
    assert!(matches!(refused, Err(Failed::Policy(Error::RateLimited { retry_after: Some(_), .. }))), "{refused:?}");
    for _ in 0..100 {
        assert_eq!(call(&mut ours, ()).await.unwrap().headers()["retry-after"], "2");
    }
    let refused = call(&mut ours, ()).await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(OURS.usage().unwrap().paused_for, None);
}

#[tokio::test(start_paused = true)]
async fn a_partner_of_one_handler_pauses_no_server_nor_who_calls_it() {
    static OURS: RateLimit = RateLimit::new(Rate::per_second(100)).name("a server with a partner");
    static OUTER: RateLimit = RateLimit::new(Rate::per_second(100)).name("around the server");
    let _scope = resil::testing::isolated();
    let handler = |()| async {
        let asks = http::HeaderMap::from_iter([(http::header::RETRY_AFTER, http::HeaderValue::from(60))]);
        resil::http::follow(StatusCode::TOO_MANY_REQUESTS, &asks);
        Ok::<_, Infallible>(axum::response::Response::new(axum::body::Body::empty()))
    };
    let mut ours = OURS.layer().layer(of(handler));
    OUTER.acquire().await.unwrap().follow(call(&mut ours, ())).await.unwrap();
    assert_eq!(OURS.usage().unwrap().paused_for, None);
    assert_eq!(OUTER.usage().unwrap().paused_for, None);
    assert_eq!(call(&mut ours, ()).await.unwrap().status(), 200);
}

/// A service that cannot even be called.
#[derive(Clone)]
struct NeverReady;

impl tower_service::Service<()> for NeverReady {
    type Response = Response<()>;
    type Error = Failed;
    type Future = Ready<Result<Response<()>, Failed>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Failed>> {
        std::task::Poll::Ready(Err(Failed::Lost))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        panic!("it was not ready")
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_before_the_call_is_a_failure_of_the_call() {
    static BREAKER: CircuitBreaker = CircuitBreaker::named("never ready").window(Window::Calls(1));
    static LIMIT: RateLimit = RateLimit::new(Rate::per_second(100)).name("never ready");
    let _scope = resil::testing::isolated();
    let mut service = BREAKER.layer().layer(LIMIT.layer().layer(NeverReady));
    assert!(matches!(call(&mut service, ()).await, Err(Failed::Lost)));
    assert_eq!(BREAKER.snapshot().unwrap().state, CircuitState::Open);
    let refused = call(&mut service, ()).await;
    assert!(matches!(refused, Err(Failed::Policy(Error::CircuitOpen { .. }))), "{refused:?}");
    // A clone has asked nobody.
    let asked = of(answers);
    let mut clone = BREAKER.layer().layer(asked).clone();
    BREAKER.reset().unwrap();
    assert_eq!(call(&mut clone, 200).await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_the_call() {
    static BOUND: Timeout = Timeout::attempt(Duration::from_secs(5));
    let _scope = resil::testing::isolated();
    let mut service = BOUND.layer().layer(of(|takes: u64| async move {
        tokio::time::sleep(Duration::from_secs(takes)).await;
        Ok::<_, Failed>(takes)
    }));
    assert_eq!(call(&mut service, 4).await.unwrap(), 4);
    let cut = call(&mut service, 6).await;
    assert!(matches!(cut, Err(Failed::Policy(Error::Timeout { phase: Phase::Attempt, .. }))), "{cut:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_within_refuses_is_no_failure_to_one_around_it() {
    static AROUND: CircuitBreaker = CircuitBreaker::named("around").window(Window::Calls(1));
    static WITHIN: Semaphore = Semaphore::new(1).name("within");
    let _scope = resil::testing::isolated();
    let answer = |_: Request<()>| ready(Ok::<_, Infallible>(axum::response::Response::new(axum::body::Body::empty())));
    let mut service = AROUND.layer().layer(WITHIN.layer().layer(of(answer)));
    let held = WITHIN.acquire().await.unwrap();
    let refused = call(&mut service, Request::new(())).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(AROUND.snapshot().unwrap().calls, 0);
    drop(held);
    assert_eq!(call(&mut service, Request::new(())).await.unwrap().status(), 200);
    assert_eq!(AROUND.snapshot().unwrap().calls, 1);
}
