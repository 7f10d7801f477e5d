//! A server that keeps to the time of its callers.

use super::real::service;
use super::{Client, ask, client, endpoint};
use resil::tonic::CallerDeadline;
use resil::{CircuitBreaker, Classify as _, Effect, Error, deadline};
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;

const LONG: Duration = Duration::from_secs(3600);

/// How many handlers have begun.
async fn counting(layer: CallerDeadline) -> (SocketAddr, Arc<AtomicU32>) {
    let begun = Arc::new(AtomicU32::new(0));
    let address = service({
        let begun = Arc::clone(&begun);
        move |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok(1))
        }
    })
    .serve_within(layer)
    .await;
    (address, begun)
}

/// As a caller of any language writes it.
async fn asking(address: SocketAddr, time: &str) -> Result<i32, Status> {
    let mut request = Request::new(ask(""));
    request.metadata_mut().insert("grpc-timeout", time.parse().unwrap());
    Ok(HealthClient::new(endpoint(address).connect_lazy()).check(request).await?.into_inner().status)
}

#[tokio::test]
async fn what_is_too_late_is_refused_before_any_work() {
    let (address, begun) = counting(CallerDeadline::at_most(LONG).at_least(Duration::from_secs(60))).await;
    let status = asking(address, "30S").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::DeadlineExceeded, "there was no time left; nothing was done"));
    assert_eq!(begun.load(Ordering::Relaxed), 0);
    assert_eq!(asking(address, "2M").await.unwrap(), 1);
    assert_eq!(begun.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_time_of_nonsense_is_refused_and_told() {
    let (address, begun) = counting(CallerDeadline::at_most(LONG)).await;
    for time in ["soon", "-1S", "123456789S", "1.5S", "S"] {
        let status = asking(address, time).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{time}");
        assert!(status.message().contains("at most eight digits"), "{status}");
    }
    assert_eq!(begun.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_time_of_a_caller_is_handed_down() {
    let last = service(async |request: Request<_>| {
        let time = request.metadata().get("grpc-timeout").unwrap().to_str().unwrap();
        Ok(time.strip_suffix('u').unwrap().parse().unwrap())
    })
    .serve()
    .await;
    let address = service(move |_| async move {
        let left = resil::remaining().unwrap();
        assert!(left < Duration::from_secs(20));
        Ok(client(last).check(ask("")).await?.into_inner().status)
    })
    .serve_within(CallerDeadline::at_most(LONG))
    .await;
    let micros = asking(address, "20S").await.unwrap();
    assert!((1..20_000_000).contains(&micros), "{micros}");
}

#[tokio::test]
async fn a_handler_ends_with_the_time_of_its_caller() {
    let address =
        service(async |_| pending().await).serve_within(CallerDeadline::at_most(Duration::from_millis(500))).await;
    let mut plain = HealthClient::new(endpoint(address).connect_lazy());
    let status = plain.check(ask("")).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.message(), "the answer took too long; the outcome is unknown");
}

#[tokio::test]
async fn a_stream_ends_with_the_time_of_its_caller() {
    let address = service(async |_| pending().await)
        .watched(|| {
            let left = || resil::remaining().is_some_and(|left| left < LONG);
            let first = futures_util::stream::once(async move {
                let status = i32::from(left());
                Ok(tonic_health::pb::HealthCheckResponse { status })
            });
            Box::pin(futures_util::StreamExt::chain(first, futures_util::stream::pending()))
        })
        .serve_within(CallerDeadline::at_most(Duration::from_millis(500)))
        .await;
    let mut plain = HealthClient::new(endpoint(address).connect_lazy());
    let mut answers = plain.watch(ask("")).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().status, 1, "it sees the deadline");
    assert_eq!(answers.message().await.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_stream_that_always_has_more_ends_with_the_time_of_its_caller() {
    let address = service(async |_| pending().await)
        .watched(|| {
            Box::pin(futures_util::stream::repeat_with(|| Ok(tonic_health::pb::HealthCheckResponse { status: 1 })))
        })
        .serve_within(CallerDeadline::at_most(Duration::from_millis(500)))
        .await;
    let mut plain = HealthClient::new(endpoint(address).connect_lazy());
    let mut answers = plain.watch(ask("")).await.unwrap().into_inner();
    let ended = loop {
        if let Err(ended) = answers.message().await {
            break ended;
        }
    };
    assert_eq!(ended.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_deadline_travels_from_attribute_to_attribute() {
    #[deadline("30s")]
    async fn call(client: &mut Client) -> Result<i32, Status> {
        Ok(client.check(ask("")).await?.into_inner().status)
    }
    #[deadline("10h")]
    async fn serve() -> Result<i32, Status> {
        Ok(i32::try_from(resil::remaining().unwrap().as_secs()).unwrap())
    }
    let _scope = resil::testing::isolated();
    let address = service(async |_| serve().await).serve_within(CallerDeadline::at_most(LONG)).await;
    assert!(call(&mut client(address)).await.unwrap() <= 30);
}

#[tokio::test]
async fn a_refusal_of_ours_asks_the_caller_to_wait() {
    static PAYMENTS: CircuitBreaker = CircuitBreaker::named("payments of the server");
    PAYMENTS.force_open_for(Duration::from_secs(7)).unwrap();
    let address = service(async |_| {
        let pass = PAYMENTS.admit()?;
        pass.record(None);
        Ok(1)
    })
    .serve()
    .await;
    let status = client(address).check(ask("")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the service is busy"));
    let verdict = status.verdict();
    assert!(verdict.retry_after.is_some_and(|wait| wait <= Duration::from_secs(7)));
    assert_eq!(verdict.effect, Effect::Unknown, "whoever says UNAVAILABLE may have acted");
    let here = Status::from(Error::CircuitOpen { name: "x", retry_after: None });
    assert_eq!(here.verdict().effect, Effect::None);
}
