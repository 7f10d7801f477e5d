//! When few permits are left, the important get them.

use super::service::{call, of};
use axum::body::Body;
use http::Request;
use resil::Semaphore;
use resil::tower::Priority;
use std::convert::Infallible;
use std::time::Duration;
use tower_layer::Layer as _;

fn of_path(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

fn priority(parts: &http::request::Parts) -> Priority {
    match parts.uri.path() {
        "/pay" => Priority::High,
        "/export" => Priority::Low,
        _ => Priority::Normal,
    }
}

#[tokio::test(start_paused = true)]
async fn the_less_important_are_shed_first() {
    static PERMITS: Semaphore = Semaphore::new(10).name("ten");
    let _scope = resil::testing::isolated();
    let service = PERMITS.layer().priority(priority).layer(of(async |request: Request<Body>| {
        assert!(request.uri().query().is_none(), "a request arrives as it was");
        std::future::pending::<Result<axum::response::Response, Infallible>>().await
    }));
    let mut held = Vec::new();
    for (path, lets_in) in [("/export", 5), ("/", 4), ("/pay", 1)] {
        for number in 0..10 {
            let mut service = service.clone();
            let mut one = Box::pin(async move { call(&mut service, of_path(path)).await });
            let answered = futures_util::poll!(&mut one);
            assert_eq!(answered.is_pending(), number < lets_in, "{path}, number {number}");
            match answered {
                std::task::Poll::Pending => held.push(one),
                std::task::Poll::Ready(answer) => assert_eq!(answer.unwrap().status(), 503),
            }
        }
    }
    assert_eq!(PERMITS.usage().unwrap().in_use, 10);
    held.clear();
    assert_eq!(PERMITS.usage().unwrap().in_use, 0);
}

#[tokio::test(start_paused = true)]
async fn only_the_important_wait_and_nobody_overtakes_them() {
    static PERMITS: Semaphore = Semaphore::new(2).name("two").max_wait(Duration::from_secs(5));
    let _scope = resil::testing::isolated();
    let service = PERMITS.layer().priority(priority).layer(of(async |_: Request<Body>| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, Infallible>(axum::response::Response::new(Body::empty()))
    }));
    let ask = |path| {
        let mut service = service.clone();
        Box::pin(async move { call(&mut service, of_path(path)).await.unwrap().status().as_u16() })
    };
    let mut paying: Vec<_> = (0..3).map(|_| ask("/pay")).collect();
    for one in &mut paying {
        assert!(futures_util::poll!(one).is_pending());
    }
    assert_eq!(PERMITS.usage().unwrap().waiting, 1);
    assert_eq!(ask("/").await, 503, "it waits for nobody");
    assert_eq!(futures_util::future::join_all(paying).await, [200; 3]);
    assert_eq!(ask("/export").await, 200, "again");
}
