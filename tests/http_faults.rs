//! A real HTTP partner that fails in every way a partner can. Bounds are short; where a bound must pass, the partner
//! withholds until the client leaves.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "../examples/support/partner/mod.rs"]
mod partner;

use partner::unreachable::{UNRESOLVABLE, Unaccepting, refused_addr};
use partner::{Answer, Partner};
use resil::http::{Checked as _, ConnectLayer, Error};
use resil::{Classify as _, Effect, IdempotencyKey, Kind, Phase, deadline, retry, timeout};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

type Tested = Result<(), Box<dyn std::error::Error>>;

fn client() -> reqwest::Client {
    resil::http::client().no_proxy().build().unwrap()
}

fn timed_out_in(outcome: &Result<impl Sized, Error>) -> Option<Phase> {
    match outcome {
        Err(Error::Policy(resil::Error::Timeout { phase, .. })) => Some(*phase),
        _ => None,
    }
}

#[timeout("5s", connect = "1s", read = "150ms", allow(range))]
async fn get(client: &reqwest::Client, url: &str) -> Result<String, Error> {
    client.get(url).checked().await?.text().await
}

#[tokio::test]
async fn silence_is_a_read_timeout_whose_outcome_is_unknown() -> Tested {
    let _scope = resil::testing::strict();
    let partner = Partner::start()?;
    partner.on("/slow").answers([Answer::Withhold]);
    let outcome = get(&client(), &partner.url("/slow")).await;
    assert_eq!(timed_out_in(&outcome), Some(Phase::Read));
    assert_eq!(outcome.unwrap_err().verdict().effect, Effect::Unknown);
    partner.wait_until_client_left("/slow").await;
    Ok(())
}

