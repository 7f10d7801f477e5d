//! A server of axum's, and clients of hyper's and reqwest's.

use super::serve;
use super::service::call;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use resil::{CircuitBreaker, Classify as _, Effect, Error, Kind, Semaphore, Timeout, Window};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tower_layer::Layer as _;

fn client() -> Client<HttpConnector, Empty<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

fn asks(address: SocketAddr, path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://{address}{path}")).body(Empty::new()).unwrap()
}

/// Nobody listens there.
fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Says that it was dropped.
struct Says(mpsc::UnboundedSender<&'static str>);

impl Drop for Says {
    fn drop(&mut self) {
        _ = self.0.send("dropped");
    }
}

#[tokio::test]
async fn a_full_server_answers_503_and_a_client_that_leaves_frees_its_place() {
    static PLACES: Semaphore = Semaphore::new(1).name("places of a server");
    let _scope = resil::testing::isolated();
    let (tells, mut hears) = mpsc::unbounded_channel();
    let handler = move || {
        let tells = tells.clone();
        async move {
            _ = tells.send("begun");
            let _says = Says(tells);
            std::future::pending::<()>().await;
        }
    };
    let router = Router::new().route("/stays", get(handler)).route("/quick", get(async || "done"));
    let address = serve(router.layer(PLACES.layer())).await;
    let leaves = tokio::spawn(async move { client().request(asks(address, "/stays")).await });
    assert_eq!(hears.recv().await, Some("begun"));
    let refused = reqwest::get(format!("http://{address}/quick")).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    leaves.abort();
    assert_eq!(hears.recv().await, Some("dropped"));
    let answer = reqwest::get(format!("http://{address}/quick")).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, "done".to_owned()));
    assert_eq!(PLACES.usage().unwrap().in_use, 0);
}

#[tokio::test]
async fn a_call_ends_with_the_head_of_its_answer() {
    static PLACES: Semaphore = Semaphore::new(1).name("places of a stream");
    static BOUND: Timeout = Timeout::attempt(Duration::from_secs(30));
    let _scope = resil::testing::isolated();
    let (goes_on, waits) = oneshot::channel::<()>();
    let waits = Arc::new(Mutex::new(Some(waits)));
    let handler = async move || {
        let waits = waits.lock().unwrap().take().unwrap();
        Body::from_stream(futures_util::stream::once(async move {
            waits.await.unwrap();
            Ok::<_, std::io::Error>("the end")
        }))
    };
    let router = Router::new().route("/", get(handler)).layer(BOUND.layer()).layer(PLACES.layer());
    let address = serve(router).await;
    let answer = reqwest::get(format!("http://{address}/")).await.unwrap();
    assert_eq!(PLACES.usage().unwrap().in_use, 0, "while the body is still to come");
    goes_on.send(()).unwrap();
    assert_eq!(answer.text().await.unwrap(), "the end");
}

#[tokio::test]
async fn a_client_of_hypers_is_under_a_breaker() {
    static PARTNER: CircuitBreaker = CircuitBreaker::named("partner of hyper").window(Window::Calls(2));
    let _scope = resil::testing::isolated();
    let address = serve(Router::new().route("/", get(async || "well"))).await;
    let mut guarded = PARTNER.layer().any_error().layer(client());
    let answer = call(&mut guarded, asks(address, "/")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "well");
    assert_eq!(call(&mut guarded, asks(address, "/nowhere")).await.unwrap().status(), 404);
    PARTNER.reset().unwrap();
    let nobody = nobody();
    for _ in 0..2 {
        let error = call(&mut guarded, asks(nobody, "/")).await.unwrap_err();
        assert!(matches!(error, resil::http::Error::Transport(_)), "{error}");
        assert_eq!((error.verdict().kind, error.verdict().effect), (Kind::Transient, Effect::None), "{error:?}");
    }
    let refused = call(&mut guarded, asks(address, "/")).await.unwrap_err();
    assert!(matches!(refused, resil::http::Error::Policy(Error::CircuitOpen { .. })), "{refused}");
    assert_eq!(refused.verdict().kind, Kind::Refused);
}

#[tokio::test]
async fn a_client_of_reqwests_is_a_service_too() {
    static PARTNER: CircuitBreaker = CircuitBreaker::named("partner of reqwest").window(Window::Calls(1));
    let _scope = resil::testing::isolated();
    let broken = get(async || http::StatusCode::BAD_GATEWAY);
    let address = serve(Router::new().route("/", broken)).await;
    let client = resil::http::client().no_proxy().build().unwrap();
    let mut guarded = PARTNER.layer().any_error().layer(client.clone());
    let ask = || client.get(format!("http://{address}/")).build().unwrap();
    assert_eq!(call(&mut guarded, ask()).await.unwrap().status(), 502);
    let refused = call(&mut guarded, ask()).await.unwrap_err();
    assert!(matches!(refused, resil::http::Error::Policy(Error::CircuitOpen { .. })), "{refused}");
}
