//! What a page that is open is sent.

use crate::support::{Events, get, page};
use futures_util::future::join_all;
use resil::CircuitBreaker;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

#[tokio::test]
async fn a_transition_is_sent_with_nothing_that_has_not_changed() {
    static PARCELS: CircuitBreaker = CircuitBreaker::named("parcels");
    static LETTERS: CircuitBreaker = CircuitBreaker::named("letters");
    let both = (PARCELS.snapshot(), LETTERS.snapshot());
    assert!(both.0.is_ok() && both.1.is_ok());
    let server = page().await;
    let mut events = Events::of(server.address, "anna").await;
    let first = events.next().await;
    assert_eq!(first["is_whole"], true);
    assert!(first["parts"]["policy/circuit_breaker/letters"].is_object());
    assert_eq!(first["parts"]["process"]["pid"], std::process::id());
    PARCELS.force_open().expect("it is configured");
    let name = "policy/circuit_breaker/parcels";
    let (event, part) = events.part(name, |part| part["now"]["circuit"]["state"] == "forced_open").await;
    assert_eq!((&event["is_whole"], &part["level"]), (&false.into(), &"wrong".into()));
    assert!(event["parts"]["policy/circuit_breaker/letters"].is_null() && event["parts"]["process"].is_null());
    PARCELS.reset().expect("it is configured");
    events.part(name, |part| part["now"]["circuit"]["state"] == "closed").await;
}

#[tokio::test]
async fn what_is_gone_is_said_to_be() {
    let server = page().await;
    let mut events = Events::of(server.address, "anna").await;
    events.next().await;
    let breaker = CircuitBreaker::unnamed();
    breaker.force_open().expect("it is configured");
    let name = "policy/circuit_breaker/a policy made by hand";
    events.part(name, |part| part["now"]["circuit"]["state"] == "forced_open").await;
    drop(breaker);
    loop {
        let event = events.next().await;
        if event["parts"].as_object().expect("parts").get(name).is_some_and(serde_json::Value::is_null) {
            break;
        }
    }
}

#[tokio::test]
async fn many_viewers_have_one_producer_and_nothing_is_left_of_any() {
    let server = page().await;
    let alive = || Handle::current().metrics().num_alive_tasks();
    let before = alive();
    let mut viewers = join_all((0..50).map(|_| Events::of(server.address, "anna"))).await;
    let first = join_all(viewers.iter_mut().map(Events::next)).await;
    assert!(first.iter().all(|event| event["is_whole"] == true));
    let second = join_all(viewers.iter_mut().map(Events::next)).await;
    assert!(second.iter().all(|event| event["is_whole"] == false));
    assert_eq!(alive(), before + 50 + 1, "a connection each, and one who looks");
    drop(viewers);
    let all_gone = async {
        while alive() > before {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_mins(1), all_gone).await.expect("the connections and the producer end");
    let mut again = Events::of(server.address, "anna").await;
    assert_eq!(again.next().await["is_whole"], true, "and another begins");
}

#[tokio::test]
async fn who_does_not_read_holds_up_nobody() {
    let server = page().await;
    let mut deaf = TcpStream::connect(server.address).await.expect("it listens");
    let head = format!("GET /resil/events HTTP/1.1\r\nhost: {}\r\nx-user: anna\r\n\r\n", server.address);
    deaf.write_all(head.as_bytes()).await.expect("it reads");
    let mut events = Events::of(server.address, "anna").await;
    for _ in 0..3 {
        events.next().await;
    }
    assert_eq!(get(server.address, "/resil/state.json", &[("x-user", "anna")]).await.status, 200);
    drop(deaf);
}
