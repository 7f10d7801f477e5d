//! `connect` in a channel that dials in a task of its own.

use super::raw::partner;
use super::real::service;
use super::{Client, ask, client, endpoint};
use hyper_util::rt::TokioIo;
use resil::{Classify as _, Effect, Kind, Phase, retry, timeout};
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tonic::Status;
use tonic::transport::Uri;
use tonic_health::pb::health_client::HealthClient;

/// A connector whose dials, by number, do what they are told.
#[derive(Clone)]
struct Dials {
    to: SocketAddr,
    made: Arc<AtomicUsize>,
    ways: Arc<[Way]>,
}

#[derive(Clone)]
enum Way {
    Hangs,
    Waits(Arc<Notify>),
}

type Dialling = Pin<Box<dyn Future<Output = std::io::Result<TokioIo<TcpStream>>> + Send>>;

impl tower_service::Service<Uri> for Dials {
    type Response = TokioIo<TcpStream>;
    type Error = std::io::Error;
    type Future = Dialling;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Dialling {
        let way = self.ways.get(self.made.fetch_add(1, Ordering::Relaxed)).cloned();
        let to = self.to;
        Box::pin(async move {
            match way {
                Some(Way::Hangs) => pending().await,
                Some(Way::Waits(go)) => go.notified().await,
                None => {}
            }
            Ok(TokioIo::new(TcpStream::connect(to).await?))
        })
    }
}

fn dialling(to: SocketAddr, ways: impl Into<Arc<[Way]>>) -> (Client, Arc<AtomicUsize>) {
    let made = Arc::<AtomicUsize>::default();
    let dials = Dials { to, made: Arc::clone(&made), ways: ways.into() };
    (HealthClient::new(resil::tonic::channel_with(&endpoint(to), dials)), made)
}

#[timeout("1h", connect = "50ms", allow(range))]
async fn quick(mut client: Client) -> Result<i32, Status> {
    Ok(client.check(ask("")).await?.into_inner().status)
}

fn is_no_connection(status: &Status) -> bool {
    let source = std::error::Error::source(status).unwrap();
    let Some(timeout) = source.downcast_ref::<resil::ConnectTimeout>() else { return false };
    let verdict = status.verdict();
    timeout.site().function.ends_with("quick") && (verdict.kind, verdict.effect) == (Kind::Transient, Effect::None)
}

