//! Our caller and our service: a keyed retry meets its own first request.

use super::*;
use resil::http::Checked as _;
use resil::{Event, IdempotencyKey, registry, retry};

#[retry(idempotency_key = key, retry_status = [409], base = "0ms")]
async fn ask(client: &Client, key: &IdempotencyKey, order: &'static str) -> Result<Answer, resil::http::Error> {
    let response = client.request("POST", "/orders", &[], order).checked().await?;
    let (status, is_again) = (response.status().as_u16(), response.headers().contains_key("idempotency-replayed"));
    _ = key;
    Ok((status, is_again, response.text().await?))
}

async fn a_keyed_retry_waits_as_long_as_it_is_asked_and_gets_the_stored_answer<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let (client, key) = (Arc::new(client), IdempotencyKey::random());
    let first = tokio::spawn({
        let (client, key) = (Arc::clone(&client), key.clone());
        async move { client.post("/orders", key.as_str(), SLOW).await }
    });
    shop.inside.notified().await;
    let mut events = registry().subscribe();
    let release = async {
        let event = events.next().await;
        shop.gate.close();
        event
    };
    let (again, event) = tokio::join!(ask(&client, &key, SLOW), release);
    let Event::Retrying { attempt: 1, delay, verdict, .. } = event else { panic!("{event:?}") };
    assert_eq!(verdict.status, Some(409));
    assert!(delay >= Duration::from_secs(1), "the service has asked for it: {delay:?}");
    let first = first.await.unwrap();
    assert_eq!((first.0, first.1), (201, false));
    assert_eq!(again.unwrap(), (201, true, first.2));
    assert_eq!(shop.counts(), (1, 1));
}

/// The answer was lost on its way: the next attempt gets it.
async fn a_keyed_retry_after_a_lost_answer_gets_it<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let key = IdempotencyKey::random();
    let lost = client.post("/orders", key.as_str(), TEA).await;
    assert_eq!(ask(&client, &key, TEA).await.unwrap(), (201, true, lost.2));
    let other = ask(&client, &key, SLOW).await.unwrap_err();
    assert!(other.to_string().contains("422"), "and for another order it is an error: {other}");
    assert_eq!(shop.counts(), (1, 1));
}

on_both! {
    a_keyed_retry_waits_as_long_as_it_is_asked_and_gets_the_stored_answer,
    a_keyed_retry_after_a_lost_answer_gets_it,
}
