//! What each code means, and the wait that a partner asks for.

use super::real::service;
use super::{ask, client, endpoint};
use resil::{Classify as _, Effect, Error, Event, Kind, rate_limit, registry, retry};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::{ErrorDetails, StatusExt as _};

#[tokio::test]
async fn each_code_of_a_partner_has_its_meaning() {
    let address = service(async |request: tonic::Request<_>| {
        let request: HealthCheckRequest = request.into_inner();
        let code: i32 = request.service.parse().unwrap();
        Err(Status::new(code.into(), "as asked for"))
    })
    .serve()
    .await;
    let (mut ours, mut plain) = (client(address), HealthClient::new(endpoint(address).connect_lazy()));
    for code in 1..=16 {
        let code = Code::from_i32(code);
        let asked = i32::from(code).to_string();
        let status = ours.check(ask(&asked)).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, "as asked for"));
        let (kind, effect) = match code {
            Code::Unavailable | Code::DeadlineExceeded => (Kind::Transient, Effect::Unknown),
            Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => (Kind::Permanent, Effect::Unknown),
            // The last two tonic also says of an answer that it cannot read, and a partner made with it may pass them on.
            Code::AlreadyExists | Code::Aborted | Code::ResourceExhausted | Code::OutOfRange | Code::Unimplemented => {
                (Kind::Caller, Effect::Unknown)
            }
            _ => (Kind::Caller, Effect::None),
        };
        assert_eq!((status.verdict().kind, status.verdict().effect), (kind, effect), "{code:?}");
        let status = plain.check(ask(&asked)).await.unwrap_err();
        assert_eq!((status.verdict().kind, status.verdict().effect), (kind, effect), "{code:?} by tonic's own channel");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_has_happened() {
    let address = service(async |_| Ok(1)).serve().await;
    let status = client(address).max_decoding_message_size(1).check(ask("")).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(status.verdict().effect, Effect::Unknown);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_not_sent() {
    let address = service(async |_| Ok(1)).serve().await;
    let status = client(address).max_encoding_message_size(1).check(ask("longer")).await.unwrap_err();
    assert_eq!((status.verdict().kind, status.verdict().effect), (Kind::Caller, Effect::None));
}

#[tokio::test]
async fn a_quota_that_will_be_there_again_is_waited_for() {
    #[retry(idempotent, base = "1ms", jitter = "none")]
    async fn check(client: &mut super::Client) -> Result<i32, Status> {
        Ok(client.check(ask("")).await?.into_inner().status)
    }
    let _scope = resil::testing::isolated();
    let calls = Arc::new(AtomicU32::new(0));
    let address = service({
        let calls = Arc::clone(&calls);
        move |_| {
            let is_first = calls.fetch_add(1, Ordering::Relaxed) == 0;
            let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(77)));
            async move {
                if is_first { Err(Status::with_error_details(Code::ResourceExhausted, "", details)) } else { Ok(1) }
            }
        }
    })
    .serve()
    .await;
    let mut events = registry().subscribe();
    assert_eq!(check(&mut client(address)).await.unwrap(), 1);
    let retrying = std::iter::from_fn(|| events.try_next()).find_map(|event| match event {
        Event::Retrying { delay, verdict, .. } => Some((delay, verdict)),
        _ => None,
    });
    let (delay, verdict) = retrying.unwrap();
    assert_eq!(verdict.retry_after, Some(Duration::from_millis(77)));
    assert!(delay >= Duration::from_millis(77), "{delay:?}");
}

#[tokio::test]
async fn the_rate_limit_around_keeps_the_wait_too() {
    #[rate_limit("1000/s", name = "quota")]
    async fn check(client: &mut super::Client) -> Result<(), Status> {
        client.check(ask("")).await.map(drop)
    }
    let _scope = resil::testing::isolated();
    let details = || ErrorDetails::with_retry_info(Some(Duration::from_secs(30)));
    let full = move || Status::with_error_details(Code::ResourceExhausted, "", details());
    let address = service(move |_| std::future::ready(Err(full()))).serve().await;
    let mut client = client(address);
    assert_eq!(check(&mut client).await.unwrap_err().code(), Code::ResourceExhausted);
    let refused = check(&mut client).await.unwrap_err();
    let refusal = std::error::Error::source(&refused).unwrap().downcast_ref::<Error>();
    assert!(matches!(refusal, Some(Error::RateLimited { name: "quota", .. })), "{refused:?}");
}

#[test]
fn our_details_are_what_others_read() {
    for wait in [Duration::from_millis(1), Duration::from_secs(2), Duration::new(86_400, 999_999_999)] {
        let status = Status::from(Error::RateLimited { name: "x", retry_after: Some(wait) });
        let info = status.get_error_details().retry_info().cloned().unwrap();
        assert_eq!(info.retry_delay, Some(wait));
        assert_eq!(status.check_error_details_vec().unwrap().len(), 1);
    }
}
