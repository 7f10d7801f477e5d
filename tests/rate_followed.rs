//! What the partner's answers ask for, every caller of the limit keeps.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

#[path = "../examples/support/partner/mod.rs"]
mod partner;

use http::{HeaderMap, StatusCode};
use partner::{Answer, Partner};
use resil::http::Checked as _;
use resil::policy::rate_limit::Usage;
use resil::{Classify, Error, bulkhead, rate_limit, registry, retry};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

type Tested = Result<(), Box<dyn std::error::Error>>;

/// An answer of any client, followed by hand.
#[rate_limit("100/s", name = "bank", key = branch)]
async fn ask(branch: &str, status: u16, field: (&'static str, &str)) -> Result<(), Error> {
    let mut headers = HeaderMap::new();
    headers.insert(field.0, field.1.parse().expect("a field"));
    resil::http::follow(StatusCode::from_u16(status).expect("a status"), &headers);
    Ok(())
}

const NOTHING: (u16, (&str, &str)) = (200, ("x", "y"));

async fn answers(status: u16, field: (&'static str, &str)) -> Result<(), Error> {
    ask("main", status, field).await
}

fn after(outcome: Result<(), Error>) -> Duration {
    outcome.unwrap_err().retry_after().expect("somebody knows")
}

fn usage(name: &str) -> Usage {
    registry().rate_limit(name).expect("its name is written").usage().expect("it is configured")
}

#[tokio::test(start_paused = true)]
async fn a_pause_stops_siblings_and_no_shorter_one_shortens_it() {
    let _scope = resil::testing::isolated();
    answers(429, ("retry-after", "2")).await.unwrap();
    let (status, nothing) = NOTHING;
    let wait = after(answers(status, nothing).await);
    assert!((2.0..=2.2).contains(&wait.as_secs_f64()), "{wait:?}");
    ask("another", status, nothing).await.expect("of another key");

    resil::registry().keyed_rate_limit("bank").unwrap().of("main").unwrap().pause(Duration::from_secs(1)).unwrap();
    tokio::time::advance(Duration::from_millis(1999)).await;
    assert!(answers(status, nothing).await.is_err());
    tokio::time::advance(Duration::from_millis(1)).await;
    for _ in 0..99 {
        answers(status, nothing).await.expect("the bucket is as it was");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_cut() {
    #[rate_limit("100/s", name = "short", follow_max = "5s")]
    async fn short() -> Result<(), Error> {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, "3600".parse().unwrap())]);
        resil::http::follow(StatusCode::SERVICE_UNAVAILABLE, &headers);
        Ok(())
    }
    #[rate_limit("100/s", name = "deaf", follow_max = "0s")]
    async fn deaf() -> Result<(), Error> {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, "3600".parse().unwrap())]);
        resil::http::follow(StatusCode::SERVICE_UNAVAILABLE, &headers);
        Ok(())
    }
    let _scope = resil::testing::isolated();
    answers(429, ("retry-after", "3600")).await.unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
    answers(200, ("ratelimit", "\"q\";r=0;t=9")).await.expect("after a minute");
    tokio::time::advance(Duration::from_secs(9)).await;
    answers(200, ("ratelimit", "\"q\";r=0;t=nine")).await.unwrap();
    answers(200, ("ratelimit", "\"q\";r=0;t=9")).await.expect("what cannot be read asks for nothing");
    short().await.unwrap();
    assert_eq!(usage("short").paused_for, Some(Duration::from_secs(5)));
    deaf().await.unwrap();
    deaf().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_waits_leaves_a_pause_in_order_and_not_in_step() {
    #[rate_limit("1000/s", name = "stepped", max_wait = "30s")]
    async fn call(left: &AtomicU32, since: Instant) -> Result<(u32, Duration), Error> {
        Ok((left.fetch_add(1, Relaxed), since.elapsed()))
    }
    let _scope = resil::testing::isolated();
    let (left, since) = (AtomicU32::new(0), Instant::now());
    registry().rate_limit("stepped").unwrap().pause(Duration::from_secs(10)).unwrap();
    let all = futures_util::future::join_all((0..50).map(|_| call(&left, since))).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert!(all.iter().map(|(order, _)| *order).eq(0..50));
    assert!(all.iter().all(|(_, at)| (10.0..=11.1).contains(&at.as_secs_f64())), "{all:?}");
    let moments: std::collections::BTreeSet<_> = all.iter().map(|(_, at)| at.as_millis()).collect();
    assert!(moments.len() > 1, "{moments:?}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_less_than_a_pause_is_refused_at_once() {
    #[rate_limit("1/s", name = "impatient", max_wait = "5s")]
    async fn call() -> Result<(), Error> {
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let since = Instant::now();
    call().await.unwrap();
    let limit = registry().rate_limit("impatient").unwrap();
    let (waits, paused) = tokio::join!(call(), async { limit.pause(Duration::from_secs(30)) });
    paused.unwrap();
    assert!(matches!(waits, Err(Error::RateLimited { .. })));
    assert_eq!((since.elapsed(), usage("impatient").waiting), (Duration::ZERO, 0));
}

/// Ten callers met one `Retry-After`, and each of them tried again by itself.
#[tokio::test(start_paused = true)]
async fn ten_callers_repeat_after_the_pause_and_not_during_it() {
    #[derive(Debug, Classify)]
    enum Failed {
        #[classify(delegate)]
        Http(resil::http::Error),
        #[classify(delegate)]
        Policy(Error),
    }
    impl From<Error> for Failed {
        fn from(error: Error) -> Self {
            Self::Policy(error)
        }
    }
    #[retry(idempotent, retry_status = [429])]
    #[rate_limit("100/s", follow)]
    async fn call(requests: &AtomicU32, since: Instant) -> Result<(), Failed> {
        requests.fetch_add(1, Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if since.elapsed() < Duration::from_secs(1) {
            let retry_after = Some(Duration::from_secs(1));
            return Err(Failed::Http(resil::http::Error::Status { code: StatusCode::TOO_MANY_REQUESTS, retry_after }));
        }
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let (requests, since) = (AtomicU32::new(0), Instant::now());
    let all = futures_util::future::join_all((0..10).map(|_| call(&requests, since))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(requests.load(Relaxed), 20, "no third request each");
}

#[tokio::test]
async fn checked_tells_the_nearest_limit() -> Tested {
    #[rate_limit("100/s", name = "near")]
    async fn near(client: &reqwest::Client, url: String) -> Result<String, resil::http::Error> {
        client.get(url).checked().await?.text().await
    }
    #[rate_limit("100/s", name = "far")]
    async fn far(client: &reqwest::Client, url: String) -> Result<String, resil::http::Error> {
        near(client, url).await
    }
    #[rate_limit("100/s", name = "no answer")]
    async fn unchecked(client: &reqwest::Client, url: String) -> Result<reqwest::Response, resil::http::Error> {
        Ok(client.get(url).send().await?)
    }
    #[rate_limit("100/s", name = "by its verdict", follow)]
    async fn verdict(client: &reqwest::Client, url: String) -> Result<reqwest::Response, resil::http::Error> {
        Ok(client.get(url).send().await?)
    }
    #[bulkhead(threads = 1)]
    #[rate_limit("100/s", name = "on a thread")]
    async fn thread(client: reqwest::Client, url: String) -> Result<String, resil::http::Error> {
        client.get(url).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    let busy = || std::iter::repeat_with(|| Answer::StatusRetryAfter(503, 30)).take(9);
    partner.on("/busy").answers(busy());
    let client = resil::http::client().no_proxy().build()?;
    assert!(far(&client, partner.url("/busy")).await.is_err());
    assert!(usage("near").paused_for.is_some_and(|left| left > Duration::from_secs(20)));
    assert_eq!(usage("far").paused_for, None);
    assert!(unchecked(&client, partner.url("/busy")).await.is_ok());
    assert_eq!(usage("no answer").paused_for, None);
    assert!(verdict(&client, partner.url("/busy")).await.is_ok());
    assert!(usage("by its verdict").paused_for.is_some());
    assert!(thread(client.clone(), partner.url("/busy")).await.is_err());
    assert!(usage("on a thread").paused_for.is_some());
    let refused = near(&client, partner.url("/busy")).await.unwrap_err();
    assert!(matches!(refused, resil::http::Error::Policy(Error::RateLimited { name: "near", .. })), "{refused}");
    assert_eq!(partner.requests("/busy"), 4);
    Ok(())
}
