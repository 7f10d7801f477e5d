//! What stands around the handler: other layers, a database that fails, and callers that leave.

use super::*;
use axum::body::Bytes;
use axum::routing::MethodRouter;
use hyper::body::{Frame, SizeHint};
use std::fmt::{self, Write as _};
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// On the route and again around all routes, by oversight: the request is not taken for its own repeat.
async fn a_layer_may_stand_within_a_layer<DB: Backend>(db: Db<DB>) {
    let (shop, mut client) = serve(db).await;
    let layer = |scope: fn(&Parts) -> Option<String>| IdempotencyLayer::on(shop.db.clone(), scope).required();
    let (same, alike, of_all) = (layer(user), layer(user), layer(|_| Some("all".to_owned())));
    let within = |route: MethodRouter<_>, layer: &IdempotencyLayer| -> MethodRouter<_> { route.layer(layer.clone()) };
    let route = |outer| within(within(post(any::<DB>), &same), outer);
    let nested = Router::new().route("/any", post(any::<DB>).layer(same.clone())).layer(same.clone());
    let router = Router::new()
        .route("/same", route(&same))
        .route("/alike", route(&alike))
        .route("/of-all", route(&of_all))
        .route("/three", within(route(&of_all), &same))
        .nest("/nested", nested)
        .with_state(Arc::clone(&shop));
    client.url = start(router).await;
    for (run, path) in ["/same", "/alike", "/of-all", "/three", "/nested/any"].into_iter().enumerate() {
        for replayed in [false, true] {
            let answer = client.post(&format!("{path}?status=200"), "r-1", TEA).await;
            assert_eq!(answer, (200, replayed, format!("run {run}")), "{path}");
        }
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        _ = write!(self.0.lock().unwrap(), "{field}={value:?} ");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "resil"
    }
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Nothing was done, and so nothing is unknown.
async fn where_nobody_can_look_the_request_is_refused_and_may_come_again<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let log = Log::default();
    let _default = tracing::subscriber::set_default(log.clone());
    resil::testing::lose_answers("FROM resil_answers", 1);
    let refused = client.request("POST", "/orders", &["r-1"], TEA).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!((refused.text().await.unwrap().contains("unknown"), shop.counts()), (false, (0, 0)));
    let line = std::mem::take(&mut *log.0.lock().unwrap());
    assert!(line.contains("refused") && line.contains("no answer in time"), "{line:?}");
    assert_eq!(client.post("/orders", "r-1", TEA).await.0, 201);
    // What was kept without our knowing is there.
    resil::testing::lose_answers("INTO resil_answers", 1);
    let first = client.post("/orders", "r-2", TEA).await;
    assert_eq!((first.0, first.1), (201, false));
    assert_eq!(client.post("/orders", "r-2", TEA).await, (201, true, first.2));
    let line = std::mem::take(&mut *log.0.lock().unwrap());
    assert!(line.contains("not kept") && !line.contains("tea"), "{line:?}");
    shop.db.pool().unwrap().close().await;
    assert!(client.post("/orders", "r-1", TEA).await.0 >= 500);
    assert!(log.0.lock().unwrap().contains("refused"));
    assert_eq!(shop.counts(), (2, 2));
}

/// Says that it has ten bytes, and ends after five: with an error, or without a word.
struct Half {
    is_sent: bool,
    fails: bool,
}

impl hyper::body::Body for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if !std::mem::replace(&mut self.is_sent, true) {
            return Poll::Ready(Some(Ok(Frame::data("12345".into()))));
        }
        Poll::Ready(self.fails.then(|| Err(io::Error::other("cut"))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.is_sent { 5 } else { 10 })
    }
}

async fn an_answer_that_breaks_off_is_none<DB: Backend>(db: Db<DB>) {
    let (shop, mut client) = serve(db).await;
    let layer = IdempotencyLayer::on(shop.db.clone(), user).required();
    let handled = Arc::new(AtomicU32::new(0));
    let half = |fails| {
        let handled = Arc::clone(&handled);
        let half = async move || {
            handled.fetch_add(1, Ordering::Relaxed);
            Response::new(Body::new(Half { is_sent: false, fails }))
        };
        post(half).layer(layer.clone())
    };
    client.url = start(Router::new().route("/cut", half(true)).route("/short", half(false))).await;
    for (run, path) in ["/cut", "/cut", "/short", "/short"].into_iter().enumerate() {
        let (status, replayed, _) = client.post(path, "r-1", TEA).await;
        assert_eq!(
            (status, replayed, handled.load(Ordering::Relaxed)),
            (500, false, u32::try_from(run).unwrap() + 1),
            "{path}"
        );
    }
}

async fn dropped_at_every_poll_a_request_frees_its_key<DB: Backend>(db: Db<DB>) {
    let (shop, _) = serve(db).await;
    let layer = IdempotencyLayer::on(shop.db.clone(), user).required();
    let route = Router::new().route("/any", post(any::<DB>).layer(layer)).with_state(Arc::clone(&shop));
    let sent = |key: u32| {
        let request = axum::http::Request::post("/any?status=200").header("user", "alice");
        let request = request.header("idempotency-key", key).body(Body::from(TEA)).unwrap();
        tower_service::Service::call(&mut route.clone(), request)
    };
    for polls in 0..30 {
        _ = support::dropped_after(i64::from(polls), sent(polls)).await;
        assert_eq!(sent(polls).await.unwrap().status(), 200, "after {polls} polls");
        assert!(sent(polls).await.unwrap().headers().contains_key("idempotency-replayed"));
    }
}

on_both! {
    a_layer_may_stand_within_a_layer,
    where_nobody_can_look_the_request_is_refused_and_may_come_again,
    an_answer_that_breaks_off_is_none,
    dropped_at_every_poll_a_request_frees_its_key,
}
