//! What a failure proves when the partner is cruel, through our channel and through one of tonic's own.

use super::raw::{CANCEL, Listening, REFUSED_STREAM, partner};
use super::{ask, client, endpoint};
use resil::{Classify as _, Effect, Error, Kind, Phase, Verdict, retry, timeout};
use tonic::{Code, Status};
use tonic_health::pb::health_client::HealthClient;

const UNSENT: (Kind, Effect) = (Kind::Transient, Effect::None);
const LOST: (Kind, Effect) = (Kind::Transient, Effect::Unknown);
const BROKEN: (Kind, Effect) = (Kind::Permanent, Effect::Unknown);

fn meaning(Verdict { kind, effect, .. }: Verdict) -> (Kind, Effect) {
    (kind, effect)
}

/// What a call through our channel, and one through tonic's own, make of this partner.
async fn both(play: impl AsyncFn(&Listening) + Send + Copy + 'static) -> [Status; 2] {
    let (ours, first) = partner(async move |listening| play(&listening).await);
    let (plain, second) = partner(async move |listening| play(&listening).await);
    let ours = client(ours).check(ask("")).await.unwrap_err();
    let mut tonics = HealthClient::new(endpoint(plain).connect_lazy());
    let plain = tonics.check(ask("")).await.unwrap_err();
    drop(tonics);
    first.await.unwrap();
    second.await.unwrap();
    [ours, plain]
}

async fn expect(what: (Kind, Effect), play: impl AsyncFn(&Listening) + Send + Copy + 'static) {
    let statuses = both(play).await;
    assert_eq!(statuses.each_ref().map(|status| meaning(status.verdict())), [what; 2], "{statuses:?}");
}

