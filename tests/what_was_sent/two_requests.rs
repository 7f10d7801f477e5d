//! One call, more than one request: the last failure does not speak for the first.

use super::partner::unreachable::refused_addr;
use super::partner::{Answer, Partner};
use super::{Tested, client, posts};
use resil::http::{Checked as _, Error};
use resil::{Classify as _, Effect, IdempotencyKey, Semaphore, bulkhead, retry, semaphore, timeout};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A partner whose first request is applied.
fn applied_once(second: Answer) -> std::io::Result<Partner> {
    let partner = Partner::start()?;
    partner.on("/first").answers([Answer::ok("{}")]);
    partner.on("/second").answers([second]);
    Ok(partner)
}

#[retry(unsent, attempts = 3, base = "0ms", retry_status = [404, 429])]
async fn both(client: &reqwest::Client, first: &str, second: &str) -> Result<String, Error> {
    client.post(first).checked().await?;
    client.post(second).checked().await?.text().await
}

#[tokio::test]
async fn a_second_request_that_is_refused_does_not_undo_the_first() -> Tested {
    let _scope = resil::testing::isolated();
    for status in [404, 429] {
        let partner = applied_once(Answer::Status(status))?;
        let outcome = both(&client(), &partner.url("/first"), &partner.url("/second")).await;
        assert!(outcome.is_err());
        assert_eq!(posts(&partner, "/first"), 1, "{status}");
    }
    let partner = applied_once(Answer::AsUsual)?;
    let outcome = both(&client(), &partner.url("/first"), &format!("http://{}", refused_addr()?)).await;
    assert!(outcome.is_err());
    assert_eq!(posts(&partner, "/first"), 1, "a refused connection");
    Ok(())
}

#[tokio::test]
async fn a_refused_first_request_and_nothing_else_is_repeated() -> Tested {
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/first").answers([Answer::Status(429), Answer::Status(404), Answer::ok("{}")]);
    partner.on("/second").answers([Answer::ok("done")]);
    assert_eq!(both(&client(), &partner.url("/first"), &partner.url("/second")).await?, "done");
    assert_eq!((posts(&partner, "/first"), posts(&partner, "/second")), (3, 1));
    Ok(())
}

