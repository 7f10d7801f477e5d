//! Deadlines that come in at run time, and go out again.
#![expect(clippy::unwrap_used, reason = "a test")]

use futures_util::FutureExt as _;
use resil::{Error, Retry, deadline, retry};
use std::cell::Cell;
use std::future::pending;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[deadline("10s")]
async fn left() -> Result<Duration, Error> {
    Ok(resil::remaining().unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_came_in_goes_out_unless_our_own_is_nearer() {
    let _scope = resil::testing::isolated();
    assert_eq!(resil::remaining(), None);
    assert_eq!(left().await.unwrap(), ms(10_000));
    assert_eq!(resil::within(ms(1_284), left()).await.unwrap(), ms(1_284));
    assert_eq!(resil::within(ms(20_000), left()).await.unwrap(), ms(10_000));
    let nested = resil::within(ms(500), resil::within(ms(900), left()));
    assert_eq!(nested.await.unwrap(), ms(500));
    assert_eq!(resil::remaining(), None);
}

#[tokio::test(start_paused = true)]
async fn it_passes_as_a_written_one_does() {
    let _scope = resil::testing::isolated();
    let begun = Instant::now();
    let error = resil::within(ms(1_284), pending::<Result<(), Error>>()).await.unwrap_err();
    let Error::DeadlineExceeded { site, limit, attempted: true, .. } = error else { panic!("{error}") };
    assert_eq!((site.function, site.file, limit), ("resil::within", "tests/deadline.rs", ms(1_300)));
    assert_eq!(begun.elapsed(), ms(1_284), "to the millisecond");
    let error = resil::within(Duration::ZERO, async { Ok::<_, io::Error>(1) }).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let refused = resil::within(Duration::ZERO, left()).await;
    assert!(matches!(refused, Err(Error::DeadlineExceeded { attempted: false, .. })));
}

#[tokio::test(start_paused = true)]
async fn it_counts_from_the_first_poll_and_can_be_spawned() {
    let _scope = resil::testing::isolated();
    let call = resil::within(ms(100), async {
        sleep(ms(90)).await;
        Ok::<_, Error>(resil::remaining())
    });
    tokio::time::advance(ms(500)).await;
    assert_eq!(tokio::spawn(call).await.unwrap().unwrap(), Some(ms(10)));
}

#[tokio::test(start_paused = true)]
async fn a_retry_within_does_not_wait_past_it() {
    #[retry(idempotent, attempts = 10, base = "40ms", factor = 1.0, jitter = "none")]
    async fn repeated(attempts: &Cell<u32>) -> io::Result<()> {
        attempts.set(attempts.get() + 1);
        Err(io::ErrorKind::TimedOut.into())
    }
    let _scope = resil::testing::isolated();
    let attempts = Cell::new(0);
    assert!(resil::within(ms(100), repeated(&attempts)).await.is_err());
    assert_eq!(attempts.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_retry_by_hand_repeats_what_it_may() {
    static IDEMPOTENT: Retry = Retry::idempotent().attempts(3);
    static UNSENT: Retry = Retry::unsent();
    static KEYED: Retry = Retry::idempotency_key();
    let _scope = resil::testing::isolated();
    let attempts = Cell::new(0);
    let failing = |kind: io::ErrorKind| {
        let attempts = &attempts;
        move || async move {
            attempts.set(attempts.get() + 1);
            Err::<(), _>(io::Error::from(kind))
        }
    };
    let made = |outcome: io::Result<()>| {
        assert!(outcome.is_err());
        attempts.replace(0)
    };
    assert_eq!(made(IDEMPOTENT.call(failing(io::ErrorKind::TimedOut)).await), 3);
    assert_eq!(made(IDEMPOTENT.call(failing(io::ErrorKind::InvalidInput)).await), 1);
    assert_eq!(made(UNSENT.call(failing(io::ErrorKind::TimedOut)).await), 1);
    assert_eq!(made(UNSENT.call(failing(io::ErrorKind::ConnectionRefused)).await), 3);
    assert_eq!(made(KEYED.call(failing(io::ErrorKind::TimedOut)).await), 1, "without the key");
    assert!(IDEMPOTENT.call(|| async { io::Result::Ok(()) }).now_or_never().is_some());
}
