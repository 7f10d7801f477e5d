//! A partner that applies a request may answer with the address of another.

use super::partner::unreachable::{UNRESOLVABLE, refused_addr};
use super::partner::{Answer, Partner};
use super::{Tested, client, meaning, posts};
use resil::http::{Checked as _, Error};
use resil::{Classify as _, Effect, IdempotencyKey, Kind, retry};

#[retry(unsent, attempts = 3, base = "0ms", retry_status = [404, 429])]
async fn pay(client: &reqwest::Client, url: &str) -> Result<String, Error> {
    client.post(url).body("{}").checked().await?.text().await
}

/// Of a user who does not use the adapter's `checked()`.
#[retry(unsent, attempts = 3, base = "0ms", retry_status = [404, 429])]
async fn pay_by_hand(client: &reqwest::Client, url: &str) -> anyhow::Result<String> {
    Ok(client.post(url).body("{}").send().await?.error_for_status()?.text().await?)
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_no_proof_that_nothing_was_sent() -> Tested {
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    for (number, status) in [301, 302, 303, 307, 308].into_iter().enumerate() {
        let path = format!("/orders/{number}");
        for to in [format!("http://{}", refused_addr()?), format!("http://{UNRESOLVABLE}"), "mailto:x@y".to_owned()] {
            partner.on(&path).answers([Answer::redirect(status, &to)]);
            let before = posts(&partner, &path);
            let error = pay(&client(), &partner.url(&path)).await.unwrap_err();
            assert_eq!(error.verdict().effect, Effect::Unknown, "{status} to {to}: {error}");
            assert_eq!(posts(&partner, &path), before + 1, "{status} to {to}: {error}");
            let error = pay_by_hand(&client(), &partner.url(&path)).await.unwrap_err();
            assert_eq!(posts(&partner, &path), before + 2, "by hand, {status} to {to}: {error}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_a_redirect_leads_to_says_nothing_of_the_request() -> Tested {
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    let elsewhere = Partner::start()?;
    for (number, (status, last)) in [(303, 429), (302, 404), (303, 404), (307, 429)].into_iter().enumerate() {
        for (place, to) in [("here", partner.url("/done")), ("there", elsewhere.url("/done"))] {
            let path = format!("/{place}/{number}");
            partner.on(&path).answers([Answer::redirect(status, &to)]);
            partner.on("/done").answers([Answer::Status(last)]);
            elsewhere.on("/done").answers([Answer::Status(last)]);
            let error = pay(&client(), &partner.url(&path)).await.unwrap_err();
            assert_eq!(posts(&partner, &path), 1, "{status}, then {last} {place}");
            assert!(matches!(error, Error::Redirected { code, .. } if code == last), "{error}");
            assert_eq!(meaning(&error), (Kind::Caller, Effect::Unknown));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_redirect_to_the_same_address_is_one_as_well() -> Tested {
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/orders").answers([Answer::redirect(303, "/orders"), Answer::Status(404)]);
    let error = pay(&client(), &partner.url("/orders")).await.unwrap_err();
    assert_eq!((posts(&partner, "/orders"), error.verdict().effect), (1, Effect::Unknown), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_redirect_policy_of_ones_own_is_watched_too() -> Tested {
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/orders").answers([Answer::redirect(303, "/loop")]);
    partner.on("/loop").answers([Answer::redirect(303, "/loop")]);
    let policy = reqwest::redirect::Policy::limited(2);
    let client = resil::http::watch(reqwest::Client::builder().no_proxy(), policy).build()?;
    let error = pay(&client, &partner.url("/orders")).await.unwrap_err();
    assert_eq!((posts(&partner, "/orders"), error.verdict().effect), (1, Effect::Unknown), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_read_that_is_redirected_is_still_a_read() -> Tested {
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn after_a_read(client: &reqwest::Client, read: &str, pay: &str) -> Result<String, Error> {
        client.get(read).checked().await?.text().await?;
        client.post(pay).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/rate").answers([Answer::redirect(302, "/rate/today")]);
    partner.on("/rate/today").answers([Answer::ok("7")]);
    let nowhere = format!("http://{}", refused_addr()?);
    let error = after_a_read(&client(), &partner.url("/rate"), &nowhere).await.unwrap_err();
    assert_eq!((partner.requests("/rate"), error.verdict().effect), (3, Effect::None), "{error}");
    Ok(())
}

#[retry(idempotency_key = key, attempts = 3, base = "0ms")]
async fn pay_once(client: &reqwest::Client, url: &str, key: &IdempotencyKey) -> Result<String, Error> {
    client.post(url).bearer_auth("secret").body("{}").checked().await?.text().await
}

#[tokio::test]
async fn a_key_stays_behind_when_a_redirect_makes_its_request_a_read() -> Tested {
    let _scope = resil::testing::isolated();
    let (partner, elsewhere) = (Partner::start()?, Partner::start()?);
    let key = IdempotencyKey::derived("order", 1);
    for (status, at) in [(301, &partner), (302, &elsewhere), (303, &partner), (303, &elsewhere)] {
        partner.on("/orders").answers([Answer::redirect(status, at.url("/done"))]);
        at.on("/done").answers([Answer::ok("paid")]);
        assert_eq!(pay_once(&client(), &partner.url("/orders"), &key).await?, "paid");
    }
    for seen in partner.seen().into_iter().chain(elsewhere.seen()) {
        assert_eq!(seen.idempotency_key.is_some(), seen.path == "/orders", "{seen:?}");
        assert_eq!(seen.method, if seen.path == "/orders" { "POST" } else { "GET" });
    }
    Ok(())
}

#[tokio::test]
async fn a_request_with_a_key_is_not_repeated_at_another_address() -> Tested {
    let _scope = resil::testing::isolated();
    let (partner, elsewhere) = (Partner::start()?, Partner::start()?);
    let key = IdempotencyKey::derived("order", 1);
    for status in [307, 308] {
        partner.on("/orders").answers([Answer::redirect(status, elsewhere.url("/orders"))]);
        let error = pay_once(&client(), &partner.url("/orders"), &key).await.unwrap_err();
        assert!(matches!(error, Error::Redirected { code, .. } if code == status), "{error}");
        assert_eq!(error.verdict().effect, Effect::Unknown);
    }
    assert!(elsewhere.seen().is_empty());
    Ok(())
}

#[tokio::test]
async fn where_a_key_stayed_behind_further_redirects_are_followed_in_the_time_of_the_request() -> Tested {
    #[retry(idempotency_key = key, attempts = 1)]
    async fn pay_in_time(client: &reqwest::Client, url: &str, key: &IdempotencyKey) -> Result<String, Error> {
        let request = client.post(url).timeout(std::time::Duration::from_millis(50));
        request.checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/orders").answers([Answer::redirect(303, "/done")]);
    partner.on("/done").answers([Answer::redirect(302, "/receipt")]);
    partner.on("/receipt").answers([Answer::ok("paid")]);
    let key = IdempotencyKey::random();
    assert_eq!(pay_once(&client(), &partner.url("/orders"), &key).await?, "paid");
    partner.on("/receipt").answers([Answer::Withhold]);
    let error = pay_in_time(&client(), &partner.url("/orders"), &key).await.unwrap_err();
    assert_eq!(error.verdict().effect, Effect::Unknown, "{error}");
    Ok(())
}

#[tokio::test]
async fn who_follows_no_redirect_gets_the_answer_itself() -> Tested {
    #[retry(idempotency_key = key)]
    async fn status(client: &reqwest::Client, url: &str, key: &IdempotencyKey) -> Result<u16, Error> {
        Ok(client.post(url).checked().await?.status().as_u16())
    }
    use reqwest::redirect::Policy;
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/orders").answers([Answer::redirect(303, "/done")]);
    let builder = || reqwest::Client::builder().no_proxy();
    for client in [resil::http::watch(builder(), Policy::none()), builder().redirect(Policy::none())] {
        let outcome = status(&client.build()?, &partner.url("/orders"), &IdempotencyKey::random()).await;
        assert_eq!(outcome?, 303);
    }
    assert_eq!(partner.requests("/done"), 0);
    Ok(())
}

/// A policy that was set after ours is in its place.
#[tokio::test]
async fn a_redirect_that_nobody_watched_shows_in_where_it_leads() -> Tested {
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/warm").answers([Answer::ok("{}")]);
    for status in [301, 302, 303, 307, 308] {
        let path = format!("/orders/{status}");
        partner.on(&path).answers([Answer::redirect(status, format!("http://{}", refused_addr()?))]);
        let client = resil::http::client().no_proxy().redirect(reqwest::redirect::Policy::limited(5)).build()?;
        for arrived in [1, 2] {
            // The second time over a connection that is there already.
            let error = pay(&client, &partner.url(&path)).await.unwrap_err();
            assert_eq!((posts(&partner, &path), error.verdict().effect), (arrived, Effect::Unknown), "{error}");
            pay(&client, &partner.url("/warm")).await?;
        }
    }
    Ok(())
}