#[tokio::test]
async fn a_stream_that_is_refused_was_not_processed() {
    expect(UNSENT, async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.reset(stream, REFUSED_STREAM).await;
        raw.request().await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_refused_after_half_an_answer_was_processed() {
    expect(LOST, async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.head(stream).await;
        raw.part_of_a_message(stream).await;
        raw.reset(stream, REFUSED_STREAM).await;
        raw.request().await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_refused_after_its_head_was_processed() {
    expect(LOST, async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.head(stream).await;
        raw.reset(stream, REFUSED_STREAM).await;
        raw.request().await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_left_behind_was_not_processed() {
    expect(UNSENT, async |listening| {
        let mut raw = listening.accept().await;
        raw.request().await.unwrap();
        raw.go_away(0).await;
        raw.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_not_left_behind_may_have_been_processed_when_the_connection_ends() {
    expect(LOST, async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.go_away(stream).await;
        raw.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_partner_that_goes_away_after_half_an_answer_has_processed_it() {
    let [ours, plain] = both(async |listening: &Listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.head(stream).await;
        raw.part_of_a_message(stream).await;
        raw.go_away(0).await;
        raw.close().await;
    })
    .await;
    assert_eq!(meaning(ours.verdict()), LOST, "{ours:?}");
    // hyper says that it was the end, and tonic that the end is wrong.
    assert_eq!(meaning(plain.verdict()), BROKEN, "{plain:?}");
}

#[tokio::test]
async fn a_dead_connection_is_passing_and_unknown_whatever_its_code() {
    expect(LOST, async |listening| {
        let mut raw = listening.accept().await;
        raw.request().await.unwrap();
        raw.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_partner_that_cancels_is_not_passing() {
    expect(BROKEN, async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.reset(stream, CANCEL).await;
        raw.request().await;
    })
    .await;
    expect(BROKEN, async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.only_status(stream, "1", &[]).await;
        raw.request().await;
    })
    .await;
}

#[tokio::test]
async fn a_partner_that_says_unavailable_may_have_acted() {
    expect(LOST, async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.only_status(stream, "14", &[]).await;
        raw.request().await;
    })
    .await;
}

#[tokio::test]
async fn a_fault_of_the_caller_after_an_answer_has_begun_proves_nothing() {
    let [ours, _] = both(async |listening: &Listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.head(stream).await;
        raw.message(stream).await;
        raw.headers(stream, &[("grpc-status", "9")], true).await;
        raw.request().await;
    })
    .await;
    assert_eq!((ours.code(), meaning(ours.verdict())), (Code::FailedPrecondition, (Kind::Caller, Effect::Unknown)));
}

/// Through our channel alone: tonic reads the page, and its expectations panic.
async fn ours(play: impl AsyncFnOnce(&Listening) + Send + 'static) -> Status {
    let (address, partner) = partner(async move |listening| play(&listening).await);
    let status = client(address).check(ask("")).await.unwrap_err();
    partner.await.unwrap();
    status
}

#[tokio::test]
async fn the_page_of_a_gateway_is_not_read() {
    let gateway = |code: &'static str| {
        ours(async move |listening: &Listening| {
            let mut raw = listening.accept().await;
            let stream = raw.request().await.unwrap();
            raw.headers(stream, &[(":status", code), ("content-type", "text/html"), ("retry-after", "7")], false).await;
            raw.message(stream).await;
            raw.request().await;
        })
    };
    let status = gateway("502").await;
    assert_eq!((status.code(), meaning(status.verdict())), (Code::Unavailable, LOST));
    assert_eq!(status.verdict().retry_after.unwrap().as_secs(), 7);
    assert_eq!(meaning(gateway("404").await.verdict()), (Kind::Caller, Effect::None));
}

#[tokio::test]
async fn details_that_are_no_base64_are_no_panic() {
    for ends_at_once in [true, false] {
        let status = ours(async move |listening: &Listening| {
            let mut raw = listening.accept().await;
            let stream = raw.request().await.unwrap();
            if ends_at_once {
                raw.only_status(stream, "8", &[("grpc-status-details-bin", "%%%")]).await;
            } else {
                raw.head(stream).await;
                raw.headers(stream, &[("grpc-status", "8"), ("grpc-status-details-bin", "%%%")], true).await;
            }
            raw.request().await;
        })
        .await;
        assert_eq!(status.code(), Code::ResourceExhausted, "{ends_at_once}");
    }
}

#[tokio::test]
async fn a_refused_stream_is_repeated_where_only_what_was_not_sent_is() {
    #[retry(unsent, base = "1ms")]
    async fn check(client: &mut super::Client) -> Result<i32, Status> {
        Ok(client.check(ask("")).await?.into_inner().status)
    }
    let _scope = resil::testing::isolated();
    let (address, partner) = partner(async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.reset(stream, REFUSED_STREAM).await;
        let stream = raw.request().await.unwrap();
        raw.answer(stream).await;
        raw.request().await
    });
    assert_eq!(check(&mut client(address)).await.unwrap(), 1);
    assert_eq!(partner.await.unwrap(), None);
}

#[tokio::test]
async fn what_was_sent_is_not_repeated_where_only_what_was_not_sent_is() {
    #[retry(unsent, base = "1ms")]
    async fn check(client: &mut super::Client) -> Result<(), Status> {
        client.check(ask("acts")).await.map(drop).unwrap_err();
        client.check(ask("is refused")).await.map(drop)
    }
    let _scope = resil::testing::isolated();
    let (address, partner) = partner(async |listening| {
        let mut raw = listening.accept().await;
        let stream = raw.request().await.unwrap();
        raw.only_status(stream, "14", &[]).await;
        let stream = raw.request().await.unwrap();
        raw.reset(stream, REFUSED_STREAM).await;
        raw.request().await
    });
    check(&mut client(address)).await.unwrap_err();
    assert_eq!(partner.await.unwrap(), None, "the first was not made again");
}

#[tokio::test]
async fn a_silent_partner_ends_the_attempt() {
    #[timeout("1h", read = "200ms", allow(range))]
    async fn check(client: &mut super::Client) -> Result<(), Status> {
        client.check(ask("")).await.map(drop)
    }
    #[timeout("1h", read = "200ms", allow(range))]
    async fn watch(client: &mut super::Client) -> Result<(), Status> {
        let mut answers = client.watch(ask("")).await?.into_inner();
        while answers.message().await?.is_some() {}
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let (address, partner) = partner(async |listening| {
        let mut raw = listening.accept().await;
        raw.request().await.unwrap();
        let stream = raw.request().await.unwrap();
        raw.head(stream).await;
        raw.message(stream).await;
        raw.request().await
    });
    let mut client = client(address);
    for status in [check(&mut client).await.unwrap_err(), watch(&mut client).await.unwrap_err()] {
        let source = std::error::Error::source(&status).unwrap().downcast_ref::<Error>();
        assert!(matches!(source, Some(Error::Timeout { phase: Phase::Read, .. })), "{status:?}");
    }
    drop(client);
    assert_eq!(partner.await.unwrap(), None);
}
