//! The caller's deadline: taken over, cut to ours, refused when it is too late.

use super::service::{call, of};
use axum::body::Body;
use axum::{Router, routing::get};
use http::{HeaderName, Request};
use resil::tower::CallerDeadline;
use resil::{Error, deadline};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tracing::{Event, Metadata, Subscriber, span};

const SECOND: Duration = Duration::from_secs(1);

fn with(fields: &[(&'static str, &str)]) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

async fn text(answer: axum::response::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// What is left, as a handler sees it, and as a function with a deadline of its own does.
async fn left() -> String {
    #[deadline("10s")]
    async fn nested() -> Result<Option<Duration>, Error> {
        Ok(resil::remaining())
    }
    format!("{:?} {:?}", resil::remaining().unwrap(), nested().await.unwrap().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_handler_has_what_its_caller_gives_and_at_most_ours() {
    let _scope = resil::testing::isolated();
    let layer = CallerDeadline::at_most(30 * SECOND).at_least(Duration::from_millis(20));
    let mut router = Router::new().route("/", get(left)).layer(layer);
    for (said, sees) in [
        (&[("x-request-timeout-ms", "1284")][..], (200, "1.284s 1.284s")),
        (&[("x-request-timeout-ms", "20000")], (200, "20s 10s")),
        (&[("x-request-timeout-ms", "9999999999")], (200, "30s 10s")),
        (&[], (200, "30s 10s")),
        // Nothing unlimited, nothing stuck.
        (&[("x-request-timeout-ms", "")], (200, "30s 10s")),
        (&[("x-request-timeout-ms", "2s")], (200, "30s 10s")),
        (&[("x-request-timeout-ms", "-1")], (200, "30s 10s")),
        (&[("x-request-timeout-ms", "1.5")], (200, "30s 10s")),
        (&[("x-request-timeout-ms", "12345678901")], (200, "30s 10s")),
        (&[("x-request-timeout-ms", "2000"), ("x-request-timeout-ms", "2000")], (200, "30s 10s")),
        (&[("grpc-timeout", "1S")], (200, "30s 10s")),
    ] {
        let (status, body) = text(call(&mut router, with(said)).await.unwrap()).await;
        assert_eq!((status, body.as_str()), sees, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_too_late_is_refused_before_any_work() {
    let _scope = resil::testing::isolated();
    let worked = Arc::new(AtomicU32::new(0));
    let handler = {
        let worked = Arc::clone(&worked);
        move || async move { worked.fetch_add(1, Relaxed) }.into_future()
    };
    let layer = CallerDeadline::at_most(30 * SECOND).at_least(Duration::from_millis(20));
    let mut router = Router::new().route("/", get(async move || handler().await.to_string())).layer(layer);
    for (said, status) in [("0", 504), ("19", 504), ("20", 200)] {
        let (answered, body) = text(call(&mut router, with(&[("x-request-timeout-ms", said)])).await.unwrap()).await;
        assert_eq!(answered, status, "{said}");
        assert_eq!(body.contains("There was no time left; nothing was done"), status == 504, "{body}");
    }
    assert_eq!(worked.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_when_it_passes() {
    let _scope = resil::testing::isolated();
    let held = Arc::new(());
    let handler = {
        let held = Arc::clone(&held);
        move || {
            let held = Arc::clone(&held);
            async move {
                std::future::pending::<()>().await;
                drop(held);
            }
        }
    };
    let mut router = Router::new().route("/", get(handler)).layer(CallerDeadline::at_most(30 * SECOND));
    let before = Arc::strong_count(&held);
    let since = tokio::time::Instant::now();
    let (status, body) = text(call(&mut router, with(&[("x-request-timeout-ms", "1500")])).await.unwrap()).await;
    assert_eq!((status, since.elapsed()), (504, Duration::from_millis(1500)));
    assert!(body.contains("the outcome is unknown"), "{body}");
    assert_eq!(Arc::strong_count(&held), before);
}

#[tokio::test(start_paused = true)]
async fn another_header_and_a_service_that_can_fail() {
    let _scope = resil::testing::isolated();
    let layer = CallerDeadline::at_most(30 * SECOND).header(HeaderName::from_static("connect-timeout-ms"));
    let mut service =
        tower_layer::Layer::layer(&layer, of(async |_: Request<Body>| Ok::<_, Error>(resil::remaining().unwrap())));
    let left = call(&mut service, with(&[("connect-timeout-ms", "700"), ("x-request-timeout-ms", "1")])).await;
    assert_eq!(left.unwrap(), Duration::from_millis(700));
    let late = call(&mut service, with(&[("connect-timeout-ms", "0")])).await.unwrap_err();
    let Error::DeadlineExceeded { site, attempted: false, .. } = late else { panic!("{late}") };
    assert!(site.file.ends_with("deadline.rs"), "it names the line that made the layer: {site}");
}

/// How many lines of the log speak of a deadline.
struct Log(Arc<AtomicU32>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "resil"
    }
    fn event(&self, event: &Event<'_>) {
        struct Reads(bool);
        impl tracing::field::Visit for Reads {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                let value = format!("{value:?}");
                assert!(!value.contains("secret"), "{value}");
                self.0 |= field.name() == "message" && value.contains("deadline cannot be read");
            }
        }
        let mut reads = Reads(false);
        event.record(&mut reads);
        self.0.fetch_add(u32::from(reads.0), Relaxed);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_told_once() {
    let _scope = resil::testing::isolated();
    let told = Arc::new(AtomicU32::new(0));
    let _log = tracing::subscriber::set_default(Log(Arc::clone(&told)));
    let layer = CallerDeadline::at_most(30 * SECOND);
    let mut router = Router::new().route("/", get(left)).layer(layer);
    for _ in 0..50 {
        assert_eq!(call(&mut router, with(&[("x-request-timeout-ms", "secret")])).await.unwrap().status(), 200);
    }
    assert_eq!(told.load(Relaxed), 1);
}