#[tokio::test]
async fn a_dial_that_hangs_ends_with_the_bound_of_the_call() {
    let _strict = resil::testing::strict();
    let address = service(async |_| Ok(1)).serve().await;
    let (client, made) = dialling(address, [Way::Hangs]);
    let status = quick(client.clone()).await.unwrap_err();
    assert!(is_no_connection(&status), "{status:?}");
    assert_eq!(quick(client).await.unwrap(), 1, "the next call dials anew");
    assert_eq!(made.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_retry_of_what_was_not_sent_dials_anew() {
    #[retry(unsent, base = "1ms")]
    #[timeout("1h", connect = "50ms", allow(range))]
    async fn check(client: &mut Client) -> Result<i32, Status> {
        Ok(client.check(ask("")).await?.into_inner().status)
    }
    let _scope = resil::testing::isolated();
    let (address, partner) = partner(async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.answer(stream).await;
        raw.request().await
    });
    let (mut client, made) = dialling(address, [Way::Hangs, Way::Hangs]);
    assert_eq!(check(&mut client).await.unwrap(), 1);
    assert_eq!(made.load(Ordering::Relaxed), 3);
    drop(client);
    assert_eq!(partner.await.unwrap(), None, "one request in all");
}

#[tokio::test]
async fn the_bound_of_a_call_is_no_bound_of_another() {
    let _scope = resil::testing::isolated();
    let address = service(async |_| Ok(1)).serve().await;
    let go = Arc::new(Notify::new());
    let (client, made) = dialling(address, [Way::Waits(Arc::clone(&go))]);
    let patient = tokio::spawn({
        let mut client = client.clone();
        async move { client.check(ask("")).await }
    });
    let status = quick(client.clone()).await.unwrap_err();
    assert!(is_no_connection(&status), "{status:?}");
    go.notify_one();
    assert_eq!(patient.await.unwrap().unwrap().into_inner().status, 1);
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_channel_that_connects_again_does_so_within_the_bound() {
    let _scope = resil::testing::isolated();
    let (address, partner) = partner(async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.answer(stream).await;
        raw.go_away(stream).await;
        raw.close().await;
    });
    let (client, made) = dialling(address, [Way::Waits(ready()), Way::Hangs]);
    assert_eq!(quick(client.clone()).await.unwrap(), 1);
    partner.await.unwrap();
    // Until the channel has noticed that its connection is over, a call may still go the way of that one.
    let status = loop {
        match quick(client.clone()).await.unwrap_err() {
            status if is_no_connection(&status) => break status,
            lost => assert_eq!(lost.verdict().kind, Kind::Transient, "{lost:?}"),
        }
    };
    assert_eq!((status.verdict().effect, made.load(Ordering::Relaxed)), (Effect::None, 2));
}

#[tokio::test]
async fn a_wait_for_a_free_stream_is_no_dial_and_its_message_has_not_left() {
    #[timeout("300ms", connect = "50ms", allow(range))]
    async fn impatient(mut client: Client) -> Result<(), Status> {
        client.check(ask("")).await.map(drop)
    }
    let _scope = resil::testing::isolated();
    let (full, is_full) = tokio::sync::oneshot::channel();
    let (end, ends) = tokio::sync::oneshot::channel::<()>();
    let (address, partner) = partner(async move |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.answer(stream).await;
        raw.allow_no_streams().await;
        full.send(()).unwrap();
        _ = ends.await;
        raw.close().await;
    });
    let mut client = client(address);
    client.check(ask("")).await.unwrap();
    is_full.await.unwrap();
    let waiting = tokio::spawn({
        let mut client = client.clone();
        async move { client.check(ask("")).await }
    });
    let status = impatient(client).await.unwrap_err();
    let source = std::error::Error::source(&status).unwrap().downcast_ref::<resil::Error>();
    assert!(matches!(source, Some(resil::Error::Timeout { phase: Phase::Attempt, .. })), "{status:?}");
    drop(end);
    let status = waiting.await.unwrap().unwrap_err();
    assert_eq!((status.verdict().kind, status.verdict().effect), (Kind::Transient, Effect::None), "{status:?}");
    partner.await.unwrap();
}

fn ready() -> Arc<Notify> {
    let go = Arc::new(Notify::new());
    go.notify_one();
    go
}

#[tokio::test]
async fn a_refused_connection_is_unsent() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ours = client(nobody).check(ask("")).await.unwrap_err();
    let plain = HealthClient::new(endpoint(nobody).connect_lazy()).check(ask("")).await.unwrap_err();
    for status in [ours, plain] {
        assert_eq!((status.verdict().kind, status.verdict().effect), (Kind::Transient, Effect::None), "{status:?}");
        let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(status);
        assert_eq!(boxed.verdict().effect, Effect::None, "in a chain as well");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_before_its_message_left_has_sent_nothing() {
    #[retry(unsent, base = "1ms")]
    async fn check(client: &mut Client) -> Result<i32, Status> {
        let mut dropped = client.clone();
        tokio::select! {
            biased;
            _ = dropped.check(ask("")) => unreachable!("the dial hangs"),
            () = tokio::task::yield_now() => {}
        }
        Err(Status::from(resil::Error::from(no_connection(client.clone()).await)))
    }
    async fn no_connection(client: Client) -> resil::ConnectTimeout {
        let status = quick(client).await.unwrap_err();
        *std::error::Error::source(&status).unwrap().downcast_ref().unwrap()
    }
    let _scope = resil::testing::isolated();
    let address = service(async |_| Ok(1)).serve().await;
    let (mut client, made) = dialling(address, vec![Way::Hangs; 9]);
    check(&mut client).await.unwrap_err();
    assert_eq!(made.load(Ordering::Relaxed), 3, "all three attempts: the dropped calls count as nothing");
}
