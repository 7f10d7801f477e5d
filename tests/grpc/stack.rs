//! A tonic client under the whole stack.

use super::real::service;
use super::{Client, ask, client};
use resil::tonic::Marks as _;
use resil::{Error, IdempotencyKey, circuit_breaker, deadline, retry, timeout};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;
use tonic::{Code, Request, Status};

type Seen = Arc<Mutex<Vec<(Option<String>, Option<String>)>>>;

fn metadata<T>(request: &Request<T>, name: &str) -> Option<String> {
    request.metadata().get(name).map(|value| value.to_str().unwrap().to_owned())
}

/// Notes the time and the key of each call, of which the first `fail` ones are answered `UNAVAILABLE`.
async fn noting(fail: usize) -> (Client, Seen) {
    let seen = Seen::default();
    let address = service({
        let seen = Arc::clone(&seen);
        move |request| {
            let mut seen = seen.lock().unwrap();
            seen.push((metadata(&request, "grpc-timeout"), metadata(&request, "idempotency-key")));
            let fails = seen.len() <= fail;
            async move { if fails { Err(Status::unavailable("")) } else { Ok(1) } }
        }
    })
    .serve()
    .await;
    (client(address), seen)
}

#[deadline("30s")]
#[retry(idempotency_key = key, base = "1ms")]
#[circuit_breaker(name = "partner")]
#[timeout("10s", connect = "2s", read = "5s")]
async fn order(client: &mut Client, key: &IdempotencyKey) -> Result<i32, Status> {
    Ok(client.check(Request::new(ask("order")).keyed(key)).await?.into_inner().status)
}

#[tokio::test]
async fn the_whole_stack_is_on_the_wire() {
    let _strict = resil::testing::strict();
    let (mut client, seen) = noting(1).await;
    let key = IdempotencyKey::derived("order", 7);
    assert_eq!(order(&mut client, &key).await.unwrap(), 1);
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    for (time, sent) in seen {
        assert_eq!(sent.as_deref(), Some(key.as_str()), "the same key again");
        let micros: u64 = time.as_deref().and_then(|time| time.strip_suffix('u')).unwrap().parse().unwrap();
        assert!((1..30_000_000).contains(&micros), "{micros}");
    }
}

#[tokio::test]
async fn the_whole_stack_is_a_future_that_can_be_sent() {
    let _scope = resil::testing::isolated();
    let (mut client, _) = noting(0).await;
    let key = IdempotencyKey::random();
    assert_eq!(tokio::spawn(async move { order(&mut client, &key).await }).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn one_key_is_one_request() {
    #[retry(idempotency_key = key)]
    async fn twice(client: &mut Client, key: &IdempotencyKey) -> Result<(), Status> {
        client.check(ask("authorize")).await?;
        client.check(Request::new(ask("capture")).keyed(key.step("capture"))).await?;
        client.check(Request::new(ask("token")).harmless("token endpoint")).await?;
        client.check(Request::new(ask("note")).unkeyed()).await?;
        client.check(ask("capture")).await.map(drop)
    }
    let _scope = resil::testing::isolated();
    let (mut client, seen) = noting(0).await;
    let key = IdempotencyKey::derived("order", 7);
    let status = twice(&mut client, &key).await.unwrap_err();
    let source = std::error::Error::source(&status).unwrap().downcast_ref::<Error>();
    let Some(Error::InDoubt { why: Some(why), .. }) = source else { panic!("{status:?}") };
    assert!(why.contains("KeyReused { differs: \"body\" }"), "{why}");
    let keys: Vec<_> = seen.lock().unwrap().iter().map(|(_, key)| key.clone()).collect();
    let step = key.step("capture");
    assert_eq!(keys, [Some(key.as_str().to_owned()), Some(step.as_str().to_owned()), None, None]);
}

#[tokio::test]
async fn a_deadline_is_told_by_us_and_not_by_the_clock_of_the_channel() {
    #[deadline("100ms")]
    async fn hangs(mut client: Client) -> Result<(), Status> {
        client.check(ask("")).await.map(drop)
    }
    let _scope = resil::testing::isolated();
    let address = service(async |_| std::future::pending().await).serve().await;
    let status = hangs(client(address)).await.unwrap_err();
    let source = std::error::Error::source(&status).unwrap().downcast_ref::<Error>();
    assert!(matches!(source, Some(Error::DeadlineExceeded { attempted: true, .. })), "{status:?}");
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_over_there() {
    let _scope = resil::testing::isolated();
    let (begun, has_begun) = oneshot::channel();
    let (ended, has_ended) = oneshot::channel::<()>();
    let held = Mutex::new(Some((begun, ended)));
    let address = service(move |_| {
        let (begun, ended) = held.lock().unwrap().take().unwrap();
        async move {
            begun.send(()).unwrap();
            let _ended_by_dropping = ended;
            std::future::pending().await
        }
    })
    .serve()
    .await;
    let mut client = client(address);
    tokio::select! {
        _ = client.check(ask("")) => unreachable!("it hangs"),
        begun = has_begun => begun.unwrap(),
    }
    has_ended.await.unwrap_err();
}
