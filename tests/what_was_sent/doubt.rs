//! A keyed call is no more certain at its end than it was in between.

use super::partner::{Answer, Partner};
use super::{Tested, client};
use resil::http::{Checked as _, Error};
use resil::{Classify, Effect, IdempotencyKey, Kind, circuit_breaker, retry, semaphore};
use std::sync::atomic::{AtomicUsize, Ordering};

#[retry(idempotency_key = key, attempts = 2, base = "0ms")]
async fn pay(
    client: &reqwest::Client,
    urls: &[String; 2],
    attempt: &AtomicUsize,
    key: &IdempotencyKey,
) -> Result<String, Error> {
    client.post(&urls[attempt.fetch_add(1, Ordering::SeqCst) % 2]).checked().await?.text().await
}

fn doubt(error: &Error) -> Option<(Kind, Effect, Option<u16>)> {
    let Error::Policy(resil::Error::InDoubt { verdict, why, .. }) = error else { return None };
    assert!(why.as_ref().is_some_and(|why| !why.is_empty()));
    assert_eq!(error.verdict(), **verdict);
    Some((verdict.kind, verdict.effect, verdict.status))
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_leaves_doubt() -> Tested {
    let _scope = resil::testing::isolated();
    for status in [400, 401, 403, 404, 422, 429] {
        let partner = Partner::start()?;
        partner.on("/orders").answers([Answer::ApplyThenLose, Answer::Status(status)]);
        let urls = [partner.url("/orders"), partner.url("/orders")];
        let error = pay(&client(), &urls, &AtomicUsize::new(0), &IdempotencyKey::random()).await.unwrap_err();
        assert_eq!(doubt(&error), Some((Kind::Caller, Effect::Unknown, Some(status))), "{error}");
        assert!(error.to_string().contains("may have been applied"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_conflict_is_no_refusal() -> Tested {
    let _scope = resil::testing::isolated();
    for status in [408, 409, 425] {
        let partner = Partner::start()?;
        partner.on("/orders").answers([Answer::ApplyThenLose, Answer::Status(status)]);
        let urls = [partner.url("/orders"), partner.url("/orders")];
        let after_a_loss = pay(&client(), &urls, &AtomicUsize::new(0), &IdempotencyKey::random()).await;
        for error in [after_a_loss.unwrap_err(), client().post(&urls[0]).checked().await.unwrap_err()] {
            assert!(matches!(error, Error::Status { code, .. } if code == status), "{error}");
            assert_eq!(super::meaning(&error), (Kind::Caller, Effect::Unknown));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_first_refusal_is_the_users_own() -> Tested {
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    for status in [400, 401, 403, 404, 422, 429] {
        partner.on("/orders").answers([Answer::Status(status)]);
        let urls = [partner.url("/orders"), partner.url("/orders")];
        let error = pay(&client(), &urls, &AtomicUsize::new(0), &IdempotencyKey::random()).await.unwrap_err();
        assert!(matches!(error, Error::Status { code, .. } if code == status), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_partner_that_is_gone_the_second_time_may_have_applied_the_first() -> Tested {
    #[retry(idempotency_key = key, attempts = 2, base = "1ms")]
    async fn pay(
        client: &reqwest::Client,
        url: &str,
        partner: &std::sync::Mutex<Option<Partner>>,
        key: &IdempotencyKey,
    ) -> Result<String, Error> {
        let outcome = client.post(url).checked().await;
        let running = partner.lock().unwrap().take();
        if let Some(running) = running {
            running.stop().await;
        }
        outcome?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/orders").answers([Answer::ApplyThenLose]);
    let url = partner.url("/orders");
    let error =
        pay(&client(), &url, &std::sync::Mutex::new(Some(partner)), &IdempotencyKey::random()).await.unwrap_err();
    assert_eq!(doubt(&error), Some((Kind::Transient, Effect::Unknown, None)), "{error}");
    Ok(())
}

/// The answers of our own policies.
#[tokio::test]
async fn an_open_circuit_or_a_full_semaphore_the_second_time_leaves_doubt() -> Tested {
    #[retry(idempotency_key = key, base = "0ms")]
    #[circuit_breaker(name = "opens at once", window = 1, min_calls = 1)]
    async fn broken(client: &reqwest::Client, url: &str, key: &IdempotencyKey) -> Result<String, Error> {
        client.post(url).checked().await?.text().await
    }
    static LIMIT: resil::Semaphore = resil::Semaphore::new(1).name("one at a time");
    #[retry(idempotency_key = key, base = "0ms")]
    #[semaphore(name = "one at a time", permits = 1)]
    async fn full(
        client: &reqwest::Client,
        url: &str,
        taken: &std::sync::Mutex<Option<resil::policy::semaphore::Permit<'_>>>,
        key: &IdempotencyKey,
    ) -> Result<String, Error> {
        let sent = client.post(url).checked().await;
        // Somebody else's turn, as soon as this attempt is over.
        LIMIT.resize(2).unwrap();
        *taken.lock().unwrap() = LIMIT.acquire().await.ok();
        LIMIT.resize(1).unwrap();
        sent?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/orders").answers([Answer::ApplyThenLose]);
    let url = partner.url("/orders");
    let error = broken(&client(), &url, &IdempotencyKey::random()).await.unwrap_err();
    assert_eq!(doubt(&error), Some((Kind::Permanent, Effect::Unknown, None)), "{error}");
    let error = full(&client(), &url, &std::sync::Mutex::default(), &IdempotencyKey::random()).await.unwrap_err();
    assert_eq!(doubt(&error), Some((Kind::Permanent, Effect::Unknown, None)), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_error_of_ones_own_holds_the_doubt_and_needs_no_text() -> Tested {
    #[derive(Debug, Classify)]
    enum Failed {
        #[classify(caller)]
        Declined,
        #[classify(transient)]
        Lost,
        #[classify(delegate)]
        Policy(resil::Error),
    }
    impl From<resil::Error> for Failed {
        fn from(error: resil::Error) -> Self {
            Self::Policy(error)
        }
    }
    #[retry(idempotency_key = key, base = "0ms")]
    async fn pay(answers: &[Option<Failed>], attempt: &mut usize, key: &IdempotencyKey) -> Result<String, Failed> {
        *attempt += 1;
        match &answers[*attempt - 1] {
            Some(Failed::Lost) => Err(Failed::Lost),
            Some(_) => Err(Failed::Declined),
            None => Ok(key.to_string()),
        }
    }
    let key = IdempotencyKey::random();
    let error = pay(&[Some(Failed::Lost), Some(Failed::Declined)], &mut 0, &key).await.unwrap_err();
    let Failed::Policy(resil::Error::InDoubt { verdict, why: None, .. }) = error else { panic!("{error:?}") };
    assert_eq!((verdict.kind, verdict.effect), (Kind::Caller, Effect::Unknown));
    assert!(matches!(pay(&[Some(Failed::Declined)], &mut 0, &key).await, Err(Failed::Declined)));
    assert!(pay(&[Some(Failed::Lost), None], &mut 0, &key).await.is_ok());
    Ok(())
}