#[tokio::test]
async fn some_refusals_leave_open_whether_the_first_request_is_being_done() -> Tested {
    #[retry(unsent, attempts = 3, base = "0ms", retry_status = [408, 409, 425])]
    async fn pay(client: &reqwest::Client, url: &str) -> Result<String, Error> {
        client.post(url).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    for status in [408, 409, 425] {
        let partner = Partner::start()?;
        partner.on("/pay").answers([Answer::Status(status)]);
        assert!(pay(&client(), &partner.url("/pay")).await.is_err());
        assert_eq!(posts(&partner, "/pay"), 1, "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn an_own_semaphore_that_is_full_does_not_undo_what_was_sent() -> Tested {
    static FULL: Semaphore = Semaphore::new(1).name("full of one");
    #[semaphore(name = "full of one", permits = 1)]
    async fn second() -> Result<String, Error> {
        Ok("done".to_owned())
    }
    #[resil::fallback(with = elsewhere, unsent)]
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn both(client: &reqwest::Client, first: &str, paid_elsewhere: &AtomicUsize) -> Result<String, Error> {
        client.post(first).checked().await?;
        second().await
    }
    #[expect(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps, reason = "the shape of a fallback")]
    fn elsewhere(
        _: &&reqwest::Client,
        _: &&str,
        paid_elsewhere: &&AtomicUsize,
        _: resil::Failure<Error>,
    ) -> Result<String, Error> {
        paid_elsewhere.fetch_add(1, Ordering::SeqCst);
        Ok("elsewhere".to_owned())
    }
    let _scope = resil::testing::isolated();
    let _taken = FULL.acquire().await?;
    let partner = applied_once(Answer::AsUsual)?;
    let paid_elsewhere = AtomicUsize::new(0);
    let error = both(&client(), &partner.url("/first"), &paid_elsewhere).await.unwrap_err();
    assert!(matches!(error, Error::Policy(resil::Error::SemaphoreFull { .. })), "{error}");
    assert_eq!((posts(&partner, "/first"), paid_elsewhere.load(Ordering::SeqCst)), (1, 0));
    Ok(())
}

/// Callees with records of their own.
#[retry(unsent, attempts = 2, base = "0ms")]
async fn send(client: &reqwest::Client, url: &str) -> Result<String, Error> {
    client.post(url).checked().await?.text().await
}

#[retry(idempotent)]
async fn ask(client: &reqwest::Client, url: &str) -> Result<String, Error> {
    client.get(url).checked().await?.text().await
}

#[tokio::test]
async fn the_caller_hears_of_what_its_callees_sent_also_side_by_side_and_dropped() -> Tested {
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn joined(client: &reqwest::Client, first: &str, second: &str) -> Result<String, Error> {
        let (first, second) = tokio::join!(send(client, first), send(client, second));
        first?;
        second
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn dropped(client: &reqwest::Client, partner: &Partner, second: &str) -> Result<String, Error> {
        let withheld = partner.url("/withheld");
        tokio::select! {
            sent = send(client, &withheld) => sent,
            () = partner.wait_for_requests("/withheld", 1) => send(client, second).await,
        }
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn spawned(client: &reqwest::Client, first: &str, second: &str) -> Result<String, Error> {
        let request = client.post(first);
        resil::spawn(async { request.checked().await.map(drop) }).await.unwrap()?;
        send(client, second).await
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    #[bulkhead(name = "sent elsewhere", threads = 1)]
    async fn in_a_bulkhead(client: reqwest::Client, first: String, second: String) -> Result<String, Error> {
        client.post(first).checked().await?;
        send(&client, &second).await
    }
    let _scope = resil::testing::isolated();
    let nowhere = format!("http://{}", refused_addr()?);
    let client = client();
    let partner = applied_once(Answer::AsUsual)?;
    let first = partner.url("/first");
    assert!(joined(&client, &first, &nowhere).await.is_err());
    assert_eq!(posts(&partner, "/first"), 1, "joined");
    assert!(joined(&client, &nowhere, &first).await.is_err());
    assert_eq!(posts(&partner, "/first"), 2, "joined the other way round");
    assert!(spawned(&client, &first, &nowhere).await.is_err());
    assert_eq!(posts(&partner, "/first"), 3, "spawned");
    assert!(in_a_bulkhead(client.clone(), first.clone(), nowhere.clone()).await.is_err());
    assert_eq!(posts(&partner, "/first"), 4, "in a bulkhead");
    partner.on("/withheld").answers([Answer::Withhold]);
    assert!(dropped(&client, &partner, &nowhere).await.is_err());
    assert_eq!(posts(&partner, "/withheld"), 1, "dropped");
    Ok(())
}

#[tokio::test]
async fn what_cannot_act_is_not_remembered() -> Tested {
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn pay(client: &reqwest::Client, rate: &str, token: &str, pay: &str) -> Result<String, Error> {
        _ = ask(client, rate).await;
        client.post(token).harmless("token endpoint").checked().await?;
        client.post(pay).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    // The first answer is lost, and so the callee repeats it.
    partner.on("/rate").answers([Answer::Status(503), Answer::ok("7")]);
    partner.on("/token").answers([Answer::ok("{}")]);
    let nowhere = format!("http://{}", refused_addr()?);
    let error = pay(&client(), &partner.url("/rate"), &partner.url("/token"), &nowhere).await.unwrap_err();
    assert_eq!((posts(&partner, "/token"), error.verdict().effect), (3, Effect::None), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_connection_of_ones_own_and_a_word_count_as_sent() -> Tested {
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn dialled(attempts: &AtomicUsize, to: std::net::SocketAddr) -> std::io::Result<()> {
        attempts.fetch_add(1, Ordering::SeqCst);
        resil::net::connect(tokio::net::TcpStream::connect(to)).await?;
        Err(std::io::ErrorKind::ConnectionRefused.into())
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn told(attempts: &AtomicUsize) -> std::io::Result<()> {
        attempts.fetch_add(1, Ordering::SeqCst);
        resil::sent();
        Err(std::io::ErrorKind::ConnectionRefused.into())
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    let attempts = AtomicUsize::new(0);
    assert!(dialled(&attempts, partner.addr()).await.is_err());
    assert_eq!(attempts.swap(0, Ordering::SeqCst), 1);
    assert!(dialled(&attempts, refused_addr()?).await.is_err());
    assert_eq!(attempts.swap(0, Ordering::SeqCst), 3, "nothing was sent");
    assert!(told(&attempts).await.is_err());
    assert_eq!(attempts.swap(0, Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test]
async fn a_keyed_call_within_keeps_its_doubt_to_the_end() -> Tested {
    #[retry(idempotency_key = key, attempts = 2, base = "0ms")]
    async fn order(
        client: &reqwest::Client,
        urls: &[String; 2],
        n: &AtomicUsize,
        key: &IdempotencyKey,
    ) -> Result<String, Error> {
        let url = &urls[n.fetch_add(1, Ordering::SeqCst) % 2];
        client.post(url).checked().await?.text().await
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn around(client: &reqwest::Client, urls: &[String; 2], n: &AtomicUsize) -> Result<String, Error> {
        order(client, urls, n, &IdempotencyKey::random()).await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/orders").answers([Answer::ApplyThenLose, Answer::Status(422)]);
    let urls = [partner.url("/orders"), partner.url("/orders")];
    let error = around(&client(), &urls, &AtomicUsize::new(0)).await.unwrap_err();
    assert!(matches!(error, Error::Policy(resil::Error::InDoubt { .. })), "{error}");
    assert_eq!((posts(&partner, "/orders"), partner.book().len()), (2, 1), "two attempts under one key");
    Ok(())
}

/// One call under way, two that wait for it: the second takes it over.
#[tokio::test]
async fn all_who_wait_for_a_call_hear_of_what_it_sends() -> Tested {
    use futures_util::FutureExt as _;
    #[retry(unsent)]
    async fn pays(client: &reqwest::Client, urls: &[String; 2], pay: &tokio::sync::Notify) -> Result<(), Error> {
        _ = client.post(&urls[0]).checked().await;
        pay.notified().await;
        client.post(&urls[1]).checked().await.map(drop)
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn waits(paid: impl Future<Output = ()> + Clone, attempts: &AtomicUsize) -> std::io::Result<()> {
        attempts.fetch_add(1, Ordering::SeqCst);
        paid.clone().await;
        Err(std::io::ErrorKind::ConnectionRefused.into())
    }
    let _scope = resil::testing::isolated();
    let partner = applied_once(Answer::Status(404))?;
    let (client, go) = (client(), tokio::sync::Notify::new());
    let urls = [partner.url("/second"), partner.url("/first")];
    let paid = pays(&client, &urls, &go).map(drop).shared();
    let attempts = AtomicUsize::new(0);
    tokio::select! {
        biased;
        outcome = waits(paid.clone(), &attempts) => panic!("{outcome:?}"),
        () = partner.wait_for_requests("/second", 1) => {}
    }
    go.notify_one();
    attempts.store(0, Ordering::SeqCst);
    assert!(waits(paid, &attempts).await.is_err());
    assert_eq!((posts(&partner, "/first"), attempts.load(Ordering::SeqCst)), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_read_that_went_well_does_not_answer_for_what_nobody_saw() -> Tested {
    #[retry(idempotent, attempts = 2, base = "0ms")]
    async fn books(client: &reqwest::Client, rate: &str, booked: &AtomicUsize) -> std::io::Result<()> {
        let rate = client.get(rate).checked().await.map_err(std::io::Error::other)?;
        rate.text().await.map_err(std::io::Error::other)?;
        // In a database, say: the answer is lost, and the second time nobody is there.
        let lost = booked.fetch_add(1, Ordering::SeqCst) == 0;
        let kind = if lost { std::io::ErrorKind::ConnectionReset } else { std::io::ErrorKind::ConnectionRefused };
        Err(kind.into())
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn around(client: &reqwest::Client, rate: &str, booked: &AtomicUsize) -> std::io::Result<()> {
        books(client, rate, booked).await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/rate").answers([Answer::ok("7")]);
    let booked = AtomicUsize::new(0);
    assert!(around(&client(), &partner.url("/rate"), &booked).await.is_err());
    assert_eq!(booked.load(Ordering::SeqCst), 2, "one call of two attempts");
    Ok(())
}

#[tokio::test]
async fn a_read_that_failed_before_does_not_either() -> Tested {
    #[retry(idempotent, attempts = 2, base = "0ms")]
    async fn books(client: &reqwest::Client, urls: [&str; 2], booked: &AtomicUsize) -> std::io::Result<()> {
        _ = client.get(urls[0]).checked().await;
        _ = client.delete(urls[1]).checked().await;
        let lost = booked.fetch_add(1, Ordering::SeqCst) == 0;
        let kind = if lost { std::io::ErrorKind::ConnectionReset } else { std::io::ErrorKind::ConnectionRefused };
        Err(kind.into())
    }
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn around(client: &reqwest::Client, urls: [&str; 2], booked: &AtomicUsize) -> std::io::Result<()> {
        books(client, urls, booked).await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    partner.on("/rate").answers([Answer::Status(503)]);
    partner.on("/gone").answers([Answer::Status(404)]);
    let booked = AtomicUsize::new(0);
    assert!(around(&client(), [&partner.url("/rate"), &partner.url("/gone")], &booked).await.is_err());
    assert_eq!(booked.load(Ordering::SeqCst), 2, "one call of two attempts");
    Ok(())
}

#[tokio::test]
async fn a_read_that_failed_in_the_middle_or_took_too_long_is_still_a_read() -> Tested {
    #[retry(idempotent, attempts = 3, base = "0ms")]
    #[timeout("5s", read = "50ms", allow(range))]
    async fn rate(client: &reqwest::Client, rate: &str) -> Result<String, Error> {
        client.get(rate).checked().await?.text().await
    }
    #[retry(unsent, attempts = 2, base = "0ms")]
    async fn pay(client: &reqwest::Client, urls: &[String; 2], attempts: &AtomicUsize) -> Result<String, Error> {
        attempts.fetch_add(1, Ordering::SeqCst);
        rate(client, &urls[0]).await?;
        client.post(&urls[1]).checked().await?.text().await
    }
    let _scope = resil::testing::isolated();
    let partner = Partner::start()?;
    let nowhere = format!("http://{}", refused_addr()?);
    let slow = Answer::drip("a rate", std::time::Duration::from_secs(5));
    for (number, fault) in
        [Answer::ResetMidAnswer, Answer::TruncatedBody, slow, Answer::Withhold].into_iter().enumerate()
    {
        let path = format!("/rate/{number}");
        partner.on(&path).answers([fault, Answer::ok("7")]);
        let attempts = AtomicUsize::new(0);
        let error = pay(&client(), &[partner.url(&path), nowhere.clone()], &attempts).await.unwrap_err();
        assert_eq!((attempts.load(Ordering::SeqCst), error.verdict().effect), (2, Effect::None), "{number}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_request_that_was_begun_before_belongs_to_who_waits_for_it() -> Tested {
    type Begun = std::pin::Pin<Box<dyn Future<Output = Result<resil::http::Response, Error>> + Send>>;
    #[retry(unsent, attempts = 3, base = "0ms")]
    async fn waits(begun: &tokio::sync::Mutex<Option<Begun>>, attempts: &AtomicUsize) -> std::io::Result<()> {
        attempts.fetch_add(1, Ordering::SeqCst);
        let begun = begun.lock().await.take();
        if let Some(request) = begun {
            assert!(request.await.is_ok());
        }
        Err(std::io::ErrorKind::ConnectionRefused.into())
    }
    #[retry(unsent, attempts = 1)]
    async fn begins(request: &tokio::sync::Mutex<Option<Begun>>) -> Result<(), Error> {
        let mut request = request.lock().await;
        assert!(futures_util::poll!(request.as_mut().unwrap()).is_pending());
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let partner = applied_once(Answer::AsUsual)?;
    let client = client();
    for number in 0..2 {
        let mut request: Begun = Box::pin(client.post(partner.url("/first")).checked());
        if number == 0 {
            assert!(futures_util::poll!(&mut request).is_pending());
        }
        let (begun, attempts) = (tokio::sync::Mutex::new(Some(request)), AtomicUsize::new(0));
        if number == 1 {
            begins(&begun).await?;
        }
        assert!(waits(&begun, &attempts).await.is_err());
        assert_eq!((attempts.load(Ordering::SeqCst), posts(&partner, "/first")), (1, number + 1));
    }
    Ok(())
}
