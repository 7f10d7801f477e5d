//! What a service says of itself, and the order in which it ends.

use axum::response::IntoResponse as _;
use axum::{Router, routing::get};
use resil::health::{Health, OpenCircuit, Waiting};
use resil::policy::circuit_breaker::Cause;
use resil::{Bulkhead, CircuitBreaker, CircuitState, Error, Keyed, Semaphore, Shutdown, health};
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn health_says_what_is_open_and_why_and_which_lines_grow() {
    static MAILER: CircuitBreaker = CircuitBreaker::named("mailer").window(resil::Window::Calls(1)).min_calls(1);
    static TENANTS: Keyed<CircuitBreaker> = CircuitBreaker::named("tenants").keyed(10);
    static REPORTS: Semaphore = Semaphore::new(1).name("reports").max_wait(Duration::from_secs(60));
    let _scope = resil::testing::isolated();
    assert!(health().is_well(), "{}", health());

    _ = MAILER
        .call(async {
            Err::<(), _>(Error::Timeout {
                site: &resil::Site::UNKNOWN,
                phase: resil::Phase::Read,
                limit: Duration::ZERO,
            })
        })
        .await;
    let now = health();
    let [
        OpenCircuit {
            name: "mailer", state: CircuitState::Open, since: Some(_), cause: Some(Cause::FailureRate), ..
        },
    ] = now.circuits[..]
    else {
        panic!("{now:?}")
    };
    assert!(now.to_string().starts_with("circuit breaker `mailer`: open for "), "{now}");
    assert!(now.to_string().ends_with("s, failure_rate"), "{now}");
    assert!(MAILER.reset().is_ok() && health().is_well());

    assert!(TENANTS.of("one").is_ok_and(|one| one.force_open().is_ok()));
    assert!(matches!(&health().keyed[..], [one] if (one.name, one.open, one.keys) == ("tenants", 1, 1)));
    assert!(TENANTS.of("one").is_ok_and(|one| one.reset().is_ok()));

    let permit = REPORTS.acquire().await;
    let wait = || tokio::spawn(async { drop(REPORTS.acquire().await) });
    let waits = [wait(), wait()];
    tokio::task::yield_now().await;
    let line = |now: &Health| match &now.lines[..] {
        [Waiting { kind: "semaphore", name: "reports", limit: 1, in_use: 1, waiting, grows, .. }] => (*waiting, *grows),
        _ => panic!("{now:?}"),
    };
    assert_eq!([line(&health()), line(&health())], [(2, true), (2, false)]);

    let answer = health().into_response();
    assert_eq!(answer.status(), 200, "whatever it says");
    let Ok(body) = axum::body::to_bytes(answer.into_body(), 10_000).await else { panic!("it is short") };
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(&body) else { panic!("{body:?}") };
    assert_eq!((&json["is_well"], &json["lines"][0]["waiting"]), (&false.into(), &2.into()));
    drop(permit);
    for wait in waits {
        assert!(wait.await.is_ok());
    }
    assert!(health().is_well());
}

type Log = Arc<Mutex<Vec<&'static str>>>;

fn note(log: &Log, what: &'static str) {
    log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(what);
}

/// Something that is told to stop, and needs a second for it.
async fn slow(told: resil::shutdown::Told, log: Log, what: &'static str) -> io::Result<()> {
    told.await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    note(&log, what);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn everything_ends_in_order() {
    let _scope = resil::testing::isolated();
    let log = Log::default();
    let stopped = Shutdown::new()
        .reconciler(|told| slow(told, Arc::clone(&log), "reconciler"))
        .relay(|told| slow(told, Arc::clone(&log), "relay"))
        .server(|told| slow(told, Arc::clone(&log), "server"))
        .when(async { note(&log, "signal") });
    let stopped = stopped.await;
    assert!(stopped.is_ok_and(|stopped| stopped == resil::shutdown::Stopped::default()));
    assert_eq!(
        *log.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        ["signal", "server", "relay", "reconciler"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_is_cut_off_and_what_fails_is_told() {
    let _scope = resil::testing::isolated();
    let log = Log::default();
    let stopped = Shutdown::new()
        .server(|_| pending::<io::Result<()>>())
        .relay(|_| pending::<()>())
        .reconciler(|told| slow(told, Arc::clone(&log), "reconciler"))
        .within(Duration::from_secs(5))
        .when(async {});
    let Ok(stopped) = stopped.await else { panic!("nothing failed") };
    assert_eq!((stopped.servers, stopped.workers, stopped.calls), (1, 1, 0), "{stopped}");

    // A server that ends by itself ends everything, and its error is the answer.
    let failed = Shutdown::new()
        .server(|_| async { Err::<(), _>(io::Error::other("no port")) })
        .relay(|told| slow(told, Arc::clone(&log), "relay"))
        .when(pending());
    let Err(error) = failed.await else { panic!("it failed") };
    assert_eq!(error.to_string(), "no port");
    assert_eq!(*log.lock().unwrap_or_else(std::sync::PoisonError::into_inner), ["reconciler", "relay"]);
}

/// Requests that run end, and use the bulkhead to the last.
#[tokio::test]
async fn a_server_of_axum_ends_with_its_requests() {
    static IMAGES: Bulkhead = Bulkhead::new(1).name("images");
    let _scope = resil::testing::isolated();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = Arc::new(Mutex::new(Some(begun)));
    let draw = move || {
        let begun = begun.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        async move {
            _ = begun.map(|begun| begun.send(()));
            tokio::task::yield_now().await;
            IMAGES.call(async { Ok::<_, Error>("drawn") }).await
        }
    };
    let router = Router::new().route("/", get(draw)).route("/health", get(|| async { health() }));
    let Ok(listener) = tokio::net::TcpListener::bind("127.0.0.1:0").await else { panic!("a port") };
    let Ok(address) = listener.local_addr() else { panic!("an address") };
    let stops = Shutdown::new().server(|told| axum::serve(listener, router).with_graceful_shutdown(told)).when(async {
        _ = has_begun.await;
    });
    let client = async {
        let Ok(answer) = reqwest::get(format!("http://{address}/")).await else { panic!("an answer") };
        answer.text().await.unwrap_or_default()
    };
    let (stopped, answer) = tokio::join!(stops, client);
    assert_eq!((stopped.ok(), answer.as_str()), (Some(resil::shutdown::Stopped::default()), "drawn"));
    assert!(matches!(
        IMAGES.call(async { Ok::<_, Error>(()) }).await,
        Err(Error::BulkheadFull { .. } | Error::BulkheadClosed { .. })
    ));
}
