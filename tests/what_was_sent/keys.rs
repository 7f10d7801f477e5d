//! One key is one request, and a key that is asked for is sent.

use super::partner::unreachable::refused_addr;
use super::partner::{Answer, Partner};
use super::{Tested, client};
use resil::http::{Checked as _, Error};
use resil::{Attempt, Classify as _, Event, IdempotencyKey, Retry, retry};
use std::collections::HashMap;
use std::time::Duration;

fn refused_for(outcome: Result<String, Error>) -> Option<&'static str> {
    match outcome {
        Err(Error::Policy(resil::Error::KeyReused { differs })) => Some(differs),
        Err(Error::Policy(resil::Error::InDoubt { why: Some(why), .. })) => {
            ["method", "origin", "path", "query", "body"]
                .into_iter()
                .find(|part| why.contains(&format!("another {part}:")))
        }
        _ => None,
    }
}

/// The keys that arrived at each path.
fn keys(partner: &Partner) -> HashMap<String, Option<String>> {
    partner.seen().into_iter().map(|seen| (seen.path, seen.idempotency_key)).collect()
}

#[tokio::test]
async fn a_second_request_under_the_same_key_is_refused_before_it_is_sent() -> Tested {
    #[retry(idempotency_key = key)]
    async fn buy(
        first: reqwest::RequestBuilder,
        second: reqwest::RequestBuilder,
        key: &IdempotencyKey,
    ) -> Result<String, Error> {
        first.try_clone().unwrap().checked().await?;
        second.try_clone().unwrap().checked().await?.text().await
    }
    let _scope = resil::testing::strict();
    let (partner, other) = (Partner::start()?, Partner::start()?);
    let client = client();
    let first = || client.post(partner.url("/orders?a=1")).body("tea");
    let seconds = [
        (client.put(partner.url("/orders?a=1")).body("tea"), Some("method")),
        (client.post(other.url("/orders?a=1")).body("tea"), Some("origin")),
        (client.post(partner.url("/orders/capture?a=1")).body("tea"), Some("path")),
        (client.post(partner.url("/orders?a=2")).body("tea"), Some("query")),
        (client.post(partner.url("/orders?a=1")).body("milk"), Some("body")),
        (first(), None),
        (client.get(partner.url("/orders")), None),
    ];
    for (number, (second, differs)) in seconds.into_iter().enumerate() {
        partner.on("/orders").answers([Answer::AsUsual, Answer::ok("{}")]);
        let seen = partner.seen().len();
        let outcome = buy(first(), second, &IdempotencyKey::derived("order", number)).await;
        assert_eq!(refused_for(outcome), differs, "{number}");
        let arrived = partner.seen().len() - seen;
        assert_eq!((arrived, other.seen().len()), (if differs.is_some() { 1 } else { 2 }, 0), "{differs:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_step_has_a_key_of_its_own_and_other_requests_may_have_none() -> Tested {
    #[retry(idempotency_key = key)]
    async fn buy(client: &reqwest::Client, partner: &Partner, key: &IdempotencyKey) -> Result<(), Error> {
        client.post(partner.url("/token")).harmless("token endpoint").checked().await?;
        client.get(partner.url("/rate")).checked().await?;
        client.post(partner.url("/authorize")).checked().await?;
        client.post(partner.url("/capture")).keyed(key.step("capture")).checked().await?;
        client.post(partner.url("/notify")).unkeyed().checked().await?;
        client.post(partner.url("/legacy")).header("idempotency-key", "of my own").checked().await?;
        Ok(())
    }
    let _scope = resil::testing::strict();
    let partner = Partner::start()?;
    for path in ["/token", "/rate", "/authorize", "/capture", "/notify", "/legacy"] {
        partner.on(path).answers([Answer::ok("{}")]);
    }
    // Another attempt puts each key on the same request again.
    partner.on("/legacy").answers([Answer::Status(503), Answer::ok("{}")]);
    let key = IdempotencyKey::derived("order", 7);
    buy(&client(), &partner, &key).await?;
    let step = key.step("capture");
    let expected = [
        ("/token", None),
        ("/rate", None),
        ("/authorize", Some(key.as_str())),
        ("/capture", Some(step.as_str())),
        ("/notify", None),
        ("/legacy", Some("of my own")),
    ];
    let keys = keys(&partner);
    for (path, key) in expected {
        assert_eq!(keys[path].as_deref(), key, "{path}");
    }
    assert_eq!(partner.requests("/authorize"), 2);
    Ok(())
}

#[tokio::test]
async fn another_attempt_that_would_go_elsewhere_is_refused() -> Tested {
    #[retry(idempotency_key = key, base = "0ms")]
    async fn pay(
        client: &reqwest::Client,
        urls: &[String],
        attempt: &mut usize,
        key: &IdempotencyKey,
    ) -> Result<String, Error> {
        *attempt += 1;
        client.post(&urls[*attempt - 1]).body(attempt.to_string()).checked().await?.text().await
    }
    let _scope = resil::testing::strict();
    let (partner, other) = (Partner::start()?, Partner::start()?);
    for path in ["/a", "/b"] {
        partner.on(path).answers([Answer::Status(503)]);
        other.on(path).answers([Answer::Status(503)]);
    }
    for (second, differs) in
        [(partner.url("/b"), Some("path")), (other.url("/a"), Some("origin")), (partner.url("/a?n=2"), None)]
    {
        let urls = [partner.url("/a?n=1"), second.clone(), second];
        let outcome = pay(&client(), &urls, &mut 0, &IdempotencyKey::random()).await;
        assert_eq!(refused_for(outcome), differs, "{urls:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_handed_down_to_two_functions_is_still_one_key() -> Tested {
    #[retry(idempotency_key = key, base = "0ms")]
    async fn post(client: &reqwest::Client, url: String, key: &IdempotencyKey) -> Result<String, Error> {
        client.post(&url).checked().await?.text().await
    }
    #[retry(idempotency_key = key, base = "0ms")]
    async fn buy(client: &reqwest::Client, partner: &Partner, key: &IdempotencyKey) -> Result<String, Error> {
        post(client, partner.url("/authorize"), key).await?;
        post(client, partner.url("/capture"), key).await
    }
    #[retry(idempotency_key = key, base = "0ms")]
    async fn buy_in_steps(client: &reqwest::Client, partner: &Partner, key: &IdempotencyKey) -> Result<String, Error> {
        post(client, partner.url("/authorize"), &key.step("authorize")).await?;
        post(client, partner.url("/capture"), &key.step("capture")).await
    }
    let _scope = resil::testing::strict();
    let partner = Partner::start()?;
    partner.on("/authorize").answers([Answer::Status(503), Answer::ok("{}")]);
    partner.on("/capture").answers([Answer::ok("{}")]);
    let outcome = buy(&client(), &partner, &IdempotencyKey::random()).await;
    assert_eq!((refused_for(outcome), partner.requests("/capture")), (Some("path"), 0));
    buy_in_steps(&client(), &partner, &IdempotencyKey::random()).await?;
    Ok(())
}

#[tokio::test]
async fn a_key_that_never_leaves_is_noticed() -> Tested {
    #[retry(idempotency_key = key, base = "0ms")]
    async fn by_hand(client: &reqwest::Client, url: &str, key: &IdempotencyKey) -> anyhow::Result<String> {
        tracing::info!(?key, "paying");
        Ok(client.post(url).send().await?.error_for_status()?.text().await?)
    }
    #[retry(idempotency_key = key, base = "0ms")]
    async fn read_only(client: &reqwest::Client, url: &str, key: &IdempotencyKey) -> anyhow::Result<String> {
        let _ = key;
        Ok(client.get(url).checked().await?.text().await?)
    }
    #[retry(idempotency_key = key, base = "0ms")]
    async fn told(client: &reqwest::Client, url: &str, key: &IdempotencyKey) -> anyhow::Result<String> {
        resil::sent();
        let request = client.post(url).header("X-Request-Id", key.as_str());
        Ok(request.send().await?.error_for_status()?.text().await?)
    }
    let partner = Partner::start()?;
    partner.on("/broken").answers([Answer::Status(503)]);
    partner.on("/well").answers([Answer::ok("{}")]);
    let key = IdempotencyKey::random();
    let (broken, well) = (partner.url("/broken"), partner.url("/well"));
    let is_misconfigured = |outcome: anyhow::Result<String>| {
        let error = outcome.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(resil::Error::Misconfigured(_))), "{error}");
    };
    {
        let _scope = resil::testing::strict();
        is_misconfigured(by_hand(&client(), &broken, &key).await);
        assert_eq!(partner.requests("/broken"), 1, "it is not repeated");
        is_misconfigured(by_hand(&client(), &well, &key).await);
        is_misconfigured(read_only(&client(), &well, &key).await);
        // It may have failed before the request that is to carry the key.
        let failed = read_only(&client(), &broken, &key).await.unwrap_err();
        assert!(failed.downcast_ref::<resil::Error>().is_none(), "{failed}");
        told(&client(), &well, &key).await?;
    }
    let _scope = resil::testing::isolated();
    let mut events = resil::registry().subscribe();
    assert!(by_hand(&client(), &well, &key).await.is_ok());
    let told =
        std::iter::from_fn(|| events.try_next()).filter(|event| matches!(event, Event::KeyNotSent { .. })).count();
    assert_eq!(told, 1);
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_written_by_hand_is_on_one_request_as_well() -> Tested {
    #[retry(idempotency_key = key, base = "0ms")]
    async fn buy(
        client: &reqwest::Client,
        partner: &Partner,
        [first, second]: [Option<&str>; 2],
        key: &IdempotencyKey,
    ) -> Result<String, Error> {
        let post = |path, written: Option<&str>| match written {
            Some("the call's") => client.post(partner.url(path)).header("Idempotency-Key", key.as_str()),
            Some(own) => client.post(partner.url(path)).header("Idempotency-Key", own),
            None => client.post(partner.url(path)),
        };
        post("/authorize", first).checked().await?;
        post("/capture", second).checked().await?.text().await
    }
    let _scope = resil::testing::strict();
    let partner = Partner::start()?;
    for path in ["/authorize", "/capture"] {
        partner.on(path).answers([Answer::ok("{}")]);
    }
    let (calls, own) = (Some("the call's"), Some("own"));
    for (written, differs) in [
        ([calls, None], Some("path")),
        ([None, calls], Some("path")),
        ([own, own], Some("path")),
        ([own, None], None),
        ([calls, own], None),
    ] {
        let outcome = buy(&client(), &partner, written, &IdempotencyKey::random()).await;
        assert_eq!(refused_for(outcome), differs, "{written:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_key_whose_request_never_left_is_free() -> Tested {
    fn streamed(client: &reqwest::Client, url: &str) -> reqwest::RequestBuilder {
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("first")]);
        client.post(url).body(reqwest::Body::wrap_stream(chunks))
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn upload(client: &reqwest::Client, url: &str, attempts: &mut u32) -> Result<String, Error> {
        *attempts += 1;
        streamed(client, url).checked().await?.text().await
    }
    #[retry(idempotency_key = key, nested)]
    async fn pay(
        client: &reqwest::Client,
        url: &str,
        attempts: &mut u32,
        key: &IdempotencyKey,
    ) -> Result<String, Error> {
        _ = key;
        upload(client, url, attempts).await
    }
    #[retry(idempotency_key = key)]
    async fn pay_here_or_there(
        client: &reqwest::Client,
        urls: &[String; 3],
        key: &IdempotencyKey,
    ) -> Result<String, Error> {
        _ = key;
        if let Ok(paid) = client.post(&urls[0]).checked().await {
            return paid.text().await;
        }
        client.post(&urls[1]).checked().await?;
        client.post(&urls[2]).checked().await?.text().await
    }
    let _scope = resil::testing::strict();
    let nowhere = format!("http://{}", refused_addr()?);
    let mut attempts = 0;
    let error = pay(&client(), &nowhere, &mut attempts, &IdempotencyKey::random()).await.unwrap_err();
    assert!(matches!(error, Error::Transport(_)), "{error}");
    // Each of the outer attempts makes three.
    assert_eq!(attempts, 9);
    let partner = Partner::start()?;
    partner.on("/there").answers([Answer::ok("{}")]);
    let urls = [nowhere.clone(), partner.url("/there"), partner.url("/there")];
    pay_here_or_there(&client(), &urls, &IdempotencyKey::random()).await?;
    let urls = [nowhere, partner.url("/there"), partner.url("/elsewhere")];
    let outcome = pay_here_or_there(&client(), &urls, &IdempotencyKey::random()).await;
    assert_eq!((refused_for(outcome), partner.requests("/elsewhere")), (Some("path"), 0));
    Ok(())
}

#[tokio::test]
async fn a_panic_unwinds_on_although_the_key_never_left() -> Tested {
    #[retry(idempotency_key = key, base = "0ms")]
    #[resil::timeout("5s")]
    async fn panics(client: &reqwest::Client, url: &str, key: &IdempotencyKey) -> Result<String, Error> {
        _ = key;
        client.post(url).send().await?;
        panic!("a bug")
    }
    let _scope = resil::testing::strict();
    let partner = Partner::start()?;
    partner.on("/well").answers([Answer::ok("{}")]);
    let url = partner.url("/well");
    let (client, key) = (client(), IdempotencyKey::random());
    let caught = std::panic::AssertUnwindSafe(panics(&client, &url, &key));
    let caught = futures_util::FutureExt::catch_unwind(caught).await;
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"a bug"));
    assert_eq!(partner.requests("/well"), 1);
    Ok(())
}

#[tokio::test]
async fn under_a_key_that_was_never_given_nothing_that_acts_is_sent_or_repeated() -> Tested {
    static PAY: Retry = Retry::idempotency_key().base(Duration::ZERO);
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    let client = client();
    for path in ["/pay", "/rate", "/put"] {
        partner.on(path).answers([Answer::Status(503), Answer::ok("{}")]);
    }
    let mut attempts = PAY.start();
    for method in ["POST", "PATCH"] {
        let request = client.request(method.parse()?, partner.url("/pay"));
        let outcome = attempts.prove(request.checked()).await;
        let missing =
            |error: &Error| matches!(error, Error::Policy(resil::Error::MissingKey { method: at }) if *at == method);
        assert!(outcome.as_ref().is_err_and(missing), "{outcome:?}");
        let outcome =
            Attempt::new(client.request(method.parse()?, partner.url("/pay")).checked()).under(&mut attempts).await;
        assert!(outcome.is_err());
    }
    assert_eq!(partner.requests("/pay"), 0);
    for (method, path) in [("GET", "/rate"), ("PUT", "/put")] {
        let mut attempts = PAY.start();
        let outcome = attempts.prove(client.request(method.parse()?, partner.url(path)).checked()).await;
        let error = outcome.err().ok_or("503")?;
        assert!(attempts.again(Some(error.verdict())).is_none(), "{method}: whatever it was, no key recognises it");
        assert_eq!(partner.requests(path), 1);
    }
    Ok(())
}