#[tokio::test]
async fn a_drip_restarts_the_read_clock_but_not_the_whole_bound() -> Tested {
    #[timeout("400ms", connect = "1s", read = "150ms", allow(range))]
    async fn short(client: &reqwest::Client, url: &str) -> Result<String, Error> {
        client.get(url).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/drip").answers([Answer::drip("x".repeat(1000), Duration::from_millis(20))]);
    partner.on("/short").answers([Answer::drip("x".repeat(20), Duration::from_millis(15))]);
    let client = client();
    assert_eq!(timed_out_in(&short(&client, &partner.url("/drip")).await), Some(Phase::Attempt));
    partner.wait_until_client_left("/drip").await;
    // In all longer than the read bound, and each silence shorter.
    assert_eq!(get(&client, &partner.url("/short")).await?.len(), 20);
    Ok(())
}

#[tokio::test]
async fn a_body_that_ticks_in_select_does_not_stretch_the_read_clock() -> Tested {
    #[timeout("5s", read = "150ms", allow(range))]
    async fn ticking(client: &reqwest::Client, url: &str) -> Result<String, Error> {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        let mut answer = std::pin::pin!(client.get(url).checked());
        loop {
            tokio::select! {
                answer = &mut answer => return answer?.text().await,
                _ = ticks.tick() => {}
            }
        }
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/slow").answers([Answer::Withhold]);
    assert_eq!(timed_out_in(&ticking(&client(), &partner.url("/slow")).await), Some(Phase::Read));
    partner.wait_until_client_left("/slow").await;
    Ok(())
}

#[tokio::test]
async fn a_handshake_that_never_completes_is_a_connect_timeout_and_certainly_unsent() -> Tested {
    #[timeout("5s", connect = "100ms", read = "50ms", allow(range))]
    async fn get(client: &reqwest::Client, url: &str) -> Result<String, Error> {
        client.get(url).checked().await?.text().await
    }
    let _scope = resil::testing::strict();
    let unaccepting = Unaccepting::start().await?;
    // The read bound is the shorter one: its clock stands still while a connection is being made.
    let error = get(&client(), &unaccepting.url("/")).await.unwrap_err();
    assert_eq!((error.verdict().kind, error.verdict().effect), (Kind::Transient, Effect::None), "{error}");
    assert!(error.to_string().contains("no connection within 100ms"), "{error}");
    Ok(())
}

#[tokio::test]
async fn net_connect_enforces_the_bound_for_any_protocol() -> Tested {
    #[timeout("5s", connect = "100ms", allow(range))]
    async fn dial(address: std::net::SocketAddr) -> std::io::Result<tokio::net::TcpStream> {
        resil::net::connect(tokio::net::TcpStream::connect(address)).await
    }
    let _scope = resil::testing::strict();
    let unaccepting = Unaccepting::start().await?;
    let error = dial(unaccepting.addr()).await.unwrap_err();
    assert_eq!(error.verdict(), resil::Verdict::transient().unsent());
    Ok(())
}

#[tokio::test]
async fn a_connect_bound_that_nothing_enforces_is_an_error_where_a_test_is_strict() -> Tested {
    let _scope = resil::testing::strict();
    let partner = Partner::start()?;
    partner.on("/a").answers([Answer::ok("a")]);
    let plain = reqwest::Client::builder().no_proxy().build()?;
    let error = get(&plain, &partner.url("/a")).await.unwrap_err();
    assert!(matches!(error, Error::Policy(resil::Error::Misconfigured(_))), "{error}");
    Ok(())
}

#[tokio::test]
async fn refused_and_unresolvable_partners_were_never_sent_to() -> Tested {
    #[retry(unsent, attempts = 2, base = "0ms")]
    async fn get(client: &reqwest::Client, url: &str, runs: &AtomicUsize) -> Result<String, Error> {
        runs.fetch_add(1, SeqCst);
        client.get(url).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let client = client();
    for url in [format!("http://{}", refused_addr()?), format!("http://{UNRESOLVABLE}")] {
        let runs = AtomicUsize::new(0);
        let error = get(&client, &url, &runs).await.unwrap_err();
        assert_eq!(error.verdict().effect, Effect::None, "{error}");
        assert_eq!(runs.load(SeqCst), 2, "{url}");
    }
    Ok(())
}

#[tokio::test]
async fn what_an_answer_means_decides_whether_it_is_asked_for_again() -> Tested {
    #[retry(idempotent, attempts = 2, base = "0ms")]
    async fn number(client: &reqwest::Client, url: &str) -> Result<u32, Error> {
        client.get(url).checked().await?.json().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    let client = client();
    let scenes = [
        (Answer::ResetMidAnswer, 2),
        (Answer::ResetBeforeAnswer, 2),
        (Answer::CloseBeforeAnswer, 2),
        (Answer::TruncatedBody, 2),
        (Answer::Status(502), 2),
        (Answer::Status(503), 2),
        (Answer::Status(504), 2),
        (Answer::Status(404), 1),
        (Answer::Status(429), 1),
        (Answer::Status(500), 1),
        (Answer::Garbage, 1),
    ];
    for (number_of_scene, (answer, requests)) in scenes.into_iter().enumerate() {
        let path = format!("/{number_of_scene}");
        let what = format!("{answer:?}");
        partner.on(&path).answers([answer, Answer::ok("7")]);
        let outcome = number(&client, &partner.url(&path)).await;
        assert_eq!(partner.requests(&path), requests, "{what}: {outcome:?}");
        assert_eq!(outcome.is_ok(), requests == 2, "{what}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_plain_reqwest_response_and_error_are_judged_too() -> Tested {
    #[derive(Debug, resil::Classify)]
    enum Failed {
        #[classify(delegate)]
        Call(reqwest::Error),
        #[classify(delegate)]
        Policy(resil::Error),
    }
    impl From<reqwest::Error> for Failed {
        fn from(error: reqwest::Error) -> Self {
            Self::Call(error)
        }
    }
    impl From<resil::Error> for Failed {
        fn from(error: resil::Error) -> Self {
            Self::Policy(error)
        }
    }
    #[retry(idempotent, attempts = 2, base = "0ms")]
    #[timeout("5s")]
    async fn get(client: &reqwest::Client, url: &str) -> Result<reqwest::Response, Failed> {
        Ok(client.get(url).send().await?)
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/busy").answers([Answer::StatusRetryAfter(503, 0), Answer::ok("{}")]);
    partner.on("/cut").answers([Answer::CloseBeforeAnswer, Answer::ok("{}")]);
    let client = client();
    assert_eq!(get(&client, &partner.url("/busy")).await.unwrap().status(), 200);
    assert_eq!(get(&client, &partner.url("/cut")).await.unwrap().status(), 200);
    assert_eq!((partner.requests("/busy"), partner.requests("/cut")), (2, 2));
    Ok(())
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_asked_for_again_under_its_key_and_booked_once() -> Tested {
    #[retry(idempotency_key = key, base = "0ms")]
    async fn order(client: &reqwest::Client, url: &str, key: &IdempotencyKey) -> Result<String, Error> {
        client.post(url).body("{\"item\":\"tea\"}").checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/orders").answers([Answer::ApplyThenLose, Answer::AsUsual]);
    let key = IdempotencyKey::derived("order", 42);
    order(&client(), &partner.url("/orders"), &key).await?;
    let keys: Vec<_> = partner.seen().into_iter().map(|seen| seen.idempotency_key).collect();
    assert_eq!(keys, [Some(key.to_string()), Some(key.to_string())]);
    assert_eq!(partner.book().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_post_without_a_key_under_an_idempotent_retry_is_refused_before_it_is_sent() -> Tested {
    #[retry(idempotent)]
    async fn bare(client: &reqwest::Client, url: &str) -> Result<String, Error> {
        client.post(url).checked().await?.text().await
    }
    #[retry(idempotent = "the partner's search only reads")]
    async fn search(client: &reqwest::Client, url: &str) -> Result<String, Error> {
        client.post(url).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    let client = client();
    let error = bare(&client, &partner.url("/orders")).await.unwrap_err();
    assert!(matches!(error, Error::Policy(resil::Error::MissingKey { method: "POST" })), "{error}");
    assert!(partner.seen().is_empty());
    search(&client, &partner.url("/orders")).await?;
    assert_eq!(partner.requests("/orders"), 1);
    Ok(())
}

#[tokio::test]
async fn a_retry_after_that_does_not_fit_in_the_deadline_is_not_waited_for() -> Tested {
    #[deadline("2s")]
    #[retry(idempotent)]
    async fn get(client: &reqwest::Client, url: &str) -> Result<String, Error> {
        client.get(url).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/busy").answers([Answer::StatusRetryAfter(503, 60)]);
    let error = get(&client(), &partner.url("/busy")).await.unwrap_err();
    assert_eq!(error.verdict().retry_after, Some(Duration::from_secs(60)), "{error}");
    assert_eq!(partner.requests("/busy"), 1);
    Ok(())
}

#[tokio::test]
async fn an_undecodable_answer_does_not_repeat_what_it_holds() -> Tested {
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/secret").answers([Answer::ok("\"my secret\"")]);
    let response = client().get(partner.url("/secret?token=hidden")).checked().await;
    let error = match response {
        Ok(response) => response.json::<u32>().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(!error.to_string().contains("secret") && !error.to_string().contains("hidden"), "{error}");
    Ok(())
}

/// Connects once; every further connection hangs.
#[derive(Clone, Default)]
struct OnlyOnce(Arc<AtomicUsize>);

#[derive(Clone)]
struct OnlyOnceService<S>(S, Arc<AtomicUsize>);

impl<S> tower_layer::Layer<S> for OnlyOnce {
    type Service = OnlyOnceService<S>;
    fn layer(&self, connector: S) -> OnlyOnceService<S> {
        OnlyOnceService(connector, Arc::clone(&self.0))
    }
}

impl<S, R> tower_service::Service<R> for OnlyOnceService<S>
where
    S: tower_service::Service<R>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }
    fn call(&mut self, destination: R) -> Self::Future {
        match self.1.fetch_add(1, SeqCst) {
            0 => Box::pin(self.0.call(destination)),
            _ => Box::pin(pending()),
        }
    }
}

#[tokio::test]
async fn a_slow_connect_is_never_blamed_once_the_request_went_over_a_pooled_connection() -> Tested {
    #[timeout("5s", connect = "250ms", read = "400ms", allow(range))]
    async fn get(client: &reqwest::Client, url: &str) -> Result<String, Error> {
        client.get(url).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    // The first request occupies the only connection for a while; the second starts a connection that hangs, and
    // is then sent over the first one.
    partner.on("/first").answers([Answer::drip("x".repeat(10), Duration::from_millis(10))]);
    partner.on("/second").answers([Answer::Withhold]);
    let connections = OnlyOnce::default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .connector_layer(connections.clone())
        .connector_layer(ConnectLayer::new())
        .build()?;
    let urls = [partner.url("/first"), partner.url("/second")];
    let (first, second) = tokio::join!(get(&client, &urls[0]), async {
        partner.wait_for_requests("/first", 1).await;
        get(&client, &urls[1]).await
    });
    assert_eq!(first?.len(), 10);
    assert_eq!((connections.0.load(SeqCst), partner.requests("/second")), (2, 1));
    assert_eq!(timed_out_in(&second), Some(Phase::Read));
    assert_eq!(second.unwrap_err().verdict().effect, Effect::Unknown);
    Ok(())
}
