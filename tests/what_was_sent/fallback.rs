//! A fallback that acts answers only what certainly was never done.

use super::partner::unreachable::refused_addr;
use super::partner::{Answer, Partner};
use super::{Tested, client, posts};
use resil::http::{Checked as _, Error};
use resil::{Failure, fallback, non_idempotent, retry, timeout};

async fn second(client: &&reqwest::Client, urls: &&[String; 2], _: Failure<Error>) -> Result<String, Error> {
    client.post(&urls[1]).checked().await?.text().await
}

#[non_idempotent]
#[fallback(with = second, unsent)]
async fn pay(client: &reqwest::Client, urls: &[String; 2]) -> Result<String, Error> {
    client.post(&urls[0]).checked().await?.text().await
}

#[non_idempotent]
#[fallback(with = second, unsent)]
#[timeout("5s")]
async fn pay_in_time(client: &reqwest::Client, urls: &[String; 2]) -> Result<String, Error> {
    client.post(&urls[0]).checked().await?.text().await
}

#[fallback(with = second, unsent)]
#[retry(unsent, base = "0ms")]
async fn pay_patiently(client: &reqwest::Client, urls: &[String; 2]) -> Result<String, Error> {
    client.post(&urls[0]).checked().await?.text().await
}

#[fallback(with = second, acts = "both gateways share one book")]
#[retry(unsent, base = "0ms")]
async fn pay_anyway(client: &reqwest::Client, urls: &[String; 2]) -> Result<String, Error> {
    client.post(&urls[0]).checked().await?.text().await
}

#[tokio::test]
async fn it_pays_elsewhere_what_was_never_sent_and_nothing_else() -> Tested {
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/second").answers([Answer::ok("second")]);
    let nowhere = format!("http://{}", refused_addr()?);
    let lost = [
        Answer::ApplyThenLose,
        Answer::Status(503),
        Answer::redirect(303, &nowhere),
        Answer::redirect(303, "mailto:x@y"),
        Answer::Status(409),
    ];
    let client = client();
    for (number, answer) in lost.into_iter().enumerate() {
        let path = format!("/first/{number}");
        partner.on(&path).answers([answer]);
        let urls = [partner.url(&path), partner.url("/second")];
        for outcome in
            [pay(&client, &urls).await, pay_in_time(&client, &urls).await, pay_patiently(&client, &urls).await]
        {
            assert!(outcome.is_err(), "{number}: {outcome:?}");
        }
    }
    assert_eq!(posts(&partner, "/second"), 0);
    let urls = [nowhere, partner.url("/second")];
    for outcome in [pay(&client, &urls).await, pay_in_time(&client, &urls).await, pay_patiently(&client, &urls).await] {
        assert_eq!(outcome?, "second");
    }
    partner.on("/first").answers([Answer::Status(503)]);
    assert_eq!(pay_anyway(&client, &[partner.url("/first"), partner.url("/second")]).await?, "second");
    Ok(())
}
