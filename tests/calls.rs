//! How each call of an annotated function ends, as a subscriber hears it.

use resil::policy::retry::Why;
use resil::{
    Classify, Error, Event, Events, Outcome, Verdict, circuit_breaker, fallback, outside_transaction, registry, retry,
    semaphore, timeout,
};
use std::future::pending;
use std::time::Duration;

#[derive(Debug, Classify)]
enum Failed {
    #[classify(status)]
    Status(u16),
    #[classify(delegate)]
    Policy(Error),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "error for url (https://p.example/pay?card=4111): {status}"),
            Self::Policy(error) => error.fmt(f),
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

fn told(events: &mut Events) -> Vec<Event> {
    std::iter::from_fn(|| events.try_next()).collect()
}

/// The one end among what is told.
fn end(events: &mut Events) -> (u32, Duration, Duration, Outcome, Option<String>) {
    let all = told(events);
    let ends: Vec<_> = all
        .iter()
        .filter_map(|event| match event {
            Event::Finished { attempts, waited, elapsed, outcome, error, .. } => {
                Some((*attempts, *waited, *elapsed, *outcome, error.as_deref().map(str::to_owned)))
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends.len(), 1, "{all:?}");
    ends.into_iter().next().unwrap_or_else(|| panic!("one"))
}

#[retry(idempotent, attempts = 3, jitter = "none")]
async fn retried(answer: u16) -> Result<(), Failed> {
    tokio::time::sleep(Duration::from_millis(7)).await;
    match answer {
        200 => Ok(()),
        HANGS => pending().await,
        PANICS => panic!("a bug"),
        status => Err(Failed::Status(status)),
    }
}

const HANGS: u16 = 0;
const PANICS: u16 = 1;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn each_end_is_told_once_with_its_attempts_and_times() {
    let _scope = resil::testing::isolated();
    let mut events = registry().subscribe().with_calls();

    assert!(retried(200).await.is_ok());
    assert_eq!(end(&mut events), (1, millis(0), millis(7), Outcome::Succeeded, None));

    assert!(retried(503).await.is_err());
    let verdict = Verdict::status(503);
    assert_eq!(end(&mut events), (3, millis(300), millis(321), Outcome::Failed(verdict), None));

    assert!(retried(400).await.is_err());
    let all = told(&mut events);
    assert!(
        matches!(&all[0], Event::GaveUp { attempt: 1, why: Why::NotRepeatable, verdict, .. } if verdict.status == Some(400)),
        "{all:?}"
    );
    assert!(matches!(&all[1], Event::Finished { attempts: 1, .. }), "{all:?}");

    // Cancelled in an attempt, and in a wait.
    assert!(tokio::time::timeout(millis(50), retried(HANGS)).await.is_err());
    assert_eq!(end(&mut events), (1, millis(0), millis(50), Outcome::Cancelled, None));
    assert!(tokio::time::timeout(millis(50), retried(503)).await.is_err());
    assert_eq!(end(&mut events), (1, millis(43), millis(50), Outcome::Cancelled, None));

    assert!(tokio::spawn(retried(PANICS)).await.is_err());
    assert_eq!(end(&mut events), (1, millis(0), millis(7), Outcome::Panicked, None));

    drop(retried(200));
    assert_eq!(told(&mut events), [], "one that never began is no call");
}

#[tokio::test(start_paused = true)]
async fn what_policies_do_is_an_end_as_well() {
    #[circuit_breaker(name = "ends", window = 1, min_calls = 1)]
    async fn broken(status: u16) -> Result<(), Failed> {
        Err(Failed::Status(status))
    }
    #[fallback(value = 7)]
    async fn answered() -> Result<u32, Failed> {
        Err(Failed::Status(500))
    }
    #[derive(Debug)]
    struct Unclassified;
    impl From<Error> for Unclassified {
        fn from(_: Error) -> Self {
            Self
        }
    }
    #[timeout("1s")]
    async fn bounded() -> Result<(), Unclassified> {
        pending().await
    }
    #[outside_transaction]
    #[semaphore(permits = 1)]
    async fn outside() -> Result<(), Failed> {
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let mut events = registry().subscribe().with_calls();

    assert!(broken(500).await.is_err());
    let all = told(&mut events);
    let failed = |event: &Event| matches!(event, Event::GaveUp { attempt: 1, why: Why::NoRetry, verdict, .. } if verdict.status == Some(500));
    assert!(all.iter().any(failed), "a 500 without a retry is told: {all:?}");
    assert!(broken(500).await.is_err());
    let (attempts, .., outcome, _) = end(&mut events);
    assert_eq!((attempts, outcome.as_str()), (0, "refused"));

    assert!(answered().await.is_ok());
    assert_eq!(end(&mut events).3, Outcome::Succeeded);
    assert!(bounded().await.is_err());
    let (attempts, .., elapsed, outcome, _) = end(&mut events);
    assert_eq!((attempts, elapsed, outcome.as_str()), (1, Duration::from_secs(1), "permanent"));
    assert!(outside().await.is_ok());
    assert_eq!(end(&mut events).3, Outcome::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn only_who_asks_hears_of_ends_and_of_texts() {
    let _scope = resil::testing::isolated();
    let mut others = registry().subscribe();
    assert!(retried(200).await.is_ok());
    let mut events = registry().subscribe().with_calls();
    assert!(retried(404).await.is_err());
    assert_eq!(end(&mut events).4, None);

    registry().tell_errors(true);
    assert!(retried(404).await.is_err());
    assert_eq!(end(&mut events).4.as_deref(), Some("error for url (https://p.example/pay): 404"));
    registry().tell_errors(false);
    assert!(retried(404).await.is_err());
    assert_eq!(end(&mut events).4, None);

    let all = told(&mut others);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all.iter().all(|event| matches!(event, Event::GaveUp { .. })), "{all:?}");
}
